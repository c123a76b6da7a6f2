import { realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { refusedBlock } from "../geo/reachable.ts";
import type { AddressFamily } from "../policy/model.ts";
import { readAddress } from "./addresses.ts";
import { type ConfigCache, cached, type Made } from "./cache.ts";
import { type Finding, formatFinding } from "./findings.ts";
import type { LoadedFragment } from "./includes.ts";
import { loadYaml, MAX_YAML_OCTETS, reporterOn } from "./load-yaml.ts";
import type { Reporter } from "./problem.ts";
import { endpointsFileSchema, type FileEntry } from "./schema-endpoints-file.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile, unreadable } from "./steady-file.ts";
import type { LoadedZone } from "./zones-folder.ts";

/** An endpoint of a file. */
export interface FileEndpoint {
  name: string;
  /** Undefined: none was given. */
  weight: number | undefined;
  addresses: { family: Exclude<AddressFamily, 0>; octets: Uint8Array; text: string }[];
}

/** What a file says now: its endpoints, or why it cannot be used. */
export type EndpointsFile = { endpoints: FileEndpoint[] } | { why: string };

/** Files with endpoints, by the absolute path that pools name. */
export type EndpointsFiles = ReadonlyMap<string, EndpointsFile>;

/**
 * Reads every file that a pool takes endpoints from. Nothing that such a file holds, or lacks, is an error: whoever writes
 * it must not be able to stop a reload. Only a path that leads out of the folders in the configuration's own words is.
 */
export function loadEndpointsFiles(
  zones: readonly LoadedZone[],
  fragments: readonly LoadedFragment[],
  folders: { zones: string; others: readonly string[] },
  cache: ConfigCache,
  findings: Finding[],
): EndpointsFiles {
  const files = new Map<string, EndpointsFile>();
  const allowed = [folders.zones, ...folders.others];
  for (const yaml of [
    ...fragments.map((fragment) => fragment.yaml),
    ...zones.map(({ dynamic }) => dynamic),
  ]) {
    for (const [name, pool] of Object.entries(yaml?.rest?.pools ?? {})) {
      if (pool.endpoints_file === undefined) continue;
      const path = resolve(folders.zones, pool.endpoints_file.file);
      if (!allowed.some((folder) => isBelow(path, folder))) {
        const what = `pools.${name}.endpoints_file: ${shownPath(path)} lies in none of the folders for such files`;
        const expected = `a file below ${allowed.map(shownPath).join(", ")}; endpoint_folders in steerd.yaml names more`;
        const at = ["pools", name, "endpoints_file"];
        reporterOn(yaml!, findings).error(at, "value", "CFG_ENDPOINTS_FOLDER", what, expected);
      } else if (!files.has(path)) files.set(path, readConfined(path, allowed, cache));
    }
  }
  return files;
}

/** Links are followed first: the file that they lead to has to lie in one of the folders as well. */
function readConfined(path: string, allowed: readonly string[], cache: ConfigCache): EndpointsFile {
  try {
    const real = realpathSync(path);
    const isInside = allowed.some((folder) => isBelow(real, realOf(folder)));
    if (!isInside) return { why: "its symbolic links lead out of the folders for such files" };
  } catch (error) {
    return { why: unreadable(error).what };
  }
  return cached(cache, "endpoints", path, () => readEndpointsFile(path));
}

function realOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function readEndpointsFile(path: string): Made<EndpointsFile> {
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if (!("octets" in read)) return { result: { why: read.what }, stamps: new Map([[path, ""]]) };
  return { result: parseEndpoints(read.octets, shownPath(path)), stamps: new Map([[path, read.stamp]]) };
}

/** The endpoints of a file, all of them or none. */
export function parseEndpoints(octets: Uint8Array, file: string): EndpointsFile {
  const yaml = loadYaml(octets, file, endpointsFileSchema);
  const findings = [...yaml.findings];
  const endpoints: FileEndpoint[] = [];
  if (yaml.input !== null) {
    const reporter = reporterOn(yaml, findings);
    const seen = { addresses: new Set<string>(), names: new Set<string>() };
    for (const entry of yaml.input) {
      const endpoint = readEntry(entry, seen, reporter);
      if (endpoint !== null) endpoints.push(endpoint);
    }
  }
  const [first] = findings;
  if (first === undefined) return { endpoints };
  const more = findings.length === 1 ? "" : `, and ${findings.length - 1} more`;
  return { why: `${formatFinding(first).replace(` ${first.code}`, "")}${more}` };
}

/** Null: it is wrong, which is reported, or a second time there, which registries are free to say. */
function readEntry(
  { name, weight, addresses }: FileEntry,
  seen: { addresses: Set<string>; names: Set<string> },
  reporter: Reporter,
): FileEndpoint | null {
  const read: FileEndpoint["addresses"] = [];
  for (const { text, path } of addresses) {
    const address = readAddress(text);
    if (!("octets" in address))
      reporter.error(path, "value", "CFG_ADDRESS_INVALID", `"${text}" ${address.what}`, address.expected);
    else if (address.family !== 0 && !seen.addresses.has(address.text)) {
      seen.addresses.add(address.text);
      read.push({ family: address.family, octets: address.octets, text: address.text });
    }
  }
  if (read.length === 0) return null;
  const called = name ?? read[0]!.text;
  if (seen.names.has(called)) {
    const what = `"${called}" names two endpoints`;
    reporter.error(addresses[0]!.path, "value", "CFG_ENDPOINT_DUPLICATE", what, "names that differ");
  }
  seen.names.add(called);
  return { name: called, weight, addresses: read };
}

/** Why an endpoint's address may not be used; null: all of them may. */
export function refusedAddress(endpoint: FileEndpoint, allow: readonly string[]): string | null {
  for (const address of endpoint.addresses) {
    const block = refusedBlock(address, allow);
    if (block !== null) return `${address.text} lies in ${block}`;
  }
  return null;
}
