import { CONTINENTS, COUNTRIES } from "./country.ts";
import { addLocation, draftLocations, type Locations, placeOf, subdivisionsOf } from "./location.ts";
import { lookupMmdb, type Mmdb, openMmdb, readData, readNetworks } from "./mmdb.ts";
import { clearHostBits, formatPrefix } from "./prefix.ts";
import { embeddedIpv4Bits } from "./prefix-index.ts";
import type { GeoProblem } from "./problem.ts";
import type { Runs } from "./runs-file.ts";
import { findBlock, SPECIAL_BLOCKS } from "./special.ts";
import { constantSteps, findStep, joinSteps, type Steps } from "./steps.ts";

/** What is large of a database. */
interface DatabaseContents {
  mmdb: Mmdb;
  /** Location id of every address. */
  steps: Readonly<Record<4 | 6, Steps>>;
}

/**
 * A verified database with what tables need of it. Immutable; tables are reused while it is the same object. `mmdb` and
 * `steps` may be read from the file again, which throws where that is another one by now.
 */
export interface GeoDatabase extends Readonly<DatabaseContents> {
  /** As people are told: the path, or `country database` for the embedded one. */
  name: string;
  locations: Locations;
  /** Runs of both families. */
  runs: number;
  /** Lets go of what is large, until it is asked for again. */
  release(): void;
}

/** What `geo.city`, `geo.country` and `geo.asn` of steerd.yaml ask of their files. */
export type DatabaseRole = "city" | "country" | "asn";

/** A problem with its file, in the shape of config's Finding. */
export interface DatabaseFinding extends GeoProblem {
  severity: "error";
  file: string;
  line: 0;
  column: 0;
}

/**
 * Verifies a database and reads every network and every distinct record of it, so that nothing can go wrong later. Only
 * then may it take another one's place. Never throws.
 *
 * @param readAgain - The same octets once more, or it throws; null: there is no way to them, and nothing is released.
 * @param known - What a walk over these octets found before, or null.
 */
export function openDatabase(
  octets: Uint8Array,
  name: string,
  role: DatabaseRole,
  readAgain: (() => Uint8Array) | null = null,
  known: (octets: Uint8Array) => Runs | null = () => null,
): { database: GeoDatabase } | { findings: DatabaseFinding[] } {
  const opened = readDatabase(octets, name, role, known);
  if ("findings" in opened) return opened;
  const { locations, contents } = opened;
  let held: DatabaseContents | null = contents;
  const hold = (): DatabaseContents => {
    if (held !== null) return held;
    const again = readDatabase(readAgain!(), name, role, known);
    if ("findings" in again) throw new Error(`${name} was sound, and is not any more`);
    held = again.contents;
    return held;
  };
  return {
    database: {
      name,
      locations,
      runs: contents.steps[4].count + contents.steps[6].count,
      get mmdb() {
        return hold().mmdb;
      },
      get steps() {
        return hold().steps;
      },
      release: () => {
        if (readAgain !== null) held = null;
      },
    },
  };
}

function readDatabase(
  octets: Uint8Array,
  name: string,
  role: DatabaseRole,
  known: (octets: Uint8Array) => Runs | null,
): { locations: Locations; contents: DatabaseContents } | { findings: DatabaseFinding[] } {
  const opened = openMmdb(octets);
  if ("problem" in opened) return { findings: [toFinding(opened.problem, name)] };
  const { mmdb } = opened;
  const draft = draftLocations(mmdb.data);
  const rows = new Map<number, number>();
  const rowOf = (offset: number) => {
    let row = rows.get(offset);
    if (row === undefined) {
      row = addLocation(draft, offset);
      rows.set(offset, row);
    }
    return row;
  };
  const read = recallSteps(known(octets), rowOf) ?? readSteps(mmdb, rowOf);
  if ("problem" in read) return { findings: [toFinding(read.problem, name)] };
  const { reader: _reader, subdivisionNumbers: _numbers, codes: _codes, facts: _facts, ...locations } = draft;
  const problem = checkRole(locations, mmdb, role);
  if (problem !== null) return { findings: [toFinding(problem, name)] };
  return { locations, contents: { mmdb, steps: read.steps } };
}

type StepsRead = { steps: DatabaseContents["steps"] } | { problem: GeoProblem };

function readSteps(mmdb: Mmdb, rowOf: (offset: number) => number): StepsRead {
  const ipv4 = readNetworks(mmdb, 4, rowOf);
  if ("problem" in ipv4) return ipv4;
  const ipv6 = readNetworks(mmdb, 6, rowOf);
  return "problem" in ipv6 ? ipv6 : { steps: { 4: ipv4.steps, 6: ipv6.steps } };
}

/** Null: nothing is known, or not of these records as they are read now. */
function recallSteps(runs: Runs | null, rowOf: (offset: number) => number): StepsRead | null {
  return runs?.offsets.every((offset, index) => rowOf(offset) === index + 1) ? { steps: runs.steps } : null;
}

function toFinding(problem: GeoProblem, file: string): DatabaseFinding {
  return { severity: "error", ...problem, file, line: 0, column: 0 };
}

/** A database of another schema, or for another purpose, would leave every client unknown without a word. */
function checkRole(locations: Locations, mmdb: Mmdb, role: DatabaseRole): GeoProblem | null {
  const column = role === "asn" ? locations.asns : locations.countries;
  if (column.subarray(0, locations.count).some((value) => value !== 0)) return null;
  const missing = role === "asn" ? "an autonomous system" : "a country";
  return {
    code: "GEO_DB_SCHEMA",
    what: `no record of "${mmdb.type}" names ${missing}`,
    expected: `a database for geo.${role}, in MaxMind's schema or the flat one`,
  };
}

/** The databases of one configuration, joined: the city database where it knows the country, else the country one. */
export interface GeoSources {
  city: GeoDatabase | null;
  country: GeoDatabase | null;
  asn: GeoDatabase | null;
  /** Location ids of the city database come first, those of the country database after `cityCount` of them. */
  cityCount: number;
  count: number;
  /** Joined when they are asked for. */
  readonly steps: Readonly<Record<4 | 6, Steps>>;
  /** At least as many runs as the steps of both families have. */
  runs: number;
  /** Lets go of what is large of all databases, until it is asked for again. */
  release(): void;
}

/** Joins databases. Without any, every client is unknown; the caller passes the embedded one as `country` if it wants it. */
export function joinDatabases(
  city: GeoDatabase | null,
  country: GeoDatabase | null,
  asn: GeoDatabase | null,
): GeoSources {
  const cityCount = city === null ? 0 : city.locations.count;
  const count = cityCount + (country === null ? 0 : country.locations.count);
  let steps: Record<4 | 6, Steps> | null = null;
  return {
    city,
    country,
    asn,
    cityCount,
    count,
    runs: (city?.runs ?? 0) + (country?.runs ?? 0),
    get steps() {
      steps ??= { 4: joinFamily(city, country, 4), 6: joinFamily(city, country, 6) };
      return steps;
    },
    release: () => {
      steps = null;
      for (const database of [city, country, asn]) database?.release();
    },
  };
}

function joinFamily(city: GeoDatabase | null, country: GeoDatabase | null, family: 4 | 6): Steps {
  if (city === null || country === null) {
    return (city ?? country)?.steps[family] ?? constantSteps(family === 4 ? 1 : 4, 0);
  }
  return joinSteps(city.steps[family], country.steps[family], (cityRow, countryRow) => {
    return prefersCity(city.locations, cityRow, country.locations, countryRow)
      ? cityRow
      : city.locations.count + countryRow;
  });
}

function prefersCity(city: Locations, cityRow: number, country: Locations, countryRow: number): boolean {
  if (city.countries[cityRow] !== 0) return true;
  return country.countries[countryRow] === 0 && cityRow !== 0;
}

/** Whether some clients stand anywhere but at the middle of their countries. */
export function knowsPlaces({ city, country }: GeoSources): boolean {
  return [city, country].some(
    (database) => database?.locations.latitudes.some((latitude) => !Number.isNaN(latitude)) ?? false,
  );
}

/** Whether the subdivision of some clients is known. */
export function knowsSubdivisions({ city, country }: GeoSources): boolean {
  return [city, country].some((database) => (database?.locations.subdivisionCodes.length ?? 0) > 0);
}

/** Whether the city of some clients is known, by its GeoNames id. */
export function knowsCities({ city, country }: GeoSources): boolean {
  return [city, country].some((database) => database?.locations.cities.some((id) => id > 0) ?? false);
}

/** The columns and the row that a joined location id stands for; null: no database is loaded. */
export function findLocation(sources: GeoSources, id: number): { locations: Locations; row: number } | null {
  const fromCity = id < sources.cityCount;
  const database = fromCity ? sources.city : sources.country;
  if (database === null) return null;
  return { locations: database.locations, row: fromCity ? id : id - sources.cityCount };
}

/** What is known of one client, for people. */
export interface ClientDescription {
  /** `EU-GB`, `NA-US-CA`, `EU`, `unknown`, or the special-purpose block's RFC and purpose. */
  location: string;
  /** English name of the city; empty when unknown. */
  city: string;
  /** Name of the database that says so; empty when none does. */
  database: string;
  /** The network that holds the client, as the database has it, or the special-purpose block. */
  prefix: string;
  /** Autonomous system, 0 when unknown. */
  asn: number;
}

/** Describes a client as the tables see it: an IPv6 address that embeds an IPv4 one is described as the latter. */
export function describeClient(sources: GeoSources, family: 4 | 6, address: Uint8Array): ClientDescription {
  const { seen, octets } = seenAs(family, address);
  const block = findBlock(SPECIAL_BLOCKS[seen], octets);
  if (block !== null) {
    return { location: block.source, city: "", database: "", prefix: formatPrefix(block), asn: 0 };
  }
  const asn = describeAsn(sources.asn, seen, octets);
  const chosen = foundFor(sources, seen, octets);
  if (chosen === undefined) return { location: "unknown", city: "", database: "", prefix: "", asn };
  return {
    location: formatLocation(chosen.database.locations, chosen.row),
    city: cityName(chosen.database.mmdb, chosen.offset),
    database: chosen.database.name,
    prefix: formatPrefix(clearHostBits({ family: seen, octets, bits: chosen.prefixBits })),
    asn,
  };
}

/** Where a client stands as `nearest` sees it; null: in a special-purpose block, or nothing is known of it. */
export function placeOfClient(
  sources: GeoSources,
  family: 4 | 6,
  address: Uint8Array,
): { latitude: number; longitude: number } | null {
  const { seen, octets } = seenAs(family, address);
  if (findBlock(SPECIAL_BLOCKS[seen], octets) !== null) return null;
  const chosen = foundFor(sources, seen, octets);
  return chosen === undefined ? null : placeOf(chosen.database.locations, chosen.row);
}

function seenAs(family: 4 | 6, address: Uint8Array): { seen: 4 | 6; octets: Uint8Array } {
  const skip = family === 6 ? embeddedIpv4Bits(address) : 0;
  const seen: 4 | 6 = skip > 0 ? 4 : family;
  return { seen, octets: address.slice(skip >> 3, (skip >> 3) + (seen === 4 ? 4 : 16)) };
}

function foundFor(sources: GeoSources, seen: 4 | 6, octets: Uint8Array): FoundLocation | undefined {
  const found = [sources.city, sources.country].flatMap((database) =>
    database === null ? [] : [locateIn(database, seen, octets)],
  );
  return (
    found.find((one) => one.database.locations.countries[one.row] !== 0) ??
    found.find((one) => one.row !== 0) ??
    found[0]
  );
}

interface FoundLocation {
  database: GeoDatabase;
  row: number;
  offset: number;
  prefixBits: number;
}

function locateIn(database: GeoDatabase, family: 4 | 6, octets: Uint8Array): FoundLocation {
  const { offset, prefixBits } = lookupMmdb(database.mmdb, family, octets);
  const row = offset < 0 ? 0 : rowAt(database.steps[family], octets);
  return { database, row, offset, prefixBits };
}

/** Value that a step function has at an address of 4 or 16 octets. */
function rowAt(steps: Steps, octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const words = new Uint32Array(steps.words);
  for (let word = 0; word < steps.words; word++) words[word] = view.getUint32(word * 4);
  return steps.values[findStep(steps, words)]!;
}

function describeAsn(database: GeoDatabase | null, family: 4 | 6, octets: Uint8Array): number {
  return database === null ? 0 : database.locations.asns[locateIn(database, family, octets).row]!;
}

/** `NA-US-CA` as far as it is known: the narrowest subdivision, country, or continent; `unknown`. */
export function formatLocation(locations: Locations, row: number): string {
  const continent = CONTINENTS[locations.continents[row]! - 1];
  if (continent === undefined) return "unknown";
  const country = COUNTRIES[locations.countries[row]! - 1];
  if (country === undefined) return continent;
  return `${continent}-${subdivisionsOf(locations, row).at(-1) ?? country.code}`;
}

/** `city.names.en` of the nested schema, `city` of the flat one. */
function cityName(mmdb: Mmdb, offset: number): string {
  const record = offset < 0 ? null : readData(mmdb, offset);
  const city = record instanceof Map ? record.get("city") : undefined;
  if (typeof city === "string") return city;
  const names = city instanceof Map ? city.get("names") : undefined;
  const name = names instanceof Map ? names.get("en") : undefined;
  return typeof name === "string" ? name : "";
}
