import type * as z from "zod";
import { type Damage, noDamage, UNDAMAGED, withoutConsequences } from "./damage.ts";
import type { Finding } from "./findings.ts";
import { cutFinding, MAX_FINDINGS_PER_FILE, type Reporter, reporterFor } from "./problem.ts";
import { salvage } from "./salvage.ts";
import { type PlaceOf, readYaml } from "./yaml-text.ts";

/**
 * Largest YAML file. The parser needs about 10 us and 700 octets for everything that it takes apart, so that it is not
 * the octets alone that are bounded: these two keep a file below some 5 s and 500 MB, whatever stands in it. They hold
 * 20,000 names with a tree of ten nodes each.
 */
export const MAX_YAML_OCTETS: number = 2 * 2 ** 20;

/** Most lines, colons, commas and opening brackets in one YAML file. */
export const MAX_YAML_MARKS = 500_000;

const MARKS = new Uint8Array(256);
for (const mark of "\n:,[{") MARKS[mark.charCodeAt(0)] = 1;

/** Null when the file may be parsed. */
function tooManyMarks(octets: Uint8Array, file: string): Finding | null {
  let count = 0;
  for (const octet of octets) count += MARKS[octet]!;
  if (count <= MAX_YAML_MARKS) return null;
  const what = `the file has ${count} lines, colons, commas and opening brackets`;
  const expected = `at most ${MAX_YAML_MARKS}`;
  return { severity: "error", code: "CFG_FILE_TOO_LARGE", file, line: 0, column: 0, what, expected };
}

/** A YAML file that was read; `input` is null when it has errors, which are among the findings. */
export interface LoadedYaml<T> {
  file: string;
  text: string;
  input: T | null;
  /** The input, or what fits of it, to be checked and no more; null: nothing. */
  rest: T | null;
  /** What was taken out of `rest`. */
  damage: Damage;
  findings: Finding[];
}

/** A file that cannot be read at all. */
export function unreadYaml<T>(file: string, finding: Finding): LoadedYaml<T> {
  return { file, text: "", input: null, rest: null, damage: UNDAMAGED, findings: [finding] };
}

/** Decodes, parses and validates; an empty file is an empty mapping. */
export function loadYaml<T>(octets: Uint8Array, file: string, schema: z.ZodType<T>): LoadedYaml<T> {
  const decoded = tooManyMarks(octets, file) ?? decode(octets, file);
  if (typeof decoded !== "string") return unreadYaml(file, decoded);
  const { value, problems, placeOf } = readYaml(decoded);
  const findings = problems
    .slice(0, MAX_FINDINGS_PER_FILE)
    .map(({ code, line, column, what, expected }): Finding => {
      return { severity: "error", code, file, line, column, what, expected };
    });
  if (problems.length > MAX_FINDINGS_PER_FILE) findings.push(cutFinding("error", file));
  const damage = noDamage();
  const nothing = { file, text: decoded, input: null, rest: null, damage, findings };
  if (problems.length > MAX_FINDINGS_PER_FILE || (problems.length > 0 && value === undefined)) return nothing;
  const reporter = reporterFor({ file, placeOf: asWritten(placeOf, damage) }, findings);
  const rest = salvage(schema, value ?? {}, reporter, damage, problems.length > 0);
  if (rest !== null) keepPlaces(decoded, placeOf);
  return { ...nothing, rest, input: findings.length > 0 ? null : rest };
}

/** Places of what is read as something else. */
function asWritten(placeOf: PlaceOf, { renamed }: Damage): PlaceOf {
  return (path, part) => {
    const [first, ...below] = path;
    const written = first === undefined ? undefined : renamed.get(String(first));
    return placeOf(written === undefined ? path : [written, ...below], part);
  };
}

function decode(octets: Uint8Array, file: string): string | Finding {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch {
    const before = new TextDecoder().decode(octets).split("\uFFFD", 1)[0]!;
    const line = before.split("\n").length;
    const column = before.length - before.lastIndexOf("\n");
    const what = "the file is not UTF-8 from here on";
    return {
      severity: "error",
      code: "CFG_FILE_ENCODING",
      file,
      line,
      column,
      what,
      expected: "text in UTF-8",
    };
  }
}

/**
 * Parsed files of the load under way, by their text: the findings that come when names are resolved need places, and
 * parsing once more would double what a small file costs. Larger than their text by far, so that only so much is kept.
 */
const parsed = new Map<string, PlaceOf>();
const MAX_KEPT_CHARACTERS = 1024 * 1024;
let keptCharacters = 0;

/** The file whose places were asked for last: findings come file by file. */
let last: { text: string; placeOf: PlaceOf } | null = null;

function keepPlaces(text: string, placeOf: PlaceOf): void {
  if (keptCharacters + text.length > MAX_KEPT_CHARACTERS) return;
  keptCharacters += text.length;
  parsed.set(text, placeOf);
}

/** Reports on a loaded file what is no mere consequence of what was taken out of it; where it was not kept, its text is parsed again when the first place is asked for. */
export function reporterOn(yaml: LoadedYaml<unknown>, findings: Finding[]): Reporter {
  const { file, text, damage } = yaml;
  const placeOf: PlaceOf = (path, part) => {
    if (last?.text !== text) last = { text, placeOf: parsed.get(text) ?? readYaml(text).placeOf };
    return last.placeOf(path, part);
  };
  return withoutConsequences(reporterFor({ file, placeOf: asWritten(placeOf, damage) }, findings), damage);
}

/** Forgets the parsed files: the configuration is compiled, or will not be. */
export function releasePlaces(): void {
  last = null;
  parsed.clear();
  keptCharacters = 0;
}
