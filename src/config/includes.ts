import { readdirSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { listedWay } from "../wire/listing.ts";
import { type ConfigCache, cached } from "./cache.ts";
import { isCut } from "./cut.ts";
import type { Finding } from "./findings.ts";
import type { LatencyTables } from "./load-latency.ts";
import { type LoadedYaml, loadYaml, MAX_YAML_OCTETS, reporterOn, unreadYaml } from "./load-yaml.ts";
import { oneOf } from "./problem.ts";
import { type FragmentInput, fragmentSchema } from "./schema-zone.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile, unreadable } from "./steady-file.ts";

/** Included files lie in this folder of the zones folder; what lies beside the zones is a zone. */
const INCLUDE_FOLDER = "include";

/** A longer way to a name is no order that anyone can read. */
const MAX_INCLUDE_DEPTH = 20;

/** What a file includes. */
export interface Includes {
  files: LoadedFragment[];
  /** False: one of them cannot be used, which is reported, so that names may be missing for that reason. */
  isComplete: boolean;
}

export const NO_INCLUDES: Includes = { files: [], isComplete: true };

/** zones/include/<name>: common parts of zones. One object a load, however many files include it. */
export interface LoadedFragment {
  /** The file's name, which stands for the zone in the identity of its pools. */
  name: string;
  yaml: LoadedYaml<FragmentInput>;
  includes: Includes;
  latency: LatencyTables;
}

export interface IncludeLoader {
  /** What a file includes, and what that includes. */
  load(yaml: LoadedYaml<Pick<FragmentInput, "include">> | null): Includes;
  /** Every file that was included, those that it includes before it. */
  fragments: LoadedFragment[];
}

/** Loads the included files of one configuration. `folder`: the zones folder. */
export function createIncludeLoader(folder: string, cache: ConfigCache, findings: Finding[]): IncludeLoader {
  const known = new Map<string, LoadedFragment | null>();
  const fragments: LoadedFragment[] = [];
  /** Files that are being loaded, outermost first. */
  const open: string[] = [];

  const load: IncludeLoader["load"] = (yaml) => {
    const names = yaml?.rest?.include ?? [];
    const isWhole = yaml?.damage.lost.has("include") !== true;
    if (names.length === 0) return isWhole ? NO_INCLUDES : { ...NO_INCLUDES, isComplete: false };
    const reporter = reporterOn(yaml!, findings);
    const files: LoadedFragment[] = [];
    let isComplete = isWhole;
    const refuse = (index: number, code: string, what: string, expected: string): void => {
      isComplete = false;
      reporter.error(["include", index], "value", code, `include: ${what}`, expected);
    };
    for (const [index, name] of names.entries()) {
      if (isCut(name)) isComplete = false;
      else if (names.indexOf(name) < index)
        refuse(index, "CFG_INCLUDE", `${name} stands here again`, "each file once");
      else if (open.includes(name)) {
        const circle = listedWay([...open.slice(open.indexOf(name)), name]);
        refuse(
          index,
          "CFG_INCLUDE_CYCLE",
          `the files lead in a circle: ${circle}`,
          "files that end somewhere",
        );
      } else if (open.length >= MAX_INCLUDE_DEPTH)
        refuse(
          index,
          "CFG_INCLUDE",
          `${name} is included over ${open.length} others`,
          `at most ${MAX_INCLUDE_DEPTH}`,
        );
      else {
        const read = known.has(name) ? "" : readable(folder, name);
        if (read !== "") refuse(index, "CFG_INCLUDE", read, expectedName(folder, name));
        const fragment = read === "" ? fragmentOf(name) : null;
        if (fragment === null || fragment.yaml.rest === null || !fragment.includes.isComplete)
          isComplete = false;
        if (fragment !== null) files.push(fragment);
      }
    }
    return { files, isComplete };
  };

  const fragmentOf = (name: string): LoadedFragment | null => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const path = join(folder, INCLUDE_FOLDER, name);
    const yaml = cached(cache, "include", path, () => readFragment(path));
    findings.push(...yaml.findings);
    open.push(name);
    const includes = load(yaml);
    open.pop();
    const fragment: LoadedFragment = { name, yaml, includes, latency: new Map() };
    known.set(name, fragment);
    fragments.push(fragment);
    return fragment;
  };
  return { load, fragments };
}

/** Empty when the file may be read, else what is wrong. Links may lead anywhere within the zones folder. */
function readable(folder: string, name: string): string {
  const path = join(folder, INCLUDE_FOLDER, name);
  const shown = shownPath(path);
  try {
    if (!realpathSync(path).startsWith(realpathSync(folder) + sep))
      return `${shown} leads out of the zones folder`;
  } catch (error) {
    return `${shown} cannot be used: ${unreadable(error).what}`;
  }
  return "";
}

function expectedName(folder: string, name: string): string {
  let names: string[] = [];
  try {
    names = readdirSync(join(folder, INCLUDE_FOLDER)).filter(
      (other) => other.endsWith(".yaml") && other !== name,
    );
  } catch {
    // Without the folder there is nothing to choose from.
  }
  return names.length === 0
    ? `a file in ${shownPath(join(folder, INCLUDE_FOLDER))}`
    : oneOf(name, names.sort());
}

function readFragment(path: string) {
  const file = shownPath(path);
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if ("octets" in read)
    return { result: loadYaml(read.octets, file, fragmentSchema), stamps: new Map([[path, read.stamp]]) };
  const finding: Finding = { severity: "error", file, line: 0, column: 0, ...read };
  return { result: unreadYaml<FragmentInput>(file, finding), stamps: new Map([[path, ""]]) };
}
