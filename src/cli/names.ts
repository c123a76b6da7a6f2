import { describeNameFault, nameFromText } from "../wire/name-text.ts";
import { knownTypeNames, parseType } from "../wire/registry.ts";
import { suggest } from "../zone/suggest.ts";
import { UsageError } from "./command.ts";

const ROOT = Uint8Array.of(0);

/** The wire form of a name on the command line, which is absolute with or without its final dot. Throws UsageError. */
export function nameArgument(text: string): Uint8Array {
  const name = nameFromText(text, ROOT);
  if (typeof name !== "number") return name;
  const fault = describeNameFault(name);
  throw new UsageError(`"${text}" ${fault.what}: expected ${fault.expected}`);
}

/** The number of a record type on the command line, as `aaaa` or `TYPE65`. Throws UsageError. */
export function typeArgument(text: string): number {
  const type = parseType(text);
  if (type >= 0) return type;
  const near = suggest(text.toUpperCase(), knownTypeNames());
  const hint = near === undefined ? "expected a name as AAAA, or TYPE65" : `did you mean ${near}?`;
  throw new UsageError(`"${text}" is not a record type: ${hint}`);
}
