import { LOWER } from "../wire/name.ts";
import type { RecordIndex } from "./record-index.ts";
import { addFinding, type FindingList } from "./zone-finding.ts";

/** A name that the zone's .yaml steers. */
export interface DynamicName {
  /** Wire form, lower case. */
  name: Uint8Array;
  /** Its tree reaches a CNAME target, so that no other type may stand there; else it owns A and AAAA. */
  ownsName: boolean;
  /** Types that it owns besides A and AAAA. */
  ownsTypes?: readonly number[];
}

/** A zone being checked. */
export interface Check {
  index: RecordIndex;
  list: FindingList;
  /** Number of delegations: with none, nothing has to be looked for above a name. */
  delegations: number;
  /** By nameKey. */
  dynamic: Map<string, DynamicName>;
  /** File of findings that have no record. */
  file: string;
}

/** The octets of a name, in lower case, as a key for a Map. */
export function nameKey(octets: Uint8Array, at: number, length: number): string {
  let key = "";
  for (let i = at; i < at + length; i++) key += String.fromCharCode(LOWER[octets[i]!]!);
  return key;
}

/** Reports a finding at a record's line; `other` is a second record that it is about, whose place is told too. */
export function report(
  check: Check,
  severity: "error" | "warning",
  code: string,
  record: number,
  what: string,
  expected: string,
  other = -1,
): void {
  const { columns } = check.index;
  const file = columns.files[columns.file[record]!]!;
  const line = columns.line[record]!;
  addFinding(check.list, {
    severity,
    code,
    file,
    line,
    column: 0,
    what: other < 0 ? what : `${what} (${placeOf(check, other, file)})`,
    expected,
  });
}

function placeOf(check: Check, record: number, file: string): string {
  const { columns } = check.index;
  const otherFile = columns.files[columns.file[record]!]!;
  const line = `line ${columns.line[record]}`;
  return otherFile === file ? line : `${otherFile} ${line}`;
}
