import { CONTINENTS, COUNTRIES } from "../../src/geo/country.ts";
import { type DatabaseRole, type GeoDatabase, openDatabase } from "../../src/geo/databases.ts";
import { parsePrefix } from "../../src/geo/prefix.ts";
import { type MmdbInput, type MmdbOptions, MmdbWriter, uint32 } from "./mmdb-writer.ts";
import { seededRandom } from "./random.ts";

/** Octets of a database that says `data` of each prefix. */
export function makeMmdb(networks: Record<string, MmdbInput>, options: MmdbOptions = {}): Uint8Array {
  const writer = new MmdbWriter(options);
  const rows = Object.entries(networks).map(([text, data]) => ({ prefix: parsePrefix(text)!, data }));
  rows.sort((a, b) => a.prefix.bits - b.prefix.bits);
  for (const { prefix, data } of rows) writer.insert(prefix.family, prefix.octets, prefix.bits, data);
  return writer.finish();
}

/** An opened database of the flat schema: prefix to country code. */
export function makeCountryDatabase(
  countries: Record<string, string>,
  options: MmdbOptions = {},
): GeoDatabase {
  const networks = Object.fromEntries(
    Object.entries(countries).map(([prefix, code]) => [prefix, { country_code: code }]),
  );
  return openOrThrow(makeMmdb(networks, options), "fixture.mmdb", "country");
}

/** An opened database; throws with its findings when it is refused. */
export function openOrThrow(octets: Uint8Array, name: string, role: DatabaseRole): GeoDatabase {
  const opened = openDatabase(octets, name, role);
  if ("findings" in opened) throw new Error(JSON.stringify(opened.findings));
  return opened.database;
}

/** A place as MaxMind's nested schema writes it. */
export function cityRecord(place: {
  continent?: string;
  country?: string;
  subdivisions?: string[];
  city?: { id: number; name: string };
  latitude?: number;
  longitude?: number;
}): MmdbInput {
  const record: Record<string, MmdbInput> = {};
  if (place.city !== undefined) {
    record.city = { geoname_id: uint32(place.city.id), names: { de: place.city.name, en: place.city.name } };
  }
  if (place.continent !== undefined)
    record.continent = { code: place.continent, names: { en: place.continent } };
  if (place.country !== undefined) {
    record.country = { geoname_id: uint32(6_000_000), iso_code: place.country, names: { en: place.country } };
  }
  if (place.latitude !== undefined && place.longitude !== undefined) {
    record.location = {
      accuracy_radius: uint32(100),
      latitude: place.latitude,
      longitude: place.longitude,
      time_zone: "Etc/UTC",
    };
  }
  record.registered_country = {
    geoname_id: uint32(6_252_001),
    iso_code: "US",
    names: { en: "United States" },
  };
  if (place.subdivisions !== undefined) {
    record.subdivisions = place.subdivisions.map((code) => ({ iso_code: code, names: { en: code } }));
  }
  return record;
}

/**
 * Octets of a city database of MaxMind's schema with about `networks` networks, two thirds of them IPv4: prefixes as
 * uneven as real ones, an eighth as many distinct cities, each near its country's centroid.
 */
export function makeCityMmdb(networks: number, seed: number, options: MmdbOptions = {}): Uint8Array {
  const source = seededRandom(seed);
  const random = () => source.next() / 2 ** 32;
  const writer = new MmdbWriter({ type: "GeoLite2-City", aliases: true, ...options });
  const cities = Array.from({ length: Math.max(8, networks >> 3) }, (_, index) => makeCity(index, random));
  const pick = () => cities[Math.floor(random() * cities.length)]!;
  const address = new Uint8Array(16);
  const divide = (family: 4 | 6, bits: number, count: number, longest: number): void => {
    if (count < 1) return;
    if (count === 1 || bits === longest) {
      writer.insert(family, address.subarray(0, family === 4 ? 4 : 16), bits, pick());
      return;
    }
    const left = Math.min(count, Math.round(count * (0.1 + 0.8 * random())));
    divide(family, bits + 1, left, longest);
    address[bits >> 3]! |= 0x80 >> (bits & 7);
    divide(family, bits + 1, count - left, longest);
    address[bits >> 3]! &= ~(0x80 >> (bits & 7));
  };
  const ipv4 = options.ipVersion === 4 ? networks : Math.round((networks * 2) / 3);
  divide(4, 0, ipv4, 28);
  if (options.ipVersion !== 4) {
    address.set([0x24, 0]);
    divide(6, 6, networks - ipv4, 48);
  }
  return writer.finish();
}

function makeCity(index: number, random: () => number): MmdbInput {
  const country = COUNTRIES[Math.floor(random() ** 2 * COUNTRIES.length)]!;
  const round = (degrees: number) => Math.round(degrees * 1e4) / 1e4;
  return cityRecord({
    continent: CONTINENTS[country.continent - 1]!,
    country: country.code,
    subdivisions: [String(1 + Math.floor(random() * 20))],
    city: { id: 1_000_000 + index, name: `City ${index}` },
    latitude: round(Math.max(-89, Math.min(89, country.latitude + 6 * (random() - 0.5)))),
    longitude: round(Math.max(-179, Math.min(179, country.longitude + 6 * (random() - 0.5)))),
  });
}
