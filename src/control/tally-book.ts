import type { SnapshotNames } from "../config/compile.ts";
import { dataBlocks, type SharedBlocks, WORD_GENERATION, WORD_STARTED_S } from "../serve/blocks.ts";
import type { Snapshot } from "../snapshot.ts";
import { layTallies, type TallyLayout } from "../tallies.ts";

/** One thing that is counted: label values, and how often since this control worker began. */
export interface Tallied {
  labels: Record<string, string>;
  count: number;
}

export const TALLY_KINDS = ["zones", "records", "pools", "endpoints"] as const;
export type TallyKind = (typeof TALLY_KINDS)[number];

/** Sums what the workers count, over them and over snapshots. */
export interface TallyBook {
  /** From here on workers count by another snapshot; what they counted by those before stays. */
  adopt(snapshot: Snapshot, names: SnapshotNames): void;
  /** The `most` largest of a kind; those that were never counted among them while there is room. */
  largest(kind: TallyKind, most: number): Tallied[];
}

/** A snapshot's tallies, and what its numbers mean. */
interface Page {
  generation: number;
  words: Float64Array;
  layout: TallyLayout;
  names: SnapshotNames;
}

/** Workers adopt within milliseconds. With one that is stuck, what it goes on counting by older snapshots is lost. */
const MAX_OLD_PAGES = 4;

export function createTallyBook(blocks: SharedBlocks): TallyBook {
  let current: Page | null = null;
  /** Newest first: workers may still count in them. */
  let old: Page[] = [];
  let carried = createSums();

  /** Takes what no worker counts in any more into the sums, and forgets what no longer exists. */
  const settle = (): void => {
    const settled = old.filter((page, at) => at >= MAX_OLD_PAGES || isSettled(blocks, page.generation));
    if (settled.length === 0) return;
    old = old.filter((page) => !settled.includes(page));
    const after = createSums();
    for (const kind of TALLY_KINDS) {
      const before = carried[kind];
      for (const page of settled) addTo(before, page, kind, blocks);
      if (current === null || before.size === 0) continue;
      walk(current, kind, blocks, ({ key }) => {
        const count = before.get(key());
        if (count !== undefined) after[kind].set(key(), count);
      });
    }
    carried = after;
  };
  return {
    adopt: (snapshot, names) => {
      if (current !== null) old.unshift(current);
      const { generation, tallies } = snapshot;
      const layout = layTallies(snapshot);
      current = tallies === undefined ? null : { generation, words: tallies.words, layout, names };
      settle();
    },
    largest: (kind, most) => {
      if (current === null) return [];
      settle();
      const before = new Map(carried[kind]);
      for (const page of old) addTo(before, page, kind, blocks);
      const found: Counted[] = [];
      walk(current, kind, blocks, (counted) => {
        const { key } = counted;
        if (before.size > 0) counted.count += before.get(key()) ?? 0;
        found.push(counted);
      });
      // Only then: while there is room, the order of the files.
      if (found.length > most) found.sort((left, right) => right.count - left.count);
      return found.slice(0, most).map(({ labels, count }) => ({ labels: labels(), count }));
    },
  };
}

/** Names are made only where they are asked for. */
interface Counted {
  key: () => string;
  labels: () => Record<string, string>;
  count: number;
}

type Sums = Record<TallyKind, Map<string, number>>;

function createSums(): Sums {
  return { zones: new Map(), records: new Map(), pools: new Map(), endpoints: new Map() };
}

/** Whether every worker that was ever started answers from a later snapshot. */
function isSettled(blocks: SharedBlocks, generation: number): boolean {
  return dataBlocks(blocks).every(
    ({ words }) =>
      Atomics.load(words, WORD_STARTED_S) === 0 || Atomics.load(words, WORD_GENERATION) > generation,
  );
}

function addTo(sums: Map<string, number>, page: Page, kind: TallyKind, blocks: SharedBlocks): void {
  walk(page, kind, blocks, ({ key, count }) => {
    if (count > 0) sums.set(key(), (sums.get(key()) ?? 0) + count);
  });
}

/** All of a kind that a page counts, summed over the workers. */
function walk(page: Page, kind: TallyKind, blocks: SharedBlocks, visit: (counted: Counted) => void): void {
  const sums = sumRuns(page, blocks);
  const { layout, names } = page;
  const { addresses, endpoints, pools, records } = names.policy;
  const add = (names: readonly string[], values: readonly string[], count: number): void =>
    visit({
      key: () => values.join("\n"),
      labels: () => Object.fromEntries(names.map((name, at) => [name, values[at]!])),
      count,
    });
  if (kind === "zones") for (const [at, zone] of names.zones.entries()) add(["zone"], [zone], sums[1 + at]!);
  if (kind === "records")
    for (const [at, { zone, owner }] of records.entries())
      add(["zone", "record"], [zone, owner], sums[layout.records + at]!);
  const led = new Float64Array(pools.length);
  if (kind === "pools" || kind === "endpoints")
    for (const [at, { text, endpoint: number }] of addresses.entries()) {
      const endpoint = endpoints[number];
      // An address of a last resort.
      if (endpoint === undefined) continue;
      led[endpoint.pool]! += sums[layout.leads + at]!;
      if (kind === "pools") continue;
      const { zone, name: pool } = pools[endpoint.pool]!;
      const values = [zone, pool, endpoint.name, text];
      add(["zone", "pool", "endpoint", "address"], values, sums[layout.addresses + at]!);
    }
  if (kind === "pools")
    for (const [at, { zone, name }] of pools.entries()) add(["zone", "pool"], [zone, name], led[at]!);
}

/** The stream worker has the first run, UDP workers those behind it, as in dataBlocks. */
function sumRuns({ words, layout }: Page, blocks: SharedBlocks): Float64Array {
  const { slots } = layout;
  const started = blocks.udp.filter((block) => Atomics.load(block.words, WORD_STARTED_S) !== 0).length;
  const sums = words.slice(0, slots);
  for (let run = 1; run <= started; run++)
    for (let slot = 0; slot < slots; slot++) sums[slot]! += words[run * slots + slot]!;
  return sums;
}
