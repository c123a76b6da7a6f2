import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { type LatencyTable, parseLatencyTable } from "../geo/latency-table.ts";
import { type ConfigCache, cached, type Made } from "./cache.ts";
import { isMapping } from "./chosen.ts";
import type { Finding } from "./findings.ts";
import { cutFinding, MAX_FINDINGS_PER_FILE } from "./problem.ts";
import type { FragmentInput, ZoneInput } from "./schema-zone.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile } from "./steady-file.ts";
import { fileFinding } from "./zones-folder.ts";

/** The tables that a zone's file names, by the text there; null: it cannot be used, which is reported. */
export type LatencyTables = ReadonlyMap<string, LatencyTable | null>;

/** A million rows have some 40 octets each. */
export const MAX_LATENCY_OCTETS = 64 * 2 ** 20;

interface Parsed {
  table: LatencyTable | null;
  findings: Finding[];
}

/** Where policies stand. */
type PolicyInput = Pick<FragmentInput, "policies"> & Partial<Pick<ZoneInput, "records">>;

/** Loads latency tables for one configuration; each is the same object as long as its file does not change. */
export interface LatencyLoader {
  /** Paths are relative to `folder`. */
  load(input: PolicyInput | null, folder: string): LatencyTables;
  /** Absolute paths of all that were asked for. */
  paths: Set<string>;
}

/** A loader that reports what is wrong with a table once, however many zones name it. */
export function createLatencyLoader(cache: ConfigCache, findings: Finding[]): LatencyLoader {
  const paths = new Set<string>();
  const load = (input: PolicyInput | null, folder: string): LatencyTables => {
    const tables = new Map<string, LatencyTable | null>();
    for (const name of input === null ? [] : tableNames(input)) {
      const path = resolve(folder, name);
      const parsed = cached(cache, "latency", path, () => readLatencyTable(path));
      if (!paths.has(path)) findings.push(...parsed.findings);
      paths.add(path);
      tables.set(name, parsed.table);
    }
    return tables;
  };
  return { load, paths };
}

/** Reads one table, or says everything that is wrong with it. */
export function readLatencyTable(path: string): Made<Parsed> {
  const file = shownPath(path);
  const read = readSteadyFile(path, MAX_LATENCY_OCTETS);
  if (!("octets" in read))
    return { result: { table: null, findings: [fileFinding(file, read)] }, stamps: new Map([[path, ""]]) };
  const stamps = new Map([[path, read.stamp]]);
  const id = createHash("sha256").update(read.octets).digest("hex");
  const parsed = parseLatencyTable(new TextDecoder().decode(read.octets), id);
  if ("table" in parsed) return { result: { table: parsed.table, findings: [] }, stamps };
  const findings = parsed.problems
    .slice(0, MAX_FINDINGS_PER_FILE)
    .map((problem): Finding => ({ severity: "error", file, ...problem }));
  if (parsed.problems.length > MAX_FINDINGS_PER_FILE) findings.push(cutFinding("error", file));
  return { result: { table: null, findings }, stamps };
}

/** What `table` says in every `latency` policy of the file, used or not. */
function tableNames({ policies, records }: PolicyInput): Set<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (isMapping(value) && isMapping(value.latency) && typeof value.latency.table === "string")
      names.add(value.latency.table);
    if (typeof value === "object" && value !== null) for (const child of Object.values(value)) visit(child);
  };
  visit(policies);
  visit(records);
  return names;
}
