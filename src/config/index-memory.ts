import type { TableReport } from "../geo/compile-tables.ts";
import { type PolicyData, RECORD_TABLE_COUNT, RECORD_TABLES, RECORD_WORDS } from "../policy/data.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Finding } from "./findings.ts";

/** What one prefix index costs. */
export interface IndexSize extends TableReport {
  /** Kind and the first record that reads it: `geo of www.gslb.example`. */
  name: string;
  /** Records that read it. */
  records: number;
}

/** As many of the largest indexes are named where a configuration needs too much. */
const NAMED = 3;

/** What each index costs, in the order of the tables. */
export function indexSizes(
  reports: readonly TableReport[],
  policy: PolicyData,
  names: PolicyNames,
): IndexSize[] {
  const sizes = reports.map((report): IndexSize => ({ ...report, name: report.kind, records: 0 }));
  for (const [record, { owner }] of names.records.entries()) {
    const at = record * RECORD_WORDS;
    const first = policy.records[at + RECORD_TABLES]!;
    for (let run = first; run < first + policy.records[at + RECORD_TABLE_COUNT]!; run++) {
      const size = sizes[policy.recordTables[run]!];
      if (size === undefined) continue;
      if (size.records++ === 0) size.name = `${size.kind} of ${owner.replace(/\.$/, "")}`;
    }
  }
  return sizes;
}

/** Null: the indexes fit into the budget. */
export function checkIndexMemory(
  sizes: readonly IndexSize[],
  limitOctets: number,
  file: string,
): Finding | null {
  const octets = sizes.reduce((sum, size) => sum + size.octets, 0);
  if (octets <= limitOctets) return null;
  const largest = largestIndexes(sizes, NAMED).map((size) => `${size.name} (${formatOctets(size.octets)})`);
  return {
    severity: "error",
    code: "CFG_LIMIT_INDEX",
    file,
    line: 0,
    column: 0,
    what: `the prefix indexes take ${formatOctets(octets)} or more, the largest of them ${largest.join(", ")}`,
    expected: `at most ${formatOctets(limitOctets)}, which index_memory in steerd.yaml can raise`,
  };
}

export function largestIndexes(sizes: readonly IndexSize[], count: number): IndexSize[] {
  return [...sizes].sort((a, b) => b.octets - a.octets).slice(0, count);
}

/** `11.2 MiB`, `4.0 KiB`. */
export function formatOctets(octets: number): string {
  return octets < 2 ** 20 ? `${(octets / 2 ** 10).toFixed(1)} KiB` : `${(octets / 2 ** 20).toFixed(1)} MiB`;
}
