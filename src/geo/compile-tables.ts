import { type CellDraft, copyIndex, draftCells } from "./cells.ts";
import { addChain, type ChainDraft, draftChains } from "./chains.ts";
import { type ClassSteps, classifyTable } from "./classify.ts";
import type { GeoSources } from "./databases.ts";
import { buildIndex } from "./index-build.ts";
import { overlapCells } from "./overlap.ts";
import type { GeoProblem } from "./problem.ts";
import {
  CELL_CLASS_MASK,
  CELL_OFFSET_SHIFT,
  identifyTable,
  TABLE_BITS4,
  TABLE_BITS6,
  TABLE_ROOT4,
  TABLE_ROOT6,
  TABLE_UNKNOWN,
  TABLE_WORDS,
  type TableData,
  type TableModel,
} from "./table.ts";

/** What a table costs and how fine it is. */
export interface TableReport {
  kind: TableModel["kind"];
  /** Taken over from the previous compilation. */
  reused: boolean;
  /** Number of tiles per family. */
  tiles4: number;
  tiles6: number;
  /** Length of the longest tile in which clients can be: neither a special-purpose block's nor within 0000::/3. */
  longest4: number;
  longest6: number;
  /** Tiles longer than /24 and /56, other than those of clients of whom nothing is known. */
  fine4: number;
  fine6: number;
  /** Memory of the cells that this table added: blocks that an earlier one has too count there. */
  octets: number;
}

/** All tables of a configuration, and what the next compilation needs to take over what did not change. */
export interface CompiledTables {
  data: TableData;
  reports: TableReport[];
  /** Not empty: the tables do not fit, and `data` must not be used. */
  problems: GeoProblem[];
  sources: GeoSources;
  /** What each table was made from besides the databases, as text. */
  identities: string[];
}

/**
 * Compiles tables into shared memory, in the order of `models`. A table whose model and databases are those of a
 * `previous` one is copied, not made again; when all are, the previous result is returned as it is. The models' keys must
 * be valid: an invalid one throws. Once the tables take twice
 * `limitOctets` no more are made, so that what is refused anyway does not take any amount of memory first: there are fewer
 * reports than models then, and they exceed the limit, since blocks overlap by at most half.
 */
export function compileTables(
  models: readonly TableModel[],
  sources: GeoSources,
  previous: CompiledTables | null = null,
  limitOctets = Number.POSITIVE_INFINITY,
): CompiledTables {
  const identities = models.map(identifyTable);
  const known = previous === null ? new Map<string, number>() : reusable(previous, sources);
  if (previous !== null && identities.length === previous.identities.length) {
    if (identities.every((identity, table) => known.get(identity) === table)) return previous;
  }
  const chains = draftChains();
  const draft = draftCells(sources.runs + (sources.asn?.runs ?? 0));
  const tables = new Int32Array(models.length * TABLE_WORDS);
  const reports: TableReport[] = [];
  /** By table the block after its last one. */
  const ends: number[] = [];
  for (const [table, model] of models.entries()) {
    if (draft.length * Int32Array.BYTES_PER_ELEMENT > 2 * limitOctets) break;
    const words = tables.subarray(table * TABLE_WORDS, (table + 1) * TABLE_WORDS);
    const old = known.get(identities[table]!);
    if (previous !== null && old !== undefined) {
      reports.push(copyTable(previous, old, draft, words, chains));
    } else reports.push(buildTable(model, classifyTable(model, sources, chains), draft, words));
    ends.push(draft.blockCount);
  }
  const { cells, own } = overlapCells(draft, tables, shareWords);
  for (const [table, report] of reports.entries())
    report.octets = sumOf(own, ends[table - 1] ?? 0, ends[table]!) * Int32Array.BYTES_PER_ELEMENT;
  return {
    data: {
      cells,
      tables: share(tables),
      chains: share(Int32Array.from(chains.words)),
    },
    reports,
    problems: checkLimits(draft.length, chains.words.length),
    sources,
    identities,
  };
}

/** Tables of the previous compilation by identity, as far as `sources` are still theirs. */
function reusable(previous: CompiledTables, sources: GeoSources): Map<string, number> {
  const samePlaces = previous.sources.city === sources.city && previous.sources.country === sources.country;
  const sameSystems = previous.sources.asn === sources.asn;
  const isSame = {
    latency: samePlaces && sameSystems,
    geo: samePlaces,
    nearest: samePlaces,
    asn: sameSystems,
    subnets: true,
    sticky: true,
  };
  const known = new Map<string, number>();
  for (const [table, identity] of previous.identities.entries()) {
    if (isSame[previous.reports[table]!.kind]) known.set(identity, table);
  }
  return known;
}

function buildTable(
  model: TableModel,
  classes: ClassSteps,
  draft: CellDraft,
  words: Int32Array,
): TableReport {
  const ipv4 = buildIndex(draft, classes.steps[4], classes.unknown);
  const ipv6 = buildIndex(draft, classes.steps[6], classes.unknown);
  words[TABLE_ROOT4] = ipv4.root;
  words[TABLE_BITS4] = ipv4.bits;
  words[TABLE_ROOT6] = ipv6.root;
  words[TABLE_BITS6] = ipv6.bits;
  words[TABLE_UNKNOWN] = classes.unknown;
  return {
    kind: model.kind,
    reused: false,
    tiles4: ipv4.tiles,
    tiles6: ipv6.tiles,
    longest4: ipv4.longestBits,
    longest6: ipv6.longestBits,
    fine4: ipv4.fine,
    fine6: ipv6.fine,
    octets: 0,
  };
}

/** Copies a table's indexes; classes become the offsets that their chains have now. */
function copyTable(
  previous: CompiledTables,
  table: number,
  draft: CellDraft,
  words: Int32Array,
  chains: ChainDraft,
): TableReport {
  const { cells, tables, chains: old } = previous.data;
  words.set(tables.subarray(table * TABLE_WORDS, (table + 1) * TABLE_WORDS));
  const moved = new Int32Array(old.length);
  const move = (offset: number) => {
    if (moved[offset] === 0) {
      moved[offset] = addChain(chains, [...old.subarray(offset + 1, offset + 1 + old[offset]!)]);
    }
    return moved[offset]!;
  };
  words[TABLE_ROOT4] = copyIndex(draft, cells, words[TABLE_ROOT4]!, words[TABLE_BITS4]!, move);
  words[TABLE_ROOT6] = copyIndex(draft, cells, words[TABLE_ROOT6]!, words[TABLE_BITS6]!, move);
  words[TABLE_UNKNOWN] = move(words[TABLE_UNKNOWN]!);
  return { ...previous.reports[table]!, reused: true };
}

/** Cells address 2^27 of their kind (512 MiB), and a class is an offset of 23 bits into the chains. */
export function checkLimits(cellCount: number, chainWords: number): GeoProblem[] {
  const cellLimit = 2 ** (31 - CELL_OFFSET_SHIFT);
  const limits: [string, number, number][] = [
    ["cells", cellCount, cellLimit],
    ["words of chains", chainWords, CELL_CLASS_MASK],
  ];
  return limits
    .filter(([, count, limit]) => count > limit)
    .map(([what, count, limit]) => ({
      code: "GEO_TABLES_LIMIT",
      what: `the tables take ${count} ${what}`,
      expected: `at most ${limit}`,
    }));
}

function sumOf(words: Int32Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += words[at]!;
  return sum;
}

function shareWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}

function share(words: Int32Array): Int32Array {
  const shared = shareWords(words.length);
  shared.set(words);
  return shared;
}
