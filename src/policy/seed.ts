import { finishHash, mixText, mixWord } from "./dice.ts";
import type { NodeModel } from "./model.ts";

/** What a child adds to its parent's seed. */
export interface SeedChild {
  key: string;
  weight: number;
  seed: number;
}

/**
 * The node's share of the dice between nodes: a hash of what it says, down to the names of the pools. Two servers with
 * different other zones thus agree, a node that several records share throws one die, and nested nodes, which cannot
 * say the same, throw independent ones.
 */
export function seedOf(node: NodeModel, children: SeedChild[]): number {
  let hash = mixText(0, node.kind);
  hash = mixText(hash, node.label);
  if (node.kind === "pool") hash = mixText(mixText(hash, node.pool.zone), node.pool.name);
  for (const child of children) {
    hash = mixText(hash, child.key);
    hash = mixWord(mixWord(hash, child.weight), child.seed);
  }
  return finishHash(hash);
}
