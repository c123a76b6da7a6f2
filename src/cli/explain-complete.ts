import type { CompiledConfig } from "../config/compile.ts";
import { placeOfClient } from "../geo/databases.ts";
import { distanceKm } from "../geo/nearest.ts";
import type { CheckSpec } from "../health/plan.ts";
import type { HealthRows } from "../health/rows.ts";
import type {
  Explanation,
  NodeExplanation,
  PoolExplanation,
  TableExplanation,
  TtlLimit,
} from "../policy/explanation.ts";
import { addressOption } from "./arguments.ts";
import { withOperatorWords } from "./explain-said.ts";

/**
 * Adds what the decision itself does not know: how far the places of `nearest` are from the client, which takes the
 * databases, how many results are missing until the next change, which takes the checks, and what operators say.
 */
export function completeExplanation(
  explanation: Explanation,
  config: CompiledConfig,
  rows: HealthRows,
): Explanation {
  const { geo, plan } = config;
  const { client, tables, ttl, root, lastResort } = explanation;
  const complete = withOperatorWords(config, rows);
  const check = plan.targets.find(
    ({ pool, address, isPart }) =>
      isPart !== true && pool === ttl.limit?.pool && address === ttl.limit.address,
  )?.check;
  return {
    ...explanation,
    tables: tables.map((table) => {
      if (table.places === null || table.place === "unknown") return table;
      const address = table.place === "client" ? client.address : client.resolver;
      return withDistances(table, geo, address);
    }),
    ttl: { ...ttl, limit: ttl.limit === null ? null : withProbes(ttl.limit, check) },
    root: eachPool(root, complete),
    lastResort:
      lastResort === null || lastResort.pool === null
        ? lastResort
        : { ...lastResort, pool: complete(lastResort.pool) },
  };
}

function eachPool(
  node: NodeExplanation,
  change: (pool: PoolExplanation) => PoolExplanation,
): NodeExplanation {
  return {
    ...node,
    entries: node.entries.map((entry) => ({ ...entry, node: eachPool(entry.node, change) })),
    pool: node.pool === null ? null : change(node.pool),
    earlier: node.earlier.map((each) => eachPool(each, change)),
  };
}

function withDistances(
  table: TableExplanation,
  geo: CompiledConfig["geo"],
  address: string,
): TableExplanation {
  const { family, octets } = addressOption("client", address);
  const from = placeOfClient(geo, family, octets);
  if (from === null || table.places === null) return table;
  const places = table.places.map((place) => ({ ...place, distanceKm: Math.round(distanceKm(from, place)) }));
  return { ...table, places };
}

function withProbes(limit: TtlLimit, check: CheckSpec | undefined): TtlLimit {
  if (check === undefined || limit.state === null || limit.state === "held" || limit.state === "spared")
    return limit;
  const of = limit.state === "up" ? check.fall : limit.state === "down" ? check.rise : 1;
  const needed = Math.max(1, of - (limit.run ?? 0));
  return { ...limit, probes: { needed, good: limit.state !== "up" } };
}
