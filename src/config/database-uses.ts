import { COUNTRIES } from "../geo/country.ts";
import { countryAt } from "../geo/country-at.ts";
import { knowsCities, knowsPlaces, knowsSubdivisions } from "../geo/databases.ts";
import { orderByDistance } from "../geo/nearest.ts";
import type { NodeModel } from "../policy/model.ts";
import { listed } from "../wire/listing.ts";
import type { Finding } from "./findings.ts";
import type { LoadedConfig } from "./load.ts";
import { type LoadedYaml, reporterOn } from "./load-yaml.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A policy that is of less use, or of none (`isRequired`), where no database knows enough of clients. */
export type DatabaseUse =
  | { kind: "asn"; path: YamlPath; isRequired: boolean }
  | { kind: "depth"; depth: Depth; path: YamlPath; keys: string[]; table: string | null }
  | { kind: "nearest"; path: YamlPath; of: NearestEntry[] };

/** Within a country. */
type Depth = "subdivision" | "city";

type NearestEntry = Extract<NodeModel, { kind: "nearest" }>["of"][number];

/** What the databases know of clients; all of it, where nobody can tell which databases are meant. */
export interface KnownOfClients {
  asn: boolean;
  /** Where in a country they are. */
  places: boolean;
  subdivisions: boolean;
  /** By GeoNames id. */
  cities: boolean;
}

/** What is at hand where nothing is known of the databases. */
const ALL_OF_IT: KnownOfClients = { asn: true, places: true, subdivisions: true, cities: true };

export function knownOfClients({ isServerSound, server, geo }: LoadedConfig): KnownOfClients {
  if (!isServerSound("geo")) return ALL_OF_IT;
  const asn = server.geo.asn !== undefined;
  if (server.geo.city !== undefined && geo.city === null) return { ...ALL_OF_IT, asn };
  return {
    ...{ asn, places: knowsPlaces(geo) },
    ...{ subdivisions: knowsSubdivisions(geo), cities: knowsCities(geo) },
  };
}

/** Says which policies of a file want a database that is not there. */
export function wantDatabases(
  yaml: LoadedYaml<unknown>,
  uses: readonly DatabaseUse[],
  knows: KnownOfClients,
  findings: Finding[],
): void {
  if (uses.length === 0) return;
  const reporter = reporterOn(yaml, findings);
  for (const use of uses) {
    if (use.kind === "asn") {
      if (!knows.asn) wantAsn(use, reporter);
    } else if (use.kind === "depth") {
      if (!knows[KNOWN_AT[use.depth]]) wantDepth(use, reporter);
    } else if (!knows.places) wantPlaces(use, reporter);
  }
}

/** Without a database every client's autonomous system would be unknown, and nobody would be told. */
function wantAsn({ path, isRequired }: { path: YamlPath; isRequired: boolean }, reporter: Reporter): void {
  const what = `${prefixFor(path)}no database knows the autonomous systems of clients`;
  const report = isRequired ? reporter.error : reporter.warning;
  report(path, "key", "CFG_ASN_DATABASE", what, "geo.asn in steerd.yaml, as {asn: ./GeoLite2-ASN.mmdb}");
}

const KNOWN_AT = { subdivision: "subdivisions", city: "cities" } as const;
const CITY_DATABASE = "geo.city in steerd.yaml, as {city: ./GeoLite2-City.mmdb}";

/** What stands for a part of a country matches nobody, and the next key outward takes them all without a word. */
function wantDepth(
  { depth, path, keys, table }: Extract<DatabaseUse, { kind: "depth" }>,
  reporter: Reporter,
): void {
  const names = listed(keys.map((key) => `"${key}"`));
  const where = table === null ? names : `the rows of "${table}" for ${names}`;
  const never = table === null && keys.length === 1 ? "never matches" : "never match";
  const what = `${prefixFor(path.slice(0, -1))}${where} ${never}: no database knows which ${depth} clients are in`;
  reporter.warning(path, table === null ? "key" : "value", "CFG_GEO_DEPTH", what, CITY_DATABASE);
}

/** Clients that are known by their countries alone stand at the middle of them: of two entries in one country, one has them all. */
function wantPlaces({ path, of }: { path: YamlPath; of: readonly NearestEntry[] }, reporter: Reporter): void {
  const byCountry = new Map<number, number[]>();
  for (const [index, { location }] of of.entries()) {
    const country = countryAt(location.latitude, location.longitude);
    if (country > 0) byCountry.set(country, [...(byCountry.get(country) ?? []), index]);
  }
  const nameOf = (index: number) => {
    const { label } = of[index]!.node;
    return label === "" ? `entry ${index + 1}` : `"${label}"`;
  };
  const order = orderByDistance(of.map(({ location, bias }) => ({ ...location, bias: bias ?? 0 })));
  for (const [number, entries] of byCountry) {
    if (new Set(entries.map((index) => placeText(of[index]!))).size < 2) continue;
    const { code, latitude, longitude } = COUNTRIES[number - 1]!;
    const first = nameOf(order(latitude, longitude)[0]!);
    const what =
      `${prefixFor(path)}${listed(entries.map(nameOf), " and ")} stand in ${code}, and no database knows where in ` +
      `a country clients are: all of ${code} goes to ${first} first`;
    reporter.warning(path, "key", "CFG_COUNTRY_SHARED", what, CITY_DATABASE);
  }
}

/** Entries at the same place are told apart by the list's order, whatever is known. */
function placeText({ location: { latitude, longitude } }: NearestEntry): string {
  return `${latitude} ${longitude}`;
}
