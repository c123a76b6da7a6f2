import type * as z from "zod";
import { suggest } from "../zone/suggest.ts";
import type { Refusal } from "./chosen.ts";
import { isCut } from "./cut.ts";
import { fileKeyHint, insteadOfKey, placeOfKey } from "./key-hints.ts";
import { oneOf, pathText, prefixFor, type Reporter, shown } from "./problem.ts";
import { NAME_EXPECTED } from "./schema-rows.ts";
import { LATER_OPTIONS } from "./vocabulary.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Reports what does not fit in a value from a YAML file, `root`. What was taken out of it has been reported. */
export function reportIssues(issues: readonly z.core.$ZodIssue[], root: unknown, reporter: Reporter): void {
  const reported = new Set<string>();
  const strange = new Set<string>();
  for (const issue of issues)
    if (issue.code === "unrecognized_keys") strange.add(pathText(issue.path as YamlPath));
  for (const issue of issues) {
    const path = issue.path as YamlPath;
    if (isCut(valueAt(root, path))) continue;
    // One problem for one place: a value of the wrong type fails its bounds as well.
    const place = `${path.join("\0")}\0${issue.code === "unrecognized_keys" ? "keys" : ""}`;
    if (reported.has(place)) continue;
    reported.add(place);
    reportIssue(issue, path, root, strange, reporter);
  }
}

function reportIssue(
  issue: z.core.$ZodIssue,
  path: YamlPath,
  root: unknown,
  strange: Set<string>,
  reporter: Reporter,
): void {
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) unknownKey(path, key, knownKeys(issue), reporter);
    return;
  }
  if (issue.code === "invalid_key") {
    const name = String(path.at(-1));
    reporter.error(
      path,
      "key",
      "CFG_NAME_INVALID",
      `${prefixFor(path.slice(0, -1))}"${name}" is not a name`,
      issue.issues[0]?.message ?? NAME_EXPECTED,
    );
    return;
  }
  const refusal = issue.code === "custom" ? (issue.params?.refusal as Refusal | undefined) : undefined;
  if (refusal !== undefined) {
    const at = refusal.key === undefined ? path : [...path, refusal.key];
    const part = refusal.part ?? (refusal.key === undefined ? "value" : "key");
    reporter.error(at, part, refusal.code, `${prefixFor(path)}${refusal.what}`, refusal.expected);
    return;
  }
  const found = valueAt(root, path);
  if (found !== undefined || path.length === 0) {
    const subject = path.length === 0 ? "the file" : pathText(path);
    reporter.error(
      path,
      "value",
      "CFG_VALUE_INVALID",
      `${subject} is ${isSecret(path) ? hidden(found) : shown(found)}`,
      `${issue.message}${fileKeyHint(path)}`,
    );
    return;
  }
  const parent = path.slice(0, -1);
  // A key that is missing beside one that is unknown is most likely the same key.
  if (strange.has(pathText(parent))) return;
  reporter.error(
    parent,
    "key",
    "CFG_KEY_MISSING",
    `${prefixFor(parent)}${path.at(-1)} is missing`,
    issue.message,
  );
}

/** What `notify` says in the clear. */
const OPEN_KEYS: YamlPath = ["name", "type", "on", "timeout"];

/** Findings go to logs and tickets: what may hold a token is not repeated there. */
function isSecret([first, , key]: YamlPath): boolean {
  return first === "notify" ? !OPEN_KEYS.includes(key ?? "") : first === "checks" && key === "headers";
}

function hidden(value: unknown): string {
  return typeof value === "string" || typeof value === "number"
    ? "not shown, as it may be secret"
    : shown(value);
}

/** The keys that a mapping has: see `mapping` in chosen.ts. */
function knownKeys(issue: z.core.$ZodIssue): string[] {
  return issue.message.split(" ").filter((key) => key !== "");
}

/** The key that an unknown one is most likely to be; undefined: who knows. */
export function meantKey(key: string, issue: z.core.$ZodIssue): string | undefined {
  const known = knownKeys(issue);
  return placeOfKey(key, known) === null ? suggest(key, known) : undefined;
}

function unknownKey(path: YamlPath, key: string, known: readonly string[], reporter: Reporter): void {
  const at = [...path, key];
  const subject = prefixFor(path);
  const later = LATER_OPTIONS.some(({ beside, options }) => known.includes(beside) && options.includes(key));
  if (later) {
    reporter.error(
      at,
      "key",
      "CFG_NOT_AVAILABLE",
      `${subject}"${key}" is not available in this version`,
      oneOf(key, known),
    );
    return;
  }
  const place = placeOfKey(key, known);
  const close = suggest(key, known);
  if (place !== null)
    reporter.error(at, "key", "CFG_KEY_UNKNOWN", `${subject}"${key}" stands in the wrong place`, place);
  else if (close === undefined) {
    const expected = insteadOfKey(key, known) ?? oneOf(key, known);
    reporter.error(at, "key", "CFG_KEY_UNKNOWN", `${subject}"${key}" is not a key`, expected);
  } else
    reporter.error(
      at,
      "key",
      "CFG_KEY_UNKNOWN",
      `${subject}"${key}" is not a key: did you mean ${close}?`,
      "",
    );
}

/** Undefined: the path ends in nothing. */
export function valueAt(root: unknown, path: YamlPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
