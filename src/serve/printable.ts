/**
 * What makes a terminal do something else than show a letter: C0 and C1 controls and DEL (ECMA-48), line separators, and what
 * turns the direction of text around. Tabs and line ends are left.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** The text with controls as `\u001b`, which is also what JSON takes for them. */
export function printable(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** As `printable`, in one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n]/g, escaped);
}

function escaped(control: string): string {
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A value of JSON with every text in it printable. */
export function printableValue(value: unknown): unknown {
  if (typeof value === "string") return printable(value);
  if (Array.isArray(value)) return value.map(printableValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, held]) => [printable(key), printableValue(held)]),
  );
}
