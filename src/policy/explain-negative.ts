import type { Explanation, NegativeExplanation, NodeExplanation } from "./explanation.ts";

/** Why there is no address to answer; null: there is one, or SERVFAIL was asked for. */
export function explainNegative({
  decision,
  lastResort,
  root,
}: Pick<Explanation, "decision" | "lastResort" | "root">): NegativeExplanation | null {
  if (decision !== "nodata") return null;
  if (lastResort?.kind === "nodata") return { reason: "last-resort", node: null };
  const other = findNode(root, ({ pool, outcome }) => pool !== null && outcome === "nodata");
  if (other !== null) return { reason: "no-family", node: nameOf(other) };
  const keyless = findNode(root, isKeyless);
  if (keyless !== null) return { reason: "no-key", node: nameOf(keyless) };
  return { reason: "withheld", node: null };
}

/** A node with keys of which none is for this client. */
function isKeyless({ table, entries }: NodeExplanation): boolean {
  return table !== null && entries.length > 0 && entries.every(({ status }) => status === "not-matched");
}

/** The first node of the walk, the root before what is below it. */
function findNode(root: NodeExplanation, isIt: (node: NodeExplanation) => boolean): NodeExplanation | null {
  if (root.outcome === "unvisited") return null;
  if (isIt(root)) return root;
  for (const { node } of root.entries) {
    const found = findNode(node, isIt);
    if (found !== null) return found;
  }
  return null;
}

function nameOf({ kind, label }: NodeExplanation): string {
  return label || kind;
}
