import { finishHash, mixText, mixWord } from "./dice.ts";
import type { EndpointModel, NodeModel, PoolModel } from "./model.ts";
import { tableNodeEntries } from "./node-table.ts";

/**
 * What a hash knows its choices by: names, never places in a list, so that the order of a file does not matter and
 * servers with different other zones agree. Weights take no part, or a change of one would move everybody.
 */

/** Tell identities of one kind from those of another. */
const OF_POOL = 1;
const OF_LABEL = 2;
const OF_TREE = 3;

/** A pool by its zone and name, another node by its label, one without by what it leads to. 32 bits. */
export function identityOf(node: NodeModel): number {
  if (node.kind === "pool") return finishHash(mixText(mixText(OF_POOL, node.pool.zone), node.pool.name));
  if (node.label !== "") return finishHash(mixText(OF_LABEL, node.label));
  let hash = mixText(OF_TREE, node.kind);
  if ("keys" in node)
    for (const { key, node: child } of tableNodeEntries(node))
      hash = mixWord(mixText(hash, key), identityOf(child));
  else for (const { node: child } of node.of) hash = mixWord(hash, identityOf(child));
  return finishHash(hash);
}

/** Tells the second word of an endpoint from the first. */
const SECOND_WORD = 0x5bd1e995;

/** Two words, high and low: among the endpoints of a large pool two would often share one. */
export function endpointIdentity(pool: PoolModel, endpoint: EndpointModel): [number, number] {
  const hash = mixText(mixText(mixText(0, pool.zone), pool.name), endpoint.name);
  return [finishHash(hash), finishHash(mixWord(mixText(SECOND_WORD, endpoint.name), hash))];
}
