import type { LastResortModel } from "../policy/model.ts";
import { isBroken } from "./damage.ts";
import type { LastResortInput } from "./policy-input.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { prefixFor, unknownName } from "./problem.ts";
import { resolveAddress } from "./resolve-endpoints.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Undefined: wrong, and reported. */
export function resolveLastResort(
  scope: PolicyScope,
  input: LastResortInput,
  path: YamlPath,
): LastResortModel | undefined {
  if (typeof input === "string") return { kind: input };
  if ("pool" in input) {
    const pool = scope.pools.get(input.pool);
    if (pool !== undefined) {
      pool.used = true;
      return pool.model === null ? undefined : { kind: "pool", pool: pool.model };
    }
    if (!scope.imports.isComplete || isBroken(scope.broken, "pools", input.pool)) return undefined;
    scope.unknown.add(input.pool);
    const what = `${subjectOf(path)}"${input.pool}" is not a pool`;
    scope.reporter.error(
      [...path, "pool"],
      "value",
      "CFG_POOL_UNKNOWN",
      ...unknownName(what, input.pool, [...scope.pools.keys()]),
    );
    return undefined;
  }
  const seen = new Map<string, YamlPath>();
  const addresses = input.addresses.flatMap((text, index) => {
    const at = [...path, "addresses", index];
    const address = resolveAddress(text, at, at, seen, prefixFor(path).replace(/: $/, ""), scope.reporter);
    return address === null ? [] : { family: address.family, octets: address.octets, row: -1 };
  });
  return addresses.length === input.addresses.length ? { kind: "addresses", addresses } : undefined;
}

/** In records the owner alone says where: line and column say the rest. */
export function subjectOf(path: YamlPath): string {
  return prefixFor(path.slice(0, 2));
}
