import type { LatencyClient, LatencyRow, LatencyTable } from "./latency-table.ts";
import { clearHostBits, formatPrefix, type Prefix } from "./prefix.ts";
import { isWithin } from "./special.ts";

/** How much nearer another region must be before a client moves to it; `percent` of the way to the one it has. */
export type Gain = { kind: "ms" | "percent"; least: number };

export interface LatencyUpdate {
  table: Pick<LatencyTable, "regions" | "clients">;
  /** Prefixes whose best region changed; that kept theirs for want of gain; of which the log says nothing. */
  moved: number;
  kept: number;
  carried: number;
  /** Rows that are as the earlier table had them, and as old. */
  earlier: Set<LatencyRow>;
}

/** The rows that hold for a prefix, by region; of no region where no prefix that covers it has one. */
type RowsByRegion = (LatencyRow | undefined)[];

/** A kept region stays the best of those that the earlier table did not know. */
const BEHIND_MS = 0.01;

/**
 * Brings an earlier table up to date: what `next` measured replaces what `previous` said, but a client moves to another
 * best region only for a gain above the threshold, else it keeps the earlier rows. Each prefix of either table is
 * compared, with what the prefixes around it say where it has no row of its own; every one that differs from the
 * prefix around it gets rows for all regions. Clients that are no prefixes are taken over as they are.
 */
export function updateLatency(next: LatencyTable, previous: LatencyTable, gain: Gain): LatencyUpdate {
  const regions = [...new Set([...next.regions, ...previous.regions])].sort();
  const now = indexRows(next, regions);
  const before = indexRows(previous, regions);
  const update: LatencyUpdate = {
    table: { regions, clients: [] },
    moved: 0,
    kept: 0,
    carried: 0,
    earlier: new Set(),
  };
  /** Prefixes around the one that is written now, widest first, and what was written for them. */
  const around: { prefix: Prefix; rows: RowsByRegion }[] = [];
  for (const prefix of prefixesOf(now, before)) {
    while (around.length > 0 && !covers(around.at(-1)!.prefix, prefix)) around.pop();
    const rows = chooseRows(update, effectiveRows(now, prefix), effectiveRows(before, prefix), gain);
    const outer = around.at(-1)?.rows;
    around.push({ prefix, rows });
    if (outer !== undefined && rows.every((row, region) => row?.rttMs === outer[region]?.rttMs)) continue;
    update.table.clients.push({ key: { kind: "prefix", prefix }, rows: numbered(update, rows) });
  }
  for (const { key, rows } of previous.clients) {
    if (key.kind === "prefix") continue;
    const byRegion: RowsByRegion = [];
    for (const row of rows) byRegion[regions.indexOf(previous.regions[row.region]!)] = row;
    for (const row of rows) update.earlier.add(row);
    update.table.clients.push({ key, rows: numbered(update, byRegion) });
  }
  return update;
}

/** Rows with the numbers that regions have in the updated table. */
function numbered({ earlier }: LatencyUpdate, rows: RowsByRegion): LatencyRow[] {
  return rows.flatMap((row, region) => {
    if (row === undefined) return [];
    const copy = { ...row, region };
    if (earlier.has(row)) earlier.add(copy);
    return [copy];
  });
}

function chooseRows(
  update: LatencyUpdate,
  now: RowsByRegion,
  before: RowsByRegion,
  gain: Gain,
): RowsByRegion {
  const { earlier } = update;
  for (const row of before) if (row !== undefined) earlier.add(row);
  const hasNow = now.some((row) => row !== undefined);
  if (!hasNow) update.carried++;
  if (!hasNow || before.every((row) => row === undefined)) return hasNow ? now : before;
  const merged = now.map((row, region) => row ?? before[region]);
  const old = bestOf(before);
  const best = bestOf(merged);
  if (best === old) return merged;
  const had = merged[old]!.rttMs;
  const saved = had - merged[best]!.rttMs;
  if (saved > (gain.kind === "ms" ? gain.least : (had * gain.least) / 100)) {
    update.moved++;
    return merged;
  }
  update.kept++;
  const least = before[old]!.rttMs + BEHIND_MS;
  return before.map((row, region) => {
    const other = merged[region];
    return row ?? (other === undefined ? undefined : { ...other, rttMs: Math.max(other.rttMs, least) });
  });
}

/** The region with the lowest round trip; of equal ones the first by name. */
function bestOf(rows: RowsByRegion): number {
  let best = -1;
  for (const [region, row] of rows.entries())
    if (row !== undefined && (best < 0 || row.rttMs < rows[best]!.rttMs)) best = region;
  return best;
}

/** Rows of a table's prefixes, found by prefix. */
interface PrefixRows {
  rows: Map<string, { prefix: Prefix; rows: RowsByRegion }>;
  /** Lengths that there are, longest first. */
  lengths: Record<4 | 6, number[]>;
  regionCount: number;
}

function indexRows(table: LatencyTable, regions: readonly string[]): PrefixRows {
  const rows: PrefixRows["rows"] = new Map();
  const lengths = { 4: new Set<number>(), 6: new Set<number>() };
  const numbers = table.regions.map((region) => regions.indexOf(region));
  const add = (client: LatencyClient, prefix: Prefix) => {
    const byRegion: RowsByRegion = new Array<undefined>(regions.length).fill(undefined);
    for (const row of client.rows) byRegion[numbers[row.region]!] = row;
    rows.set(formatPrefix(prefix), { prefix, rows: byRegion });
    lengths[prefix.family].add(prefix.bits);
  };
  for (const client of table.clients) if (client.key.kind === "prefix") add(client, client.key.prefix);
  const descending = (set: Set<number>) => [...set].sort((a, b) => b - a);
  return {
    rows,
    lengths: { 4: descending(lengths[4]), 6: descending(lengths[6]) },
    regionCount: regions.length,
  };
}

/** For each region the row of the longest prefix around this one, itself included, that has one. */
function effectiveRows({ rows, lengths, regionCount }: PrefixRows, prefix: Prefix): RowsByRegion {
  const found: RowsByRegion = new Array<undefined>(regionCount).fill(undefined);
  for (const bits of lengths[prefix.family]) {
    if (bits > prefix.bits) continue;
    const known = rows.get(formatPrefix(clearHostBits({ ...prefix, bits })));
    if (known !== undefined) for (const [region, row] of known.rows.entries()) found[region] ??= row;
  }
  return found;
}

/** The prefixes of both, each once; wider ones before those within. */
function prefixesOf(a: PrefixRows, b: PrefixRows): Prefix[] {
  const all = new Map([...a.rows, ...b.rows]);
  return [...all.values()].map(({ prefix }) => prefix).sort(comparePrefixes);
}

function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let at = 0; at < a.octets.length; at++)
    if (a.octets[at] !== b.octets[at]) return a.octets[at]! - b.octets[at]!;
  return a.bits - b.bits;
}

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && outer.bits <= inner.bits && isWithin(inner.octets, outer);
}
