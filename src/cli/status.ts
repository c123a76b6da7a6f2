import { formatMatch, matchesPlace, type OverrideMatch, parseSelector } from "../config/override-match.ts";
import { oneOf } from "../config/problem.ts";
import type { PoolStatus } from "../control/live-status.ts";
import { listed } from "../wire/listing.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, UsageError } from "./command.ts";
import { type ServerStatus, statusLines } from "./status-text.ts";
import { withServer } from "./with-server.ts";

export const command = defineCommand({
  positionals: {
    selector: {
      type: "string",
      describe: "region:R or pool:[ZONE/]POOL[/ENDPOINT], or POOL; absent: all of them",
    },
  },
  options: { json: { type: "boolean", describe: "For machines: one JSON object" } },
  examples: [
    ["status", "Every pool, with the state of each endpoint"],
    ["status region:frankfurt", "What stands in one region"],
  ],
  async run(given, terminal) {
    const match = given.selector === undefined ? null : parseSelector(given.selector);
    if (given.selector !== undefined && match === null)
      throw new UsageError(
        `"${given.selector}" is not a selector: expected region:R or pool:[ZONE/]POOL[/ENDPOINT]`,
      );
    return await withServer(given.config, terminal, async (client) => {
      const status = await client.ask<ServerStatus>("status");
      const isShown = (pool: PoolStatus, endpoint: string): boolean =>
        match === null || matchesPlace(match, { ...pool, endpoint });
      const pools = status.pools.flatMap((pool) => {
        const endpoints = pool.endpoints.filter(({ endpoint }) => isShown(pool, endpoint));
        return endpoints.length === 0 && match !== null ? [] : [{ ...pool, endpoints }];
      });
      const isFound = pools.length > 0 || match === null;
      if (given.json === true) terminal.out(JSON.stringify({ ok: isFound, ...status, pools }));
      else if (isFound) for (const line of statusLines({ ...status, pools }, terminal)) terminal.out(line);
      if (isFound) return EXIT_OK;
      terminal.err(`steerd: ${nowhere(match, status.pools)}`);
      return EXIT_FINDINGS;
    });
  },
});

/** What no endpoint is called by, and what there is of its kind. */
function nowhere(match: OverrideMatch, pools: readonly PoolStatus[]): string {
  const isRegion = match.kind === "region";
  const known = pools.flatMap(({ region, zone, pool, endpoints }) =>
    isRegion
      ? (region ?? [])
      : match.endpoint === null
        ? [match.zone === null ? pool : `${zone}/${pool}`]
        : endpoints.map(({ endpoint }) => `${match.zone === null ? "" : `${zone}/`}${pool}/${endpoint}`),
  );
  const word = formatMatch(match).replace(/^(region|pool):/, "");
  const kind = isRegion ? "region" : match.endpoint === null ? "pool" : "endpoint";
  const names = [...new Set(known)].sort();
  const meant = pools.flatMap(({ pool, endpoints }) =>
    endpoints.flatMap(({ endpoint }) =>
      !isRegion && match.endpoint === null && endpoint === match.pool ? [`${pool}/${endpoint}`] : [],
    ),
  );
  if (meant.length > 0)
    return `"${word}" is not a pool but an endpoint: expected ${listed([...new Set(meant)])}`;
  const expected = names.length === 0 ? `the server has no ${kind}` : `expected ${oneOf(word, names)}`;
  return `no ${kind} of the server is called "${word}": ${expected}`;
}
