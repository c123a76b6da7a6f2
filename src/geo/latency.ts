import { addChain, type ChainDraft } from "./chains.ts";
import type { ClassSteps } from "./classify.ts";
import { COUNTRIES } from "./country.ts";
import { findLocation, type GeoSources } from "./databases.ts";
import type { LatencyClient, LatencyKey } from "./latency-table.ts";
import { type Locations, placeOf, subdivisionsOf } from "./location.ts";
import { orderByDistance } from "./nearest.ts";
import type { Prefix } from "./prefix.ts";
import { prefixSteps } from "./prefix-steps.ts";
import { constantSteps, joinSteps, mapSteps, type Steps } from "./steps.ts";
import { CHAIN_TIED, type TableModel } from "./table.ts";

export type LatencyModel = Extract<TableModel, { kind: "latency" }>;

/** Round trip to each entry in milliseconds; NaN: no row says. */
type RoundTrips = readonly number[];

/** What is known of some clients: round trips, and the order by distance for entries without one. */
interface Profile {
  rtts: RoundTrips;
  order: readonly number[];
}

/** Distinct values under numbers, the first one 0. */
interface Interned<T> {
  values: T[];
  numbers: Map<string, number>;
}

/**
 * Classes of `latency`: for each entry the row of the most specific client that has one, prefix before autonomous
 * system before subdivision, country and continent; entries by growing round trip, then those without one by distance.
 */
export function classifyLatency(model: LatencyModel, sources: GeoSources, chains: ChainDraft): ClassSteps {
  const rows = sortRows(model);
  const places = intern<Profile>();
  const systems = intern<RoundTrips>();
  const none = model.regions.map(() => Number.NaN);
  addTo(systems, none, none.join());
  const locate = profileOf(model, rows, none);
  const unknown = addProfile(places, locate(null, 0));
  const placeIds = new Int32Array(Math.max(1, sources.count)).fill(unknown);
  for (let id = 0; id < sources.count; id++) {
    const { locations, row } = findLocation(sources, id)!;
    if (row !== 0) placeIds[id] = addProfile(places, locate(locations, row));
  }
  const systemIds = sources.asn === null ? null : asnIds(sources.asn.locations, rows, systems);
  const classOf = classes(model, chains);
  const family = (of: 4 | 6): Steps => {
    const words = of === 4 ? 1 : 4;
    const prefixes = classifyPrefixes(rows.prefixes[of], words, none);
    const asn = systemIds === null ? constantSteps(words, 0) : mapSteps(sources.asn!.steps[of], systemIds);
    const pairs = intern<RoundTrips>();
    const orders: (readonly number[])[] = [];
    const pairOf = remembered((place, system) => {
      const { rtts, order } = places.values[place]!;
      const pair = addTo(pairs, inner(systems.values[system]!, rtts), `${place} ${system}`);
      orders[pair] = order;
      return pair;
    });
    const chainOfPair = remembered((pair, prefix) =>
      classOf(inner(prefixes.values[prefix]!, pairs.values[pair]!), orders[pair]!),
    );
    const wide = joinSteps(mapSteps(sources.steps[of], placeIds), asn, pairOf);
    return joinSteps(wide, prefixes.steps, chainOfPair);
  };
  return {
    steps: { 4: family(4), 6: family(6) },
    unknown: classOf(none, places.values[unknown]!.order),
  };
}

/** Numbers are below 2^26 each: there are no more locations or rows. A database has far more networks than pairs of them. */
const PAIR_FACTOR = 2 ** 26;

/** The function, asked once for each pair of numbers. */
function remembered(compute: (a: number, b: number) => number): (a: number, b: number) => number {
  const known = new Map<number, number>();
  return (a, b) => {
    const key = a * PAIR_FACTOR + b;
    let value = known.get(key);
    if (value === undefined) {
      value = compute(a, b);
      known.set(key, value);
    }
    return value;
  };
}

interface SortedRows {
  prefixes: Record<4 | 6, { prefix: Prefix; rtts: RoundTrips }[]>;
  systems: Map<number, RoundTrips>;
  subdivisions: Map<string, RoundTrips>;
  countries: Map<number, RoundTrips>;
  continents: Map<number, RoundTrips>;
}

function sortRows(model: LatencyModel): SortedRows {
  const sorted: SortedRows = {
    prefixes: { 4: [], 6: [] },
    systems: new Map(),
    subdivisions: new Map(),
    countries: new Map(),
    continents: new Map(),
  };
  const columns = model.regions.map((region) => model.table.regions.indexOf(region));
  for (const client of model.table.clients) {
    const rtts = roundTrips(client, columns, model.minSamples);
    if (!rtts.every(Number.isNaN)) sortInto(sorted, client.key, rtts);
  }
  return sorted;
}

function roundTrips({ rows }: LatencyClient, columns: readonly number[], minSamples: number): RoundTrips {
  return columns.map((column) => {
    const row = rows.find(({ region }) => region === column);
    return row === undefined || (row.samples !== null && row.samples < minSamples) ? Number.NaN : row.rttMs;
  });
}

function sortInto(sorted: SortedRows, key: LatencyKey, rtts: RoundTrips): void {
  switch (key.kind) {
    case "prefix":
      sorted.prefixes[key.prefix.family].push({ prefix: key.prefix, rtts });
      break;
    case "asn":
      sorted.systems.set(key.asn, rtts);
      break;
    case "subdivision":
      sorted.subdivisions.set(key.code, rtts);
      break;
    case "country":
      sorted.countries.set(key.country, rtts);
      break;
    case "continent":
      sorted.continents.set(key.continent, rtts);
      break;
    default:
      key satisfies never;
  }
}

/** The more specific round trips where there are any, else the others. */
function inner(specific: RoundTrips, general: RoundTrips): RoundTrips {
  return specific.map((rtt, entry) => (Number.isNaN(rtt) ? general[entry]! : rtt));
}

/** What a location says; `locations` null: the unknown one. */
function profileOf(
  model: LatencyModel,
  rows: SortedRows,
  none: RoundTrips,
): (locations: Locations | null, row: number) => Profile {
  const order = orderByDistance(model.places);
  const listOrder = model.places.map((_, entry) => entry);
  return (locations, row) => {
    if (locations === null) return { rtts: none, order: listOrder };
    const country = locations.countries[row]!;
    const continent = country > 0 ? COUNTRIES[country - 1]!.continent : locations.continents[row]!;
    const known = [
      ...subdivisionsOf(locations, row)
        .reverse()
        .map((code) => rows.subdivisions.get(code)),
      rows.countries.get(country),
      rows.continents.get(continent),
    ];
    const rtts = known.reduce<RoundTrips>(
      (merged, next) => (next === undefined ? merged : inner(merged, next)),
      none,
    );
    const place = placeOf(locations, row);
    // Where every entry has a round trip nobody asks for the distance, and fewer profiles mean fewer classes.
    if (place === null || !rtts.some(Number.isNaN)) return { rtts, order: listOrder };
    return { rtts, order: order(place.latitude, place.longitude) };
  };
}

/** By location id of the asn database: number of the round trips that its system has, 0 for none. */
function asnIds(locations: Locations, rows: SortedRows, systems: Interned<RoundTrips>): Int32Array {
  const ids = new Int32Array(locations.count);
  for (let row = 0; row < locations.count; row++) {
    const rtts = rows.systems.get(locations.asns[row]!);
    if (rtts !== undefined) ids[row] = addTo(systems, rtts, rtts.join());
  }
  return ids;
}

function classifyPrefixes(
  rows: readonly { prefix: Prefix; rtts: RoundTrips }[],
  words: 1 | 4,
  none: RoundTrips,
): { steps: Steps; values: RoundTrips[] } {
  const interned = intern<RoundTrips>();
  const outside = addTo(interned, none, none.join());
  const steps = prefixSteps(
    words,
    rows.map(({ prefix }) => prefix),
    (index, parents) => {
      const rtts = [index, ...parents].map((at) => rows[at]!.rtts).reduce(inner);
      return addTo(interned, rtts, rtts.join());
    },
    outside,
  );
  return { steps, values: interned.values };
}

/** Chains of entries; within one, those that the tolerance ties together in the list's order, marked. */
function classes(
  model: LatencyModel,
  chains: ChainDraft,
): (rtts: RoundTrips, order: readonly number[]) => number {
  const known = new Map<string, number>();
  return (rtts, order) => {
    const text = `${rtts.join()} ${order.join()}`;
    let chain = known.get(text);
    if (chain === undefined) {
      chain = addChain(chains, chainOf(rtts, order, model.toleranceMs));
      known.set(text, chain);
    }
    return chain;
  };
}

function chainOf(rtts: RoundTrips, order: readonly number[], toleranceMs: number): number[] {
  const measured = order.filter((entry) => !Number.isNaN(rtts[entry]!));
  measured.sort((a, b) => rtts[a]! - rtts[b]! || a - b);
  const words: number[] = [];
  for (let at = 0; at < measured.length; ) {
    const farthest = rtts[measured[at]!]! + toleranceMs;
    const beyond = measured.findIndex((entry) => rtts[entry]! > farthest);
    const tied = measured.slice(at, beyond < 0 ? measured.length : beyond).sort((a, b) => a - b);
    words.push(...tied.map((entry, place) => (place === 0 ? entry : entry | CHAIN_TIED)));
    at += tied.length;
  }
  return [...words, ...order.filter((entry) => Number.isNaN(rtts[entry]!))];
}

function intern<T>(): Interned<T> {
  return { values: [], numbers: new Map() };
}

function addTo<T>(interned: Interned<T>, value: T, text: string): number {
  let number = interned.numbers.get(text);
  if (number === undefined) {
    number = interned.values.length;
    interned.values.push(value);
    interned.numbers.set(text, number);
  }
  return number;
}

function addProfile(places: Interned<Profile>, profile: Profile): number {
  return addTo(places, profile, `${profile.rtts.join()} ${profile.order.join()}`);
}
