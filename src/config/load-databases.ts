import {
  type DatabaseRole,
  type GeoDatabase,
  type GeoSources,
  joinDatabases,
  openDatabase,
} from "../geo/databases.ts";
import type { Runs } from "../geo/runs-file.ts";
import { type ConfigCache, cached, type Made } from "./cache.ts";
import { embeddedPath, embeddedRuns } from "./embedded.ts";
import type { Finding } from "./findings.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile } from "./steady-file.ts";
import { fileFinding } from "./zones-folder.ts";

/** The largest databases on the market have half a gigabyte. */
const MAX_DATABASE_OCTETS = 2 ** 30;

/** Name of the database that comes with the package, as people are told. */
const EMBEDDED_NAME = "country database";

/** Absolute paths of the databases that steerd.yaml names. */
export type DatabasePaths = Partial<Record<DatabaseRole, string>>;

/**
 * The databases, verified and joined: the embedded one where neither cities nor countries are named. The same object as
 * long as no file changed, so that the tables made from it can be taken over.
 */
export function loadDatabases(paths: DatabasePaths, cache: ConfigCache, findings: Finding[]): GeoSources {
  const named = (role: DatabaseRole): GeoDatabase | null => {
    const path = paths[role];
    return path === undefined ? null : loadDatabase(path, shownPath(path), role, cache, findings);
  };
  const city = named("city");
  const isBare = paths.city === undefined && paths.country === undefined;
  const country = isBare
    ? loadDatabase(embeddedPath(), EMBEDDED_NAME, "country", cache, findings, embeddedRuns)
    : named("country");
  const asn = named("asn");
  const { geo } = cache;
  if (geo !== null && geo.city === city && geo.country === country && geo.asn === asn) return geo;
  cache.geo = joinDatabases(city, country, asn);
  return cache.geo;
}

interface Opened {
  database: GeoDatabase | null;
  findings: Finding[];
}

/** Null: the file cannot be used, which is reported. */
function loadDatabase(
  path: string,
  name: string,
  role: DatabaseRole,
  cache: ConfigCache,
  findings: Finding[],
  known?: (octets: Uint8Array) => Runs | null,
): GeoDatabase | null {
  const opened = cached(cache, role, path, () => openFile(path, name, role, known));
  findings.push(...opened.findings);
  return opened.database;
}

function openFile(
  path: string,
  name: string,
  role: DatabaseRole,
  known?: (octets: Uint8Array) => Runs | null,
): Made<Opened> {
  const read = readSteadyFile(path, MAX_DATABASE_OCTETS);
  if (!("octets" in read))
    return { result: { database: null, findings: [fileFinding(name, read)] }, stamps: new Map([[path, ""]]) };
  // Not `read`: whoever may read the file again would keep its octets.
  const { stamp } = read;
  const readAgain = (): Uint8Array => {
    const again = readSteadyFile(path, MAX_DATABASE_OCTETS);
    if ("octets" in again && again.stamp === stamp) return again.octets;
    throw new Error(`${name} is not the file any more that it was`);
  };
  // A file whose stamp says nothing would not be known again.
  const opened = openDatabase(read.octets, name, role, stamp === "" ? null : readAgain, known);
  const result: Opened =
    "database" in opened ? { database: opened.database, findings: [] } : { database: null, ...opened };
  return { result, stamps: new Map([[path, stamp]]) };
}
