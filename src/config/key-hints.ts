import { NODE_OPTIONS, POLICY_KINDS, type PolicyKind } from "./vocabulary.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Keys that belong to other places than those where people look for them first. */

/** Options that stand inside the list of a policy, beside `of`. */
const LIST_OPTIONS: Partial<Record<PolicyKind, readonly string[]>> = {
  failover: ["failback"],
  all: ["max_answers"],
  latency: ["table", "tolerance"],
};

/** Keys of a zone's YAML file itself. */
const FILE_KEYS: readonly string[] = ["checks", "regions", "pools", "policies", "records", "groups"];

/** What RFC 9460 has for HTTPS and SVCB records, and a steered one does not. */
const SERVICE_KEYS: Readonly<Record<string, string>> = {
  target:
    "no target: it is the name itself, as the hints are the addresses that the policy picks; a record with another target goes into the master file",
  ipv4hint: "hints: both, ipv4, ipv6 or none; the addresses themselves are those that the policy picks",
  ipv6hint: "hints: both, ipv4, ipv6 or none; the addresses themselves are those that the policy picks",
};

/** What there is in place of a key that is none, in a mapping with the keys `known`; null: there is nothing to say. */
export function insteadOfKey(key: string, known: readonly string[]): string | null {
  return known.includes("no_default_alpn") && Object.hasOwn(SERVICE_KEYS, key) ? SERVICE_KEYS[key]! : null;
}

/** Where a key belongs that is unknown in a mapping with the keys `known`; null: there is nothing to say. */
export function placeOfKey(key: string, known: readonly string[]): string | null {
  if (known.includes("policy") && known.includes("last_resort")) {
    if ((POLICY_KINDS as readonly string[]).includes(key))
      return `it inside policy, as policy: {${key}: [...]}`;
    if (key === "type") return "no type: a record answers A and AAAA, and what its pools have beside them";
    return null;
  }
  const kind = POLICY_KINDS.find((word) => known.includes(word));
  if (kind === undefined || !NODE_OPTIONS.every((option) => known.includes(option))) return null;
  if (key === "of" || LIST_OPTIONS[kind]?.includes(key) === true) {
    const option = key === "of" ? "" : `, ${key}: ...`;
    return `it inside ${kind}, as {${kind}: {of: [...]${option}}}`;
  }
  if (key === "weights" || key === "weight") return `weights inside ${kind}, as {weighted: {eu: 80, us: 20}}`;
  return null;
}

/** For a pool, region or check that is called like a key of the file: its line is most likely indented too far. */
export function fileKeyHint(path: YamlPath): string {
  const [first, name] = path;
  const isMeant =
    path.length === 2 &&
    FILE_KEYS.includes(String(first)) &&
    FILE_KEYS.includes(String(name)) &&
    first !== name;
  return isMeant ? `; or, for the ${name} of the file, no spaces before it` : "";
}
