import { asnChains } from "./asn-chains.ts";
import { addChain, type ChainDraft } from "./chains.ts";
import { withBuiltIn } from "./country.ts";
import { findLocation, type GeoDatabase, type GeoSources } from "./databases.ts";
import { geoChains } from "./geo-chains.ts";
import { classifyLatency } from "./latency.ts";
import { nearestChains } from "./nearest.ts";
import { type Prefix, parsePrefix } from "./prefix.ts";
import { prefixSteps } from "./prefix-steps.ts";
import { EMBEDDED_BLOCKS, SPECIAL_BLOCKS } from "./special.ts";
import {
  appendRuns,
  appendStep,
  compareWords,
  constantSteps,
  draftSteps,
  findStep,
  finishSteps,
  mapSteps,
  type Steps,
  setCursorTo,
} from "./steps.ts";
import { CLASS_NOTHING, type TableModel } from "./table.ts";

/** What a table says to every address: classes, or a negative number of its own for each block that is carved out. */
export interface ClassSteps {
  steps: Readonly<Record<4 | 6, Steps>>;
  /** Class of a client whose place is not known. */
  unknown: number;
}

/** Gives each address of both families the chain that the model makes for it. */
export function classifyTable(model: TableModel, sources: GeoSources, chains: ChainDraft): ClassSteps {
  const base = classifyKind(model, sources, chains);
  const { 4: ipv4, 6: ipv6 } = base.steps;
  // A table that says the same to everybody needs no resolver's address instead, and its tile is all there is.
  if (
    model.kind !== "sticky" &&
    ipv4.count === 1 &&
    ipv6.count === 1 &&
    ipv4.values[0] === base.unknown &&
    ipv6.values[0] === base.unknown
  ) {
    return base;
  }
  const own = model.kind === "subnets" ? base.unknown : null;
  return { steps: { 4: carveBlocks(ipv4, 4, own), 6: carveBlocks(ipv6, 6, own) }, unknown: base.unknown };
}

function classifyKind(model: TableModel, sources: GeoSources, chains: ChainDraft): ClassSteps {
  switch (model.kind) {
    case "subnets":
      return classifySubnets(model.keys, chains);
    case "asn":
      return classifySystems(model.keys, sources.asn, chains);
    case "latency":
      return classifyLatency(model, sources, chains);
    case "sticky":
      return {
        steps: { 4: constantSteps(1, CLASS_NOTHING), 6: constantSteps(4, CLASS_NOTHING) },
        unknown: CLASS_NOTHING,
      };
    case "geo":
    case "nearest":
      return classifyPlaces(model, sources, chains);
    default:
      return model satisfies never;
  }
}

/** Carved blocks count from here downwards, so that neighbours never merge. */
const FIRST_BLOCK = -1;

const CARVED: Readonly<Record<4 | 6, Steps>> = {
  4: prefixSteps(1, [...SPECIAL_BLOCKS[4]], (index) => FIRST_BLOCK - index, 0),
  6: prefixSteps(4, [...SPECIAL_BLOCKS[6], ...EMBEDDED_BLOCKS], (index) => FIRST_BLOCK - index, 0),
};

/**
 * Takes the special-purpose blocks out, and of IPv6 those that embed IPv4. `uncovered`: for `subnets` tables the class of
 * addresses that no entry covers, since entries count in special-purpose blocks too; null: the blocks are always special.
 */
function carveBlocks(steps: Steps, family: 4 | 6, uncovered: number | null): Steps {
  // Only IPv6 has blocks that embed addresses; IPv4 has more special blocks, whose numbers would reach theirs.
  const firstEmbedded = family === 6 ? FIRST_BLOCK - SPECIAL_BLOCKS[6].length : Number.NEGATIVE_INFINITY;
  const blocks = CARVED[family];
  const draft = draftSteps(steps.words, steps.count + 2 * blocks.count);
  for (let at = 0; at < blocks.count; at++) {
    const block = blocks.values[at]!;
    setCursorTo(draft, blocks, at);
    const first = findStep(steps, draft.cursor);
    const end = at + 1 < blocks.count ? firstRunAfter(steps, blocks, at + 1) : steps.count;
    if (block === 0) {
      appendStep(draft, steps.values[first]!);
      appendRuns(draft, steps, first + 1, end);
    } else if (uncovered === null || block <= firstEmbedded) appendStep(draft, block);
    else {
      for (let run = first; run < end; run++) {
        if (run > first) setCursorTo(draft, steps, run);
        const value = steps.values[run]!;
        appendStep(draft, value === uncovered ? block : value);
      }
    }
  }
  return finishSteps(draft);
}

/** Index of the first run that starts at the start of block `at` or behind it. */
function firstRunAfter(steps: Steps, blocks: Steps, at: number): number {
  const start = blocks.starts.subarray(at * blocks.words, (at + 1) * blocks.words);
  const run = findStep(steps, start);
  return compareWords(steps.starts, run * steps.words, start, 0, steps.words) === 0 ? run : run + 1;
}

function classifySubnets(keys: readonly string[], chains: ChainDraft): ClassSteps {
  const fallback = keys.indexOf("default");
  const rest = fallback < 0 ? [] : [fallback];
  const unknown = addChain(chains, rest);
  const prefixes: Record<4 | 6, Prefix[]> = { 4: [], 6: [] };
  const entries: Record<4 | 6, number[]> = { 4: [], 6: [] };
  for (const [entry, key] of keys.entries()) {
    if (entry === fallback) continue;
    const prefix = parsePrefix(key);
    if (prefix === null) throw new Error(`"${key}" is no prefix`);
    prefixes[prefix.family].push(prefix);
    entries[prefix.family].push(entry);
  }
  const classify = (family: 4 | 6) =>
    prefixSteps(
      family === 4 ? 1 : 4,
      prefixes[family],
      (index, parents) =>
        addChain(chains, [index, ...parents].map((at) => entries[family][at]!).concat(rest)),
      unknown,
    );
  return { steps: { 4: classify(4), 6: classify(6) }, unknown };
}

/** Classes by autonomous system; without a database every client's is unknown. */
function classifySystems(
  keys: readonly string[],
  database: GeoDatabase | null,
  chains: ChainDraft,
): ClassSteps {
  const chainOf = asnChains(keys, chains);
  const unknown = chainOf(0);
  if (database === null) {
    return { steps: { 4: constantSteps(1, unknown), 6: constantSteps(4, unknown) }, unknown };
  }
  const { count, asns } = database.locations;
  const classes = Int32Array.from(asns.subarray(0, count), chainOf);
  return {
    steps: { 4: mapSteps(database.steps[4], classes), 6: mapSteps(database.steps[6], classes) },
    unknown,
  };
}

type PlaceModel = Extract<TableModel, { kind: "geo" | "nearest" }>;

/** Classes by location, for the tables that look at where a client is. */
function classifyPlaces(model: PlaceModel, sources: GeoSources, chains: ChainDraft): ClassSteps {
  const chainOf =
    model.kind === "geo"
      ? geoChains(model.keys, chains, withBuiltIn(model.groups))
      : nearestChains(model.locations, chains);
  const unknown = chainOf(null, 0);
  if (sources.count === 0)
    return { steps: { 4: constantSteps(1, unknown), 6: constantSteps(4, unknown) }, unknown };
  const classes = new Int32Array(sources.count);
  for (let id = 0; id < sources.count; id++) {
    const { locations, row } = findLocation(sources, id)!;
    classes[id] = row === 0 ? unknown : chainOf(locations, row);
  }
  return {
    steps: { 4: mapSteps(sources.steps[4], classes), 6: mapSteps(sources.steps[6], classes) },
    unknown,
  };
}
