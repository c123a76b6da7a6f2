import { randomBytes } from "node:crypto";
import { closeSync, fstatSync } from "node:fs";
import { printable } from "../serve/printable.ts";

/** Where a command reads and writes: the process's own streams, or a test's. What a terminal would obey is shown, not sent. */
export interface Terminal {
  /** Writes to standard output; the line end is added. */
  out(text: string): void;
  /** Writes to standard error; the line end is added. */
  err(text: string): void;
  /** Writes one line of standard error over the one before, without a line end; null where that is no terminal. */
  line: ((text: string) => void) | null;
  /** Standard output is a terminal that shows colours. */
  colours: boolean;
  /** Stands before the sequences that `paint` writes: who has put sequences into a value does not know it. */
  mark: string;
  /** Columns that help texts may fill. */
  columns: number;
  /** Standard input when single key presses can be read from it, else null. */
  keys: NodeJS.ReadStream | null;
}

/** Longer lines than this are hard to read, however wide the window is. */
const WIDEST_COLUMNS = 110;

/** The terminal of this process. Colours only where a person looks, and never with NO_COLOR set (no-color.org). */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process;
  const mark = randomBytes(12).toString("hex");
  return {
    out: (text) => stdout.write(`${sendable(text, mark)}\n`),
    err: (text) => stderr.write(`${sendable(text, mark)}\n`),
    // CSI EL (ECMA-48 section 8.3.41) clears what the line held before.
    line: stderr.isTTY === true ? (text) => stderr.write(`\r\u001b[K${sendable(text, mark)}`) : null,
    colours: stdout.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb",
    mark,
    columns: Math.min(stdout.columns ?? WIDEST_COLUMNS, WIDEST_COLUMNS),
    keys: stdin.isTTY === true ? stdin : null,
  };
}

/** SGR parameters (ECMA-48 section 8.3.117). */
const STYLES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof STYLES;

/** The text in a style where the terminal shows colours, else the text as it is. */
export function paint({ colours, mark }: Terminal, style: Style, text: string): string {
  return colours ? `${mark}${sequenceOf(STYLES[style])}${text}${mark}${sequenceOf("0")}` : text;
}

function sequenceOf(parameter: string): string {
  return `\u001b[${parameter}m`;
}

const SEQUENCES = ["0", ...Object.values(STYLES)].map(sequenceOf);

/** The text with nothing in it that a terminal would obey but what `paint` has written, without its marks. */
function sendable(text: string, mark: string): string {
  const [first, ...painted] = text.split(mark);
  const parts = painted.map((part) => {
    const sequence = SEQUENCES.find((each) => part.startsWith(each)) ?? "";
    return `${sequence}${printable(part.slice(sequence.length))}`;
  });
  return [printable(first!), ...parts].join("");
}

/** Standard input, output and error. */
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Closes standard streams that are terminals. A Node.js process that ends gives each terminal back the mode in which it
 * found it, and where that has hung up, or is about to, it ends with SIGABRT or SIGSEGV in place of its exit code. Who
 * changed the mode has changed it back by then.
 */
export function letGoOfTerminals(streams: readonly number[] = STANDARD_STREAMS): void {
  for (const stream of streams) {
    try {
      if (fstatSync(stream).isCharacterDevice()) closeSync(stream);
    } catch {
      // It is closed already.
    }
  }
}
