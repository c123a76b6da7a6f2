import type * as z from "zod";
import { isMapping } from "./chosen.ts";
import { CUT, isCut } from "./cut.ts";
import { ANY_NAME, type Damage, isPrefix, nameKey } from "./damage.ts";
import { SECTIONS, type Section } from "./imports.ts";
import { MAX_FINDINGS_PER_FILE, type Reporter } from "./problem.ts";
import { meantKey, reportIssues, valueAt } from "./validate.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Entries that are taken apart to find more in them; a file with more is wrong throughout. */
const MAX_MENDED = 200;

/** Times that an entry is cut and validated again: each takes one thing out, or one level more of it. */
const MAX_ROUNDS = 24;

const NAMED: ReadonlySet<unknown> = new Set<string>([...SECTIONS, "records"]);
type Entry = readonly [section: Section | "records", name: string];

/**
 * Validates a value from a YAML file and reports every problem. What does not fit is taken out, so that the rest can be
 * checked as well: a wrong option, a node of a policy, an endpoint, or all of an entry. `damage` is told of it. Returns
 * what is left, in which `CUT` stands for nodes, endpoints and included files; null: nothing.
 */
export function salvage<T>(
  schema: z.ZodType<T>,
  value: unknown,
  reporter: Reporter,
  damage: Damage,
  hasCuts: boolean,
): T | null {
  const whole = schema.safeParse(value);
  if (whole.success && !hasCuts) return whole.data;
  const named = keysAsMeant(whole.error?.issues ?? [], value, damage, reporter);
  const issues = named === value ? (whole.error?.issues ?? []) : issuesOf(schema, named);
  reportIssues(issues, named, reporter);
  if (isBeyondListing([...(whole.error?.issues ?? []), ...issues])) return null;
  const entries = wrongEntries(issues, named);
  const frame = mend(schema, without(named, entries), [], damage, reporter);
  if (frame === null) return null;
  const rest = frame as Record<string, Record<string, unknown>>;
  for (const [index, entry] of entries.entries()) {
    const [section, name] = entry;
    const part = { [section]: { [name]: valueAt(named, entry) } };
    const data = index < MAX_MENDED ? mend(schema, part, entry, damage, reporter) : null;
    const kept = (data as typeof rest | null)?.[section];
    if (kept !== undefined && Object.hasOwn(kept, name))
      rest[section] = { ...rest[section], [name]: kept[name] };
    else for (const word of [name, name.toLowerCase()]) damage.names.add(nameKey(section, word));
  }
  return frame;
}

type Issue = z.core.$ZodIssue;

function issuesOf(schema: z.ZodType, value: unknown): Issue[] {
  return schema.safeParse(value).error?.issues ?? [];
}

/** More places are wrong than are listed: what else there is would not be told, and to take each of them out takes long. */
function isBeyondListing(issues: readonly Issue[]): boolean {
  const places = new Set<string>();
  for (const issue of issues) {
    const place = issue.path.join("\0");
    if (issue.code === "unrecognized_keys") for (const key of issue.keys) places.add(`${place}\0${key}`);
    else places.add(place);
  }
  return places.size > MAX_FINDINGS_PER_FILE;
}

function holdsCut(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isCut(value);
  return Object.values(value).some(holdsCut);
}

/**
 * The value with its own unknown keys, which are reported, left out. One that is most likely the name of a section is read
 * as that: below `pool:` stand pools.
 */
function keysAsMeant(issues: readonly Issue[], value: unknown, damage: Damage, reporter: Reporter): unknown {
  const strange = issues.filter(({ code, path }) => code === "unrecognized_keys" && path.length === 0);
  if (strange.length === 0 || !isMapping(value)) return value;
  reportIssues(strange, value, reporter);
  const meant = { ...value };
  for (const issue of strange) {
    for (const key of issue.code === "unrecognized_keys" ? issue.keys : []) {
      const close = meantKey(key, issue);
      const found = meant[key];
      delete meant[key];
      if (close !== undefined && NAMED.has(close) && isMapping(found) && !Object.hasOwn(meant, close)) {
        meant[close] = found;
        damage.renamed.set(close, key);
        continue;
      }
      damage.paths.push([close ?? key]);
      lose(damage, close ?? key);
      // Whatever it was meant to be, names that stand there are no unknown ones.
      for (const name of isMapping(found) ? Object.keys(found) : [])
        for (const section of SECTIONS) damage.names.add(nameKey(section, name));
    }
  }
  return meant;
}

/** Entries in which something is wrong, each once. */
function wrongEntries(issues: readonly Issue[], value: unknown): Entry[] {
  const entries = new Map<string, Entry>();
  const add = ([section, name]: YamlPath): void => {
    if (NAMED.has(section) && typeof name === "string")
      entries.set(`${section} ${name}`, [section as Entry[0], name]);
  };
  for (const { path } of issues) add(path as YamlPath);
  if (!isMapping(value)) return [];
  for (const section of NAMED as ReadonlySet<string>) {
    const found = value[section];
    if (!isMapping(found)) continue;
    for (const name of Object.keys(found)) if (holdsCut(found[name])) add([section, name]);
  }
  return [...entries.values()];
}

function without(value: unknown, entries: readonly Entry[]): unknown {
  if (entries.length === 0 || !isMapping(value)) return value;
  const left: Record<string, unknown> = { ...value };
  for (const section of new Set(entries.map(([first]) => first))) {
    const kept = left[section];
    if (isMapping(kept)) left[section] = { ...kept };
  }
  for (const [section, name] of entries) delete (left[section] as Record<string, unknown>)[name];
  return left;
}

/**
 * Cuts a value until it fits; null: not even that helps. `entry`: the only one in it, or none. Conditions that are looked
 * at only now are reported.
 */
function mend<T>(
  schema: z.ZodType<T>,
  value: unknown,
  entry: YamlPath,
  damage: Damage,
  reporter: Reporter,
): T | null {
  const mended: Mended = { value, entry, damage, tries: new Map() };
  damage.paths.push(...cutsIn(value));
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const result = schema.safeParse(mended.value);
    if (result.success) return result.data;
    const { issues } = result.error;
    if (round > 0) {
      const shown = issues.filter((issue) => isIndependent(issue, damage));
      reportIssues(shown, mended.value, reporter);
    }
    if (!cutIssues(mended, issues)) return null;
  }
  return null;
}

/** Where something was taken out already. */
function cutsIn(value: unknown, path: YamlPath = []): YamlPath[] {
  if (isCut(value)) return [path];
  if (typeof value !== "object" || value === null) return [];
  const isList = Array.isArray(value);
  return Object.entries(value).flatMap(([key, child]) =>
    cutsIn(child, [...path, isList ? Number(key) : key]),
  );
}

/**
 * A condition between several values is looked at when each of them fits. It is broken in its own right where none of the
 * values that it names was touched.
 */
function isIndependent(issue: Issue, { paths }: Damage): boolean {
  const path = issue.path as YamlPath;
  if (issue.code !== "custom" || issue.params?.refusal !== undefined || path.length === 0) return false;
  const words = new Set([...issue.message.split(/[^\w]+/), String(path.at(-1))]);
  const around = path.slice(0, -1);
  return paths.every((touched) => {
    if (isPrefix(path, touched)) return false;
    return !isPrefix(around, touched) || !words.has(String(touched[around.length]));
  });
}

interface Mended {
  value: unknown;
  /** What is cut lies below it. */
  entry: YamlPath;
  damage: Damage;
  /** How often something was cut at each place. */
  tries: Map<string, number>;
}

/** False: there is nothing left to cut. */
function cutIssues(mended: Mended, issues: readonly Issue[]): boolean {
  const { value: before, damage } = mended;
  const done = new Set<string>();
  for (const issue of issues) {
    const path = issue.path as YamlPath;
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) {
        damage.paths.push([...path, meantKey(key, issue) ?? key]);
        mended.value = changed(mended.value, [...path, key], undefined);
      }
      continue;
    }
    damage.paths.push(path);
    if (path.length === 1) lose(damage, String(path[0]));
    // What stands in the place of something does not fit below it: the place itself has to go.
    const at = path.slice(0, depthOfCut(before, path));
    const key = at.join("\0");
    if (done.has(key) || depthOfCut(mended.value, at) < at.length) continue;
    done.add(key);
    if (!(issue.code === "invalid_key" ? leaveOut(mended, at) : cutAt(mended, at))) return false;
  }
  return true;
}

/** A key of the file says nothing that can be used. */
function lose(damage: Damage, key: string): void {
  damage.lost.add(key);
  const section = SECTIONS.find((name) => name === key);
  if (section !== undefined) damage.names.add(nameKey(section, ANY_NAME));
}

/** Steps of a path up to what was taken out; all of them where nothing was. */
function depthOfCut(value: unknown, path: YamlPath): number {
  const depth = path.findIndex((_, index) => isCut(valueAt(value, path.slice(0, index))));
  return depth < 0 ? path.length : depth;
}

/** Puts something in the place of a value; where that does not fit either, leaves it out; at last all around it. */
function cutAt(mended: Mended, path: YamlPath): boolean {
  const { entry, tries } = mended;
  if (path.length < entry.length || (path.length === entry.length && path[0] !== "policies"))
    return leaveOut(mended, path);
  const key = path.join("\0");
  const tried = tries.get(key) ?? 0;
  tries.set(key, tried + 1);
  if (tried === 0) {
    if (valueAt(mended.value, path) === undefined) tries.set(key, 2);
    mended.value = changed(mended.value, path, isEndpoints(path) ? [CUT] : CUT);
    return true;
  }
  const around = path.slice(0, -1);
  const isItem = Array.isArray(valueAt(mended.value, around));
  return tried > 1 || isItem ? cutAt(mended, around) : leaveOut(mended, path);
}

/** False: that would be all of the file. */
function leaveOut(mended: Mended, path: YamlPath): boolean {
  mended.value = changed(mended.value, path, undefined);
  return path.length > 0;
}

function isEndpoints(path: YamlPath): boolean {
  return path.length === 3 && path[0] === "pools" && path[2] === "endpoints";
}

/** The value with something else at a path, or with nothing there; what it has in common with the old one is shared. */
function changed(value: unknown, [step, ...below]: YamlPath, into: unknown): unknown {
  if (step === undefined) return into;
  if (Array.isArray(value))
    return value.map((item, index) => (index === step ? changed(item, below, into) : item));
  if (!isMapping(value)) return value;
  const copy: Record<string, unknown> = Object.assign(Object.create(null), value);
  const next = changed(copy[step], below, into);
  if (next === undefined) delete copy[step];
  else copy[step] = next;
  return copy;
}
