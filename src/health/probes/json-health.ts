import {
  REASON_JSON_CHECK,
  REASON_JSON_MALFORMED,
  REASON_JSON_STATUS,
  REASON_OK,
  type Reason,
} from "../reasons.ts";

/** Where a JSON health answer says what. */
export interface JsonExpectation {
  /** Keys that lead to the status. */
  statusPath: string[];
  /** Keys that lead to the entries of which each must be healthy, too. */
  checksPath: string[];
  /** Values that mean healthy, in lower case. */
  healthy: string[];
}

/** Entries of `checks` that are looked at, however deep: 5,120 octets hold no more. */
const ENTRIES_MAX = 2_560;

/** Undefined: it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Judges an answer as `{"status": "healthy", "checks": {"database": "ok"}}`. The status must be there and healthy, and so
 * must be every entry of the checks where there are any: a value, a mapping with a status of its own, as
 * `{"database": {"status": "UP"}}`, or a list of such mappings (draft-inadarei-api-health-check).
 */
export function judgeJson(answer: unknown, expectation: JsonExpectation): Reason {
  if (answer === undefined) return REASON_JSON_MALFORMED;
  const { statusPath, checksPath, healthy } = expectation;
  if (!isHealthy(valueAt(answer, statusPath), healthy)) return REASON_JSON_STATUS;
  const checks = valueAt(answer, checksPath);
  if (checks === undefined || checks === null) return REASON_OK;
  const statusKey = statusPath.at(-1) ?? "status";
  const pending: unknown[] = typeof checks === "object" ? Object.values(checks) : [checks];
  for (let seen = 0; pending.length > 0; seen++) {
    const entry = pending.pop();
    if (seen > ENTRIES_MAX) return REASON_JSON_CHECK;
    if (Array.isArray(entry)) pending.push(...entry);
    else if (!isHealthy(isMapping(entry) ? entry[statusKey] : entry, healthy)) return REASON_JSON_CHECK;
  }
  return REASON_OK;
}

/** Undefined: there is none. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (!isMapping(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHealthy(value: unknown, healthy: readonly string[]): boolean {
  const isScalar = typeof value === "string" || typeof value === "boolean" || typeof value === "number";
  return isScalar && healthy.includes(String(value).toLowerCase());
}
