import { suggest } from "../zone/suggest.ts";
import type { Finding } from "./findings.ts";
import type { PlaceOf, YamlPath } from "./yaml-text.ts";

/** A YAML file whose values can be pointed at. */
export interface YamlSource {
  /** Path as the user knows it. */
  file: string;
  placeOf: PlaceOf;
}

/** Of a finding. */
export type Place = Pick<Finding, "file" | "line" | "column">;

/** Collects what is wrong in one YAML file, each with its place. */
export interface Reporter {
  error(path: YamlPath, part: "key" | "value", code: string, what: string, expected: string): void;
  warning(path: YamlPath, part: "key" | "value", code: string, what: string, expected: string): void;
  /** Where a value or its key stands. */
  placeOf(path: YamlPath, part: "key" | "value"): Place;
  /** `file:line` of a path, to name a second place in a finding. */
  lineOf(path: YamlPath): string;
}

/** More would not help: something is wrong with all of the file. */
export const MAX_FINDINGS_PER_FILE = 100;

/** Says that the rest is left out. */
export function cutFinding(severity: Finding["severity"], file: string): Finding {
  const what = `the file has more than ${MAX_FINDINGS_PER_FILE} ${severity}s, and the rest is not listed`;
  return { severity, code: "CFG_FINDINGS_CUT", file, line: 0, column: 0, what, expected: "" };
}

export function reporterFor({ file, placeOf }: YamlSource, findings: Finding[]): Reporter {
  const report = (severity: Finding["severity"]): Reporter["error"] => {
    let count = 0;
    return (path, part, code, what, expected) => {
      count++;
      if (count === MAX_FINDINGS_PER_FILE + 1) findings.push(cutFinding(severity, file));
      if (count > MAX_FINDINGS_PER_FILE) return;
      const { line, column } = placeOf(path, part);
      findings.push({ severity, code, file, line, column, what, expected });
    };
  };
  return {
    error: report("error"),
    warning: report("warning"),
    placeOf: (path, part) => ({ file, ...placeOf(path, part) }),
    lineOf: (path) => `${file}:${placeOf(path, "key").line}`,
  };
}

/** A path in words: records by their owner alone, `pools.us.endpoints[1]` for the rest. */
export function pathText(path: YamlPath): string {
  const steps = path[0] === "records" && path.length > 1 ? path.slice(1) : path;
  let text = "";
  for (const [index, step] of steps.entries()) {
    if (typeof step === "number") text += `[${step}]`;
    else if (index === 0) text += step;
    else text += steps !== path && index === 1 ? `: ${step}` : `.${step}`;
  }
  return text;
}

/** `pathText: `, or nothing for the file itself. */
export function prefixFor(path: YamlPath): string {
  const text = pathText(path);
  return text === "" ? "" : `${text}: `;
}

const MAX_SHOWN = 60;

/** A value as it is shown in a finding. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return Object.keys(value).length === 0 ? "an empty mapping" : "a mapping";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}...` : value);
}

/** What and expected of a name that is not there: the one that it is most likely meant to be, else what there is. */
export function unknownName(what: string, word: string, known: readonly string[]): [string, string] {
  const close = suggest(word, known);
  return close === undefined ? [what, oneOf(word, known)] : [`${what}: did you mean ${close}?`, ""];
}

/** A list of which none is close is shown whole up to this long. */
const MAX_LISTED = 12;

/** `one of a, b, c`; a near miss goes first, and a long list is cut. */
export function oneOf(word: string, known: readonly string[]): string {
  if (known.length === 0) return "none: there are none in this file";
  const close = suggest(word, known);
  if (known.length > MAX_LISTED)
    return close === undefined
      ? `one of ${known.slice(0, MAX_LISTED).join(", ")} and ${known.length - MAX_LISTED} more`
      : close;
  return `one of ${known.join(", ")}`;
}
