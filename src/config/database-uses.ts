import { COUNTRIES } from "../geo/country.ts";
import { countryAt } from "../geo/country-at.ts";
import { knowsPlaces } from "../geo/databases.ts";
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
  | { kind: "nearest"; path: YamlPath; of: NearestEntry[] };

type NearestEntry = Extract<NodeModel, { kind: "nearest" }>["of"][number];

/** What the databases know of clients; all of it, where nobody can tell which databases are meant. */
export interface KnownOfClients {
  asn: boolean;
  /** Where in a country they are. */
  places: boolean;
}

export function knownOfClients({ isServerSound, server, geo }: LoadedConfig): KnownOfClients {
  if (!isServerSound("geo")) return { asn: true, places: true };
  const isUnread = server.geo.city !== undefined && geo.city === null;
  return { asn: server.geo.asn !== undefined, places: isUnread || knowsPlaces(geo) };
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
    } else if (!knows.places) wantPlaces(use, reporter);
  }
}

/** Without a database every client's autonomous system would be unknown, and nobody would be told. */
function wantAsn({ path, isRequired }: { path: YamlPath; isRequired: boolean }, reporter: Reporter): void {
  const what = `${prefixFor(path)}no database knows the autonomous systems of clients`;
  const report = isRequired ? reporter.error : reporter.warning;
  report(path, "key", "CFG_ASN_DATABASE", what, "geo.asn in steerd.yaml, as {asn: ./GeoLite2-ASN.mmdb}");
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
    const expected = "geo.city in steerd.yaml, as {city: ./GeoLite2-City.mmdb}";
    reporter.warning(path, "key", "CFG_COUNTRY_SHARED", what, expected);
  }
}

/** Entries at the same place are told apart by the list's order, whatever is known. */
function placeText({ location: { latitude, longitude } }: NearestEntry): string {
  return `${latitude} ${longitude}`;
}
