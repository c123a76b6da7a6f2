import { BUILT_IN_GROUPS } from "../geo/country.ts";
import { parseGeoKey } from "../geo/geo-key.ts";
import { findBlock, SPECIAL_BLOCKS } from "../geo/special.ts";
import type { KeyModel } from "../policy/model.ts";
import { readSubnet } from "./addresses.ts";
import { isBroken } from "./damage.ts";
import type { NodeInput } from "./policy-input.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { prefixFor } from "./problem.ts";
import { resolveNode, type Shape } from "./resolve-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A node whose keys are places; null: wrong, and reported. */
export function resolveGeo(
  scope: PolicyScope,
  input: Record<string, NodeInput>,
  path: YamlPath,
): Shape | null {
  let sound = true;
  const keys: KeyModel[] = [];
  const groups: Record<string, readonly string[]> = {};
  const within: Record<"subdivision" | "city", string[]> = { subdivision: [], city: [] };
  for (const [key, value] of Object.entries(input)) {
    const at = [...path, key];
    const parsed = parseGeoKey(key, scope.groups);
    if ("error" in parsed && isBroken(scope.broken, "groups", key)) sound = false;
    else if ("error" in parsed) {
      const { code, what, expected } = parsed.error;
      scope.reporter.error(at, "key", code, `${prefixFor(path)}${what}`, expected);
    } else if (parsed.key.kind === "group") {
      scope.usedGroups.add(key);
      if (!BUILT_IN_GROUPS.has(key)) groups[key] = parsed.key.countries;
    } else if (parsed.key.kind === "subdivision" || parsed.key.kind === "city") {
      within[parsed.key.kind].push(key);
    }
    const node = resolveNode(scope, value, at);
    if (node === null || "error" in parsed) sound = false;
    else keys.push({ key, node });
  }
  for (const depth of ["subdivision", "city"] as const) {
    const keys = within[depth];
    if (keys.length > 0)
      scope.databaseUses.push({ kind: "depth", depth, path: [...path, keys[0]!], keys, table: null });
  }
  if (!sound) return null;
  return Object.keys(groups).length === 0 ? { kind: "geo", keys } : { kind: "geo", keys, groups };
}

/** A node whose keys are prefixes; null: wrong, and reported. */
export function resolveSubnets(
  scope: PolicyScope,
  input: Record<string, NodeInput>,
  path: YamlPath,
): Shape | null {
  let sound = true;
  const keys: KeyModel[] = [];
  const first = new Map<string, string>();
  for (const [text, value] of Object.entries(input)) {
    const at = [...path, text];
    const key = text === "default" ? text : subnetKey(scope, text, first, at);
    const node = resolveNode(scope, value, at);
    if (node === null || key === null) sound = false;
    else keys.push({ key, node });
  }
  return sound ? { kind: "subnets", keys } : null;
}

/** Resolvers cut off what is longer, and every longer tile is an entry of their caches (RFC 7871 section 11.1). */
export const MAX_TILE_BITS = { 4: 24, 6: 56 } as const;

/** The canonical form of a key; null: wrong or a second time, and reported. */
function subnetKey(
  scope: PolicyScope,
  text: string,
  first: Map<string, string>,
  path: YamlPath,
): string | null {
  const subject = `${prefixFor(path.slice(0, -1))}"${text}"`;
  const subnet = readSubnet(text);
  if (!("prefix" in subnet)) {
    scope.reporter.error(path, "key", "CFG_SUBNET_INVALID", `${subject} ${subnet.what}`, subnet.expected);
    return null;
  }
  const other = first.get(subnet.text);
  if (other !== undefined) {
    scope.reporter.error(
      path,
      "key",
      "CFG_SUBNET_DUPLICATE",
      `${subject} is the same prefix as "${other}"`,
      "each prefix once",
    );
    return null;
  }
  first.set(subnet.text, text);
  const { family, bits, octets } = subnet.prefix;
  if (bits > MAX_TILE_BITS[family] && findBlock(SPECIAL_BLOCKS[family], octets) === null)
    scope.reporter.warning(
      path,
      "key",
      "CFG_TILE_FINE",
      `${subject} is longer than what resolvers tell of a client`,
      `at most /${MAX_TILE_BITS[family]}`,
    );
  return subnet.text;
}

/** Autonomous systems have 32 bits (RFC 6793); 0 is nobody's (RFC 7607). */
const MAX_ASN = 2 ** 32 - 1;

/** A node whose keys are autonomous systems; null: wrong, and reported. */
export function resolveAsn(
  scope: PolicyScope,
  input: Record<string, NodeInput>,
  path: YamlPath,
): Shape | null {
  let sound = true;
  const keys: KeyModel[] = [];
  for (const [key, value] of Object.entries(input)) {
    const at = [...path, key];
    const isKey = key === "default" || (/^[1-9]\d{0,9}$/.test(key) && Number(key) <= MAX_ASN);
    if (!isKey) {
      const digits = /^AS ?([1-9]\d{0,9})$/i.exec(key.trim())?.[1];
      const expected = digits ?? `default, or a number from 1 to ${MAX_ASN}, as 64500`;
      scope.reporter.error(
        at,
        "key",
        "CFG_ASN_INVALID",
        `${prefixFor(path)}"${key}" is not the number of an autonomous system`,
        expected,
      );
    }
    const node = resolveNode(scope, value, at);
    if (node === null || !isKey) sound = false;
    else keys.push({ key, node });
  }
  scope.databaseUses.push({ kind: "asn", path, isRequired: true });
  return sound ? { kind: "asn", keys } : null;
}
