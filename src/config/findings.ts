import { printableLine } from "../serve/printable.ts";

/** One thing wrong, or doubtful, in a file: said once, with its place. */
export interface Finding {
  severity: "error" | "warning";
  /** Stable upper-case code with an entry in docs/errors.md, as CFG_POOL_UNKNOWN or ZONE_CNAME_AND_OTHER. */
  code: string;
  /** Path as the user wrote it, relative to the working directory where possible. */
  file: string;
  /** From 1; 0 when the whole file is meant. */
  line: number;
  column: number;
  /** What was found, with the value in quotes: `www: "eu-wset" is not a pool`. */
  what: string;
  /** What was expected, without a final period: `one of eu-west, us-east`. Empty when `what` says it all. */
  expected: string;
}

/** The text of a finding in one line, with nothing in it that a terminal would obey: it holds words of the file. */
export function sentenceOf({ what, expected }: Pick<Finding, "what" | "expected">): string {
  return printableLine(expected === "" ? what : `${what}: expected ${expected}`);
}

/** One line: `zones/a.yaml:14:9 CFG_POOL_UNKNOWN www: "eu-wset" is not a pool: expected one of eu-west, us-east`. */
export function formatFinding(finding: Finding): string {
  return `${formatPlace(finding)} ${finding.code} ${sentenceOf(finding)}`;
}

/** `file`, `file:line` or `file:line:column`, as far as it is known. */
export function formatPlace(finding: Pick<Finding, "file" | "line" | "column">): string {
  if (finding.line === 0) return finding.file;
  return finding.column === 0
    ? `${finding.file}:${finding.line}`
    : `${finding.file}:${finding.line}:${finding.column}`;
}
