import { existsSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import type { GeoSources } from "../geo/databases.ts";
import { type ConfigCache, turnCache } from "./cache.ts";
import type { Finding } from "./findings.ts";
import { createIncludeLoader, type LoadedFragment } from "./includes.ts";
import { type DatabasePaths, loadDatabases } from "./load-databases.ts";
import { type EndpointsFiles, loadEndpointsFiles } from "./load-endpoints.ts";
import { createLatencyLoader } from "./load-latency.ts";
import { type LoadedOverrides, loadOverrides } from "./load-overrides.ts";
import { type LoadedYaml, loadYaml, MAX_YAML_OCTETS, reporterOn } from "./load-yaml.ts";
import { pathText } from "./problem.ts";
import { type ServerOptions, serverSchema } from "./schema-server.ts";
import { USUAL_PLACE } from "./schema-state.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile } from "./steady-file.ts";
import type { YamlPath } from "./yaml-text.ts";
import { fileFinding, type LoadedZone, loadZones } from "./zones-folder.ts";

export interface LoadOptions {
  /** Path of steerd.yaml; null: ./steerd.yaml where there is one, else the defaults. */
  configFile: string | null;
  /** What the last load made of the files: see createConfigCache. */
  cache: ConfigCache;
}

/** Everything that the files say, parsed and validated; names are not resolved yet. */
export interface LoadedConfig {
  /** Paths are absolute. */
  server: ServerPaths & ServerOptions;
  /** Path of steerd.yaml as people are shown it, whether it exists or not. */
  configFile: string;
  /** Line of each name under `nameservers`: records are made of them. */
  nameserverLines: number[];
  /** Whether `server` has what steerd.yaml says for this key: errors there leave it in doubt. */
  isServerSound: (key: keyof ServerOptions) => boolean;
  zones: LoadedZone[];
  /** Every file that a zone includes, those that it includes itself before it. */
  fragments: LoadedFragment[];
  /** Files that pools have endpoints from. */
  endpointsFiles: EndpointsFiles;
  /** The verified databases, joined. */
  geo: GeoSources;
  /** Its findings are not among those below: a server in which forced states hold keeps them, whatever the file says now. */
  overrides: LoadedOverrides;
  /** Every path that was read and would have to be watched: files, and the zones folder. */
  watched: string[];
  /** With an error among them the configuration must not be used. */
  findings: Finding[];
}

/** Paths that always have a value once they are resolved. */
export interface ServerPaths {
  overrides: string;
  control: { socket: string };
}

const DEFAULT_FILE = "steerd.yaml";

/** Reads and parses all files, or takes over from the cache what did not change. What a file holds never makes it throw. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { cache } = options;
  const findings: Finding[] = [];
  const { file, path, rest, yaml } = loadServerFile(options.configFile, findings);
  const isServerSound: LoadedConfig["isServerSound"] = (key) => isSound(key, rest, yaml);
  const server = resolvePaths(rest ?? serverSchema.parse({}), path);
  // Where the folder that the file names is not known, the usual one is read where there is one.
  const isMissing = !isServerSound("zones") && !existsSync(server.zones);
  const zones = isMissing ? [] : loadZones(server.zones, cache, findings);
  for (const { master, dynamic } of zones)
    findings.push(...(master?.findings ?? []), ...(dynamic?.findings ?? []));
  const includes = createIncludeLoader(server.zones, cache, findings);
  for (const zone of zones) zone.includes = includes.load(zone.dynamic);
  const { fragments } = includes;
  const latency = createLatencyLoader(cache, findings);
  for (const zone of zones) zone.latency = latency.load(zone.dynamic?.rest ?? null, server.zones);
  for (const fragment of fragments) fragment.latency = latency.load(fragment.yaml.rest, server.zones);
  const databases = server.geo as DatabasePaths;
  const geo = loadDatabases(databases, cache, findings);
  const folders = { zones: server.zones, others: server.endpoint_folders };
  const endpointsFiles = loadEndpointsFiles(zones, fragments, folders, cache, findings);
  turnCache(cache);
  if (yaml !== null) placeInServerFile(yaml, server, findings);
  const watched = [
    path,
    server.zones,
    ...Object.values(databases),
    ...latency.paths,
    ...endpointsFiles.keys(),
    ...includedFiles(cache, server.zones),
  ];
  const overrides = loadOverrides(server.overrides);
  return {
    server,
    configFile: file,
    nameserverLines: server.nameservers.map((_, at) =>
      yaml === null ? 0 : reporterOn(yaml, []).placeOf(["nameservers", at], "value").line,
    ),
    isServerSound,
    zones,
    fragments,
    endpointsFiles,
    geo,
    overrides,
    watched,
    findings,
  };
}

/** An unknown key may have been meant as any that is not there. */
function isSound(
  key: keyof ServerOptions,
  rest: ServerOptions | null,
  yaml: LoadedYaml<ServerOptions> | null,
): boolean {
  if (rest === null || yaml === null) return rest !== null;
  const { paths, lost } = yaml.damage;
  if (paths.some(([first]) => first === key)) return false;
  const isStrange = [...lost].some((name) => !Object.hasOwn(serverSchema.shape, name));
  return !isStrange || JSON.stringify(rest[key]) !== JSON.stringify(serverSchema.parse({})[key]);
}

/** Files that zone files include from below the zones folder: a watch on the folder itself does not see them. */
function includedFiles(cache: ConfigCache, folder: string): string[] {
  const included = new Set<string>();
  for (const { stamps } of cache.current.values())
    if (stamps.size > 1) for (const file of stamps.keys()) if (dirname(file) !== folder) included.add(file);
  return [...included];
}

/** What steerd.yaml alone says, for commands that need no zones; null, with every error, when it cannot be used. */
export function loadServer(configFile: string | null): {
  server: (ServerPaths & ServerOptions) | null;
  findings: Finding[];
} {
  const findings: Finding[] = [];
  const { path, rest } = loadServerFile(configFile, findings);
  const isSound = rest !== null && findings.every(({ severity }) => severity !== "error");
  return { server: isSound ? resolvePaths(rest, path) : null, findings };
}

/** `rest`: what fits of the file, which must not be used where there are errors; null: nothing. */
function loadServerFile(
  configFile: string | null,
  findings: Finding[],
): { file: string; path: string; rest: ServerOptions | null; yaml: LoadedYaml<ServerOptions> | null } {
  const path = resolve(configFile ?? DEFAULT_FILE);
  const file = shownPath(path);
  if (configFile === null && !existsSync(path))
    return { file, path, rest: serverSchema.parse({}), yaml: null };
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if (!("octets" in read)) {
    findings.push(fileFinding(file, read));
    return { file, path, rest: null, yaml: null };
  }
  const yaml: LoadedYaml<ServerOptions> = loadYaml(read.octets, file, serverSchema);
  findings.push(...yaml.findings);
  const { rest } = yaml;
  if (rest !== null) refuseStateFile(yaml, resolvePaths(rest, path), path, findings);
  return { file, path, rest, yaml };
}

/** The state file is replaced whole, again and again: it must not be a file that somebody else writes. */
function refuseStateFile(
  yaml: LoadedYaml<ServerOptions>,
  { state, zones, overrides, geo, control, endpoint_folders }: ServerPaths & ServerOptions,
  configPath: string,
  findings: Finding[],
): void {
  if (state === null || yaml.rest?.state?.path === USUAL_PLACE) return;
  const isWithin = (folder: string): boolean => state.path.startsWith(folder + sep) || state.path === folder;
  const files = [configPath, overrides, control.socket, ...Object.values(geo)];
  const isZone = isWithin(zones) && /\.(zone|ya?ml)$/.test(state.path);
  if (!files.includes(state.path) && !isZone && !endpoint_folders.some(isWithin)) return;
  const what = `state.file is ${shownPath(state.path)}, which has another purpose and would be overwritten`;
  const expected = "a file of its own, no zone file, outside the endpoint folders";
  reporterOn(yaml, findings).error(["state", "file"], "value", "CFG_VALUE_INVALID", what, expected);
}

const UNREADABLE = new Set(["CFG_ZONES_FOLDER", "CFG_FILE_UNREADABLE"]);

/** A path that steerd.yaml names and that cannot be read is a mistake there: the finding gets its place. */
function placeInServerFile(
  yaml: LoadedYaml<ServerOptions>,
  { geo, zones }: ServerOptions,
  findings: Finding[],
): void {
  if (yaml.rest === null) return;
  const named: [path: string, key: YamlPath][] = [[zones, ["zones"]]];
  for (const [role, path] of Object.entries(geo)) if (path !== undefined) named.push([path, ["geo", role]]);
  for (const [index, finding] of findings.entries()) {
    const key = named.find(([path]) => shownPath(path) === finding.file)?.[1];
    if (key === undefined || !UNREADABLE.has(finding.code)) continue;
    const placed: Finding[] = [];
    const what = `${pathText(key)}: ${finding.file}: ${finding.what}`;
    reporterOn(yaml, placed).error(key, "value", finding.code, what, finding.expected);
    findings[index] = placed[0]!;
  }
}

/** Paths in steerd.yaml, which lies at `path`, are relative to its folder. */
function resolvePaths(options: ServerOptions, path: string): ServerOptions & ServerPaths {
  const folder = dirname(path);
  const geo: DatabasePaths = {};
  for (const role of ["city", "country", "asn"] as const) {
    const path = options.geo[role];
    if (path !== undefined) geo[role] = resolve(folder, path);
  }
  const { state } = options;
  const zones = resolve(folder, options.zones);
  const besideZones = (name: string): string => join(dirname(zones), name);
  return {
    ...options,
    zones,
    overrides: resolve(folder, options.overrides ?? besideZones("overrides.yaml")),
    control: { socket: resolve(folder, options.control.socket ?? besideZones("steerd.sock")) },
    geo,
    endpoint_folders: options.endpoint_folders.map((each) => resolve(folder, each)),
    state: state === null ? null : { ...state, path: statePath(state.path, path) },
  };
}

/** systemd's StateDirectory= is a folder that may be written where the one of steerd.yaml may not (systemd.exec(5)). */
function statePath(given: string, configPath: string): string {
  const folder = dirname(configPath);
  if (given !== USUAL_PLACE) return resolve(folder, given);
  const name = `${basename(configPath).replace(/\.ya?ml$/, "")}.state.json`;
  return join(process.env.STATE_DIRECTORY?.split(":", 1)[0] || folder, name);
}
