import type { Discovered, DiscoveredPool } from "../config/discovered.ts";
import type { Log } from "../serve/messages.ts";

/** Says what files with endpoints bring, when it is something else than before; why one is not used is a finding. */
export function createDiscoveryTeller(log: Log): (discovered: Discovered) => void {
  let before: Discovered = new Map();
  return (discovered) => {
    for (const [key, pool] of discovered) {
      const known = before.get(key);
      if (known === undefined) continue;
      const name = `pool ${pool.pool}`;
      if (known.why !== "" && pool.why === "")
        log("info", `${name}: ${pool.file} is used again`, fieldsOf(pool));
      const [now, then] = [addressesOf(pool), addressesOf(known)];
      if (now !== then) {
        const counts = `${pool.endpoints.length} endpoints, it had ${known.endpoints.length}`;
        log("info", `${name} has ${counts}`, fieldsOf(pool));
      }
    }
    before = discovered;
  };
}

function fieldsOf({ zone, pool, file, endpoints }: DiscoveredPool): Record<string, unknown> {
  return { event: "endpoints", zone, pool, file, endpoints: endpoints.length };
}

function addressesOf({ endpoints }: DiscoveredPool): string {
  return endpoints.flatMap(({ addresses }) => addresses.map(({ text }) => text)).join();
}
