import { readdirSync, realpathSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { RecordColumns } from "../zone/record-columns.ts";
import { MAX_ZONE_FILE_OCTETS, parseZoneFile } from "../zone/zone-file.ts";
import type { Included } from "../zone/zone-file-state.ts";
import { type ConfigCache, cached, type Made } from "./cache.ts";
import type { Finding } from "./findings.ts";
import { type Includes, NO_INCLUDES } from "./includes.ts";
import type { LatencyTables } from "./load-latency.ts";
import { type LoadedYaml, loadYaml, MAX_YAML_OCTETS, unreadYaml } from "./load-yaml.ts";
import { readName } from "./owner.ts";
import { type ZoneInput, zoneSchema } from "./schema-zone.ts";
import { shownPath } from "./shown-path.ts";
import { type FileFault, type FileStamp, readSteadyFile, unreadable } from "./steady-file.ts";

/** A zone as its files have it: at least one of `master` and `dynamic` is there. */
export interface LoadedZone {
  /** Origin without the final dot, lower case, as people write it. */
  name: string;
  /** Origin in wire form, lower case. */
  apex: Uint8Array;
  master: LoadedMaster | null;
  dynamic: LoadedYaml<ZoneInput> | null;
  /** Tables that the YAML file names, by their text there. */
  latency: LatencyTables;
  /** What the YAML file includes. */
  includes: Includes;
}

/** zones/<origin>.zone with what it includes; `columns` is null when the file could not be read at all. */
export interface LoadedMaster {
  file: string;
  columns: RecordColumns | null;
  findings: Finding[];
}

export function fileFinding(file: string, fault: FileFault): Finding {
  return { severity: "error", file, line: 0, column: 0, ...fault };
}

/** Reads every zone of a folder, in the order of their names. What cannot be read is among the findings. */
export function loadZones(folder: string, cache: ConfigCache, findings: Finding[]): LoadedZone[] {
  let names: string[];
  let root: string;
  try {
    names = readdirSync(folder).sort();
    root = realpathSync(folder);
  } catch (error) {
    const what = `the zones folder cannot be used: ${unreadable(error).what}`;
    findings.push(
      fileFinding(shownPath(folder), { code: "CFG_ZONES_FOLDER", what, expected: "a folder of zone files" }),
    );
    return [];
  }
  const zones = new Map<string, LoadedZone>();
  for (const name of names) {
    const path = join(folder, name);
    const kind = kindOf(name);
    if (kind === "ignored") findings.push(ignoredFile(shownPath(path)));
    if (kind !== "zone" && kind !== "yaml") continue;
    const zone = zoneFor(zones, name.slice(0, name.lastIndexOf(".")), path, findings);
    if (zone === null) continue;
    if (kind === "zone" ? zone.master !== null : zone.dynamic !== null) {
      findings.push(secondFile(zone, kind, shownPath(path)));
      continue;
    }
    if (kind === "zone") zone.master = cached(cache, "zone", path, () => loadMaster(path, zone.apex, root));
    else zone.dynamic = cached(cache, "yaml", path, () => loadDynamic(path));
  }
  return [...zones.values()];
}

/** `other`: not ours. Files of editors and of Kubernetes begin with a dot, backups end in something else. */
function kindOf(name: string): "zone" | "yaml" | "ignored" | "other" {
  if (name.startsWith(".")) return "other";
  if (name.endsWith(".zone")) return "zone";
  if (name.endsWith(".yaml")) return "yaml";
  return name.endsWith(".yml") ? "ignored" : "other";
}

function ignoredFile(file: string): Finding {
  const what = "the file is ignored because of its name";
  return {
    severity: "warning",
    code: "CFG_FILE_IGNORED",
    file,
    line: 0,
    column: 0,
    what,
    expected: "a name that ends in .yaml",
  };
}

/** The zone that a file's name stands for; null, with a finding, when it is no domain name. */
function zoneFor(
  zones: Map<string, LoadedZone>,
  stem: string,
  path: string,
  findings: Finding[],
): LoadedZone | null {
  const name = stem.toLowerCase().replace(/\.$/, "");
  const known = zones.get(name);
  if (known !== undefined) return known;
  const apex = readName(`${name}.`);
  if (!(apex instanceof Uint8Array)) {
    const what = `the file's name is the zone's origin, and "${stem}" ${apex.what}`;
    findings.push(
      fileFinding(shownPath(path), { code: "CFG_ORIGIN_INVALID", what, expected: apex.expected }),
    );
    return null;
  }
  const zone: LoadedZone = {
    name,
    apex,
    master: null,
    dynamic: null,
    latency: new Map(),
    includes: NO_INCLUDES,
  };
  zones.set(name, zone);
  return zone;
}

function secondFile(zone: LoadedZone, kind: "zone" | "yaml", file: string): Finding {
  const first = kind === "zone" ? zone.master!.file : zone.dynamic!.file;
  return fileFinding(file, {
    code: "CFG_ZONE_DUPLICATE",
    what: `${zone.name} has a second .${kind} file, the first is ${first}`,
    expected: "one for each zone; names do not differ by case",
  });
}

function loadMaster(path: string, apex: Uint8Array, root: string): Made<LoadedMaster> {
  const stamps = new Map<string, FileStamp>();
  const file = shownPath(path);
  const read = readSteadyFile(path, MAX_ZONE_FILE_OCTETS);
  stamps.set(path, "octets" in read ? read.stamp : "");
  if (!("octets" in read))
    return { result: { file, columns: null, findings: [fileFinding(file, read)] }, stamps };
  const { columns, findings } = parseZoneFile(read.octets, {
    origin: apex,
    file,
    readInclude: (wanted, fromFile) => readInclude(wanted, fromFile, root, stamps),
  });
  return { result: { file, columns, findings }, stamps };
}

/** Opens an included file, seen from the file that includes it, as long as it lies in the zones folder. */
function readInclude(
  wanted: string,
  fromFile: string,
  root: string,
  stamps: Map<string, FileStamp>,
): Included {
  const path = resolve(dirname(resolve(fromFile)), wanted);
  const refused = "a file in the zones folder";
  try {
    // Symbolic links are followed first: those within the folder (Kubernetes makes some) are fine, those out of it are not.
    if (!realpathSync(path).startsWith(root + sep)) return { error: `${refused}; this one lies outside` };
  } catch (error) {
    stamps.set(path, "");
    return { error: `${refused}; ${unreadable(error).what}` };
  }
  const read = readSteadyFile(path, MAX_ZONE_FILE_OCTETS);
  if (!("octets" in read)) {
    stamps.set(path, "");
    return { error: `${refused}; ${read.what}` };
  }
  stamps.set(path, read.stamp);
  return { octets: read.octets, file: shownPath(path) };
}

function loadDynamic(path: string): Made<LoadedYaml<ZoneInput>> {
  const file = shownPath(path);
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if ("octets" in read) {
    const stamps = new Map([[path, read.stamp]]);
    return { result: loadYaml(read.octets, file, zoneSchema), stamps };
  }
  return { result: unreadYaml(file, fileFinding(file, read)), stamps: new Map([[path, ""]]) };
}
