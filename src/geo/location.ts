import { COUNTRIES, findContinent, findCountry } from "./country.ts";
import {
  type DataReader,
  enter,
  numberAt,
  readString,
  skipValue,
  TYPE_ARRAY,
  TYPE_MAP,
  TYPE_STRING,
  textAt,
} from "./mmdb-data.ts";
import { findSubdivision } from "./subdivisions.ts";

/** Subdivisions kept of a record, widest first: MaxMind's files have at most two. */
const SUBDIVISION_LIMIT = 2;

/**
 * The distinct locations of one database as columns; the row is the location id, and row 0 is the unknown location.
 * In every column 0 (NaN for coordinates) says that the record does not know.
 */
export interface Locations {
  count: number;
  /** Continent number, see country.ts; where the country is known it is that country's. */
  continents: Uint8Array;
  countries: Uint16Array;
  /** SUBDIVISION_LIMIT words a location: index plus one into `subdivisionCodes`, widest first. */
  subdivisions: Uint16Array;
  /** Country and subdivision, as `US-CA`. */
  subdivisionCodes: string[];
  /** GeoNames id of the city. */
  cities: Uint32Array;
  latitudes: Float64Array;
  longitudes: Float64Array;
  asns: Uint32Array;
}

/** Locations under construction from one data section, with what was already read of it by offset. */
export interface LocationDraft extends Locations {
  reader: DataReader;
  subdivisionNumbers: Map<string, number>;
  /** Texts and numbers that nested maps yielded: MaxMind's records share them through pointers. */
  codes: Map<number, string>;
  numbers: Map<number, number>;
  /** Of the record that is read now. */
  facts: RecordFacts;
}

/** What one record says, before it becomes a row. */
interface RecordFacts {
  continent: string;
  country: string;
  subdivisions: string[];
  city: number;
  latitude: number;
  longitude: number;
  asn: number;
}

export function draftLocations(reader: DataReader): LocationDraft {
  return {
    ...emptyColumns(64),
    subdivisionCodes: [],
    count: 1,
    reader,
    subdivisionNumbers: new Map(),
    codes: new Map(),
    numbers: new Map(),
    facts: noFacts(),
  };
}

function noFacts(): RecordFacts {
  return {
    continent: "",
    country: "",
    subdivisions: [],
    city: 0,
    latitude: Number.NaN,
    longitude: Number.NaN,
    asn: 0,
  };
}

function emptyColumns(capacity: number) {
  return {
    continents: new Uint8Array(capacity),
    countries: new Uint16Array(capacity),
    subdivisions: new Uint16Array(capacity * SUBDIVISION_LIMIT),
    cities: new Uint32Array(capacity),
    latitudes: new Float64Array(capacity).fill(Number.NaN),
    longitudes: new Float64Array(capacity).fill(Number.NaN),
    asns: new Uint32Array(capacity),
  };
}

function growColumns(draft: LocationDraft): void {
  const wider = emptyColumns(draft.countries.length * 2);
  wider.continents.set(draft.continents);
  wider.countries.set(draft.countries);
  wider.subdivisions.set(draft.subdivisions);
  wider.cities.set(draft.cities);
  wider.latitudes.set(draft.latitudes);
  wider.longitudes.set(draft.longitudes);
  wider.asns.set(draft.asns);
  Object.assign(draft, wider);
}

/**
 * Reads the record at `offset` in either schema, MaxMind's nested or the flat one, and returns the new location's id; 0
 * when it says nothing that counts. Throws DataFault where the data section is corrupt.
 */
export function addLocation(draft: LocationDraft, offset: number): number {
  readFacts(draft, offset);
  const { facts } = draft;
  const country = findCountry(facts.country);
  const continent = country > 0 ? COUNTRIES[country - 1]!.continent : findContinent(facts.continent);
  const placed = Number.isFinite(facts.latitude) && Number.isFinite(facts.longitude);
  if (continent === 0 && facts.city === 0 && facts.asn === 0 && !placed) return 0;
  if (draft.count === draft.countries.length) growColumns(draft);
  const row = draft.count++;
  draft.continents[row] = continent;
  draft.countries[row] = country;
  draft.cities[row] = facts.city;
  draft.asns[row] = facts.asn;
  if (placed) {
    draft.latitudes[row] = facts.latitude;
    draft.longitudes[row] = facts.longitude;
  }
  if (country > 0) addSubdivisions(draft, row);
  return row;
}

function addSubdivisions(draft: LocationDraft, row: number): void {
  let kept = 0;
  const { country, subdivisions } = draft.facts;
  for (const name of subdivisions) {
    const subdivision = findSubdivision(country, name);
    if (subdivision === null || kept === SUBDIVISION_LIMIT) continue;
    const code = `${country}-${subdivision}`;
    let number = draft.subdivisionNumbers.get(code);
    if (number === undefined) {
      number = draft.subdivisionCodes.push(code);
      draft.subdivisionNumbers.set(code, number);
    }
    draft.subdivisions[row * SUBDIVISION_LIMIT + kept++] = number;
  }
}

function readFacts(draft: LocationDraft, offset: number): void {
  draft.facts = noFacts();
  const { reader } = draft;
  if (enter(reader, offset) !== TYPE_MAP) return;
  const pairs = reader.size;
  let at = reader.payload;
  for (let pair = 0; pair < pairs; pair++) {
    const key = readString(reader, at);
    at = readFact(draft, key, reader.after);
  }
}

/** Reads the value at `at` when its key is one that counts; returns the offset after it. */
function readFact(draft: LocationDraft, key: string, at: number): number {
  const { reader, facts } = draft;
  switch (key) {
    case "continent":
    case "continent_code":
      facts.continent = readCode(draft, at, "code");
      break;
    case "country":
    case "country_code":
      facts.country = readCode(draft, at, "iso_code");
      break;
    case "state1":
    case "state":
    case "region":
    case "subdivisions":
      readSubdivisions(draft, at);
      break;
    case "city":
      facts.city = readMember(draft, at, "geoname_id");
      break;
    case "location":
      readCoordinates(draft, at);
      break;
    case "latitude":
      facts.latitude = readDegrees(reader, at, 90);
      break;
    case "longitude":
      facts.longitude = readDegrees(reader, at, 180);
      break;
    case "asn":
    case "autonomous_system_number":
      facts.asn = readAsn(reader, at);
      break;
  }
  return skipValue(reader, at);
}

/** A code that stands at `at` itself, or under `key` in the map there. Empty: neither. */
function readCode(draft: LocationDraft, at: number, key: string): string {
  const { reader } = draft;
  const type = enter(reader, at);
  if (type === TYPE_STRING) return textAt(reader);
  if (type !== TYPE_MAP) return "";
  const place = reader.payload;
  const known = draft.codes.get(place);
  if (known !== undefined) return known;
  let code = "";
  const member = findMember(reader, key);
  if (member >= 0 && enter(reader, member) === TYPE_STRING) code = textAt(reader);
  draft.codes.set(place, code);
  return code;
}

/** The number under `key` in the map at `at`; 0: there is none. */
function readMember(draft: LocationDraft, at: number, key: string): number {
  const { reader } = draft;
  if (enter(reader, at) !== TYPE_MAP) return 0;
  const place = reader.payload;
  const known = draft.numbers.get(place);
  if (known !== undefined) return known;
  let number = 0;
  const member = findMember(reader, key);
  if (member >= 0) {
    enter(reader, member);
    number = numberAt(reader) || 0;
  }
  draft.numbers.set(place, number);
  return number;
}

/** Offset of the value under `key` in the map that was just entered; -1: none. */
function findMember(reader: DataReader, key: string): number {
  const pairs = reader.size;
  let at = reader.payload;
  for (let pair = 0; pair < pairs; pair++) {
    const found = readString(reader, at);
    const value = reader.after;
    if (found === key) return value;
    at = skipValue(reader, value);
  }
  return -1;
}

/** An array of maps with an `iso_code`, or the name or code itself. */
function readSubdivisions(draft: LocationDraft, at: number): void {
  const { reader, facts } = draft;
  const type = enter(reader, at);
  if (type === TYPE_STRING) facts.subdivisions.push(textAt(reader));
  if (type !== TYPE_ARRAY) return;
  const count = Math.min(reader.size, SUBDIVISION_LIMIT);
  let element = reader.payload;
  for (let index = 0; index < count; index++) {
    const code = readCode(draft, element, "iso_code");
    if (code !== "") facts.subdivisions.push(code);
    element = skipValue(reader, element);
  }
}

function readCoordinates(draft: LocationDraft, at: number): void {
  const { reader, facts } = draft;
  if (enter(reader, at) !== TYPE_MAP) return;
  const pairs = reader.size;
  let next = reader.payload;
  for (let pair = 0; pair < pairs; pair++) {
    const key = readString(reader, next);
    const value = reader.after;
    if (key === "latitude") facts.latitude = readDegrees(reader, value, 90);
    else if (key === "longitude") facts.longitude = readDegrees(reader, value, 180);
    next = skipValue(reader, value);
  }
}

/** Degrees as a number or in a string; NaN when they are neither or beyond `limit`. */
function readDegrees(reader: DataReader, at: number, limit: number): number {
  let degrees = Number.NaN;
  if (enter(reader, at) !== TYPE_STRING) degrees = numberAt(reader);
  else if (/^-?\d{1,3}(\.\d+)?$/.test(textAt(reader))) degrees = Number(textAt(reader));
  return Math.abs(degrees) <= limit ? degrees : Number.NaN;
}

/** `64500` or "AS64500"; 0 when it is neither. */
function readAsn(reader: DataReader, at: number): number {
  if (enter(reader, at) !== TYPE_STRING) return numberAt(reader) || 0;
  return Number(/^AS(\d{1,10})$/.exec(textAt(reader))?.[1] ?? 0);
}

/** Codes of a location's subdivisions, widest first, as `US-CA`. */
export function subdivisionsOf(locations: Locations, row: number): string[] {
  const codes: string[] = [];
  for (let index = 0; index < SUBDIVISION_LIMIT; index++) {
    const number = locations.subdivisions[row * SUBDIVISION_LIMIT + index]!;
    if (number > 0) codes.push(locations.subdivisionCodes[number - 1]!);
  }
  return codes;
}

/** Where the client stands: the record's coordinates, else the country's centroid, else null. */
export function placeOf(locations: Locations, row: number): { latitude: number; longitude: number } | null {
  const latitude = locations.latitudes[row]!;
  if (!Number.isNaN(latitude)) return { latitude, longitude: locations.longitudes[row]! };
  const country = locations.countries[row]!;
  return country > 0 ? COUNTRIES[country - 1]! : null;
}
