import { matchesPlace, parseSelector } from "../config/override-match.ts";
import type { PoolStatus } from "../control/live-status.ts";
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
      if (given.json === true) terminal.out(JSON.stringify({ ok: true, ...status, pools }));
      else for (const line of statusLines({ ...status, pools }, terminal)) terminal.out(line);
      if (pools.length > 0 || match === null) return EXIT_OK;
      terminal.err(`steerd: no endpoint is called ${given.selector}`);
      return EXIT_FINDINGS;
    });
  },
});
