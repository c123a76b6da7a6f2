import { readAddress } from "../config/addresses.ts";
import type { Discovered } from "../config/discovered.ts";
import { discoveredKey } from "../config/discovered-key.ts";
import type { FileEndpoint } from "../config/load-endpoints.ts";
import type { RememberedList } from "../health/remembered.ts";
import type { StateSettings } from "./health-memory.ts";
import { readStateFile } from "./state-file.ts";

/** The endpoints that pools have from files now, to be remembered. */
export function rememberLists(discovered: Discovered, wallS: number): RememberedList[] {
  return [...discovered.values()]
    .filter(({ endpoints }) => endpoints.length > 0)
    .map(({ zone, pool, endpoints }) => ({
      zone,
      pool,
      endpoints: endpoints.map(({ name, weight, addresses }) => ({
        name,
        weight: weight ?? null,
        addresses: addresses.map(({ text }) => text),
      })),
      seenS: wallS,
    }));
}

/**
 * What the process before this one had from files, so that one that is gone or empty at start empties no pool. Lists that
 * were last in use longer ago than states hold are marked as old.
 */
export function recallLists({ path, maxAgeMs }: StateSettings, wallS: number): Discovered {
  const lists = readStateFile(path, () => undefined)?.lists ?? [];
  return new Map(
    lists.map(({ zone, pool, endpoints, seenS }) => {
      const isOld = Math.abs(wallS - seenS) * 1000 > maxAgeMs;
      const recalled = { zone, pool, file: "", endpoints: endpoints.flatMap(endpointOf), why: "" };
      return [discoveredKey({ zone, name: pool }), isOld ? { ...recalled, isOld } : recalled];
    }),
  );
}

/** None, where the file was written by somebody who made addresses up. */
function endpointOf({ name, weight, addresses }: RememberedList["endpoints"][number]): FileEndpoint[] {
  const read = addresses.flatMap((text): FileEndpoint["addresses"] => {
    const address = readAddress(text);
    if (!("octets" in address) || address.family === 0) return [];
    return [{ family: address.family, octets: address.octets, text: address.text }];
  });
  return read.length === 0 ? [] : [{ name, weight: weight ?? undefined, addresses: read }];
}
