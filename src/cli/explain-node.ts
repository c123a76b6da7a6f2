import type {
  AddressExplanation,
  EntryExplanation,
  NodeExplanation,
  PoolExplanation,
} from "../policy/explanation.ts";
import { paint, type Style, type Terminal } from "./terminal.ts";

/** A line of the tree before it is aligned: what it is about, what is said of it, and what stands below it. */
interface Branch {
  head: string;
  text: string;
  below: Branch[];
}

/** The tree of a node: its own words first, then a line for each alternative, addresses innermost. */
export function nodeLines(node: NodeExplanation, terminal: Terminal): string[] {
  return [nodeWords(node), ...branchLines(nodeBranches(node, terminal), terminal)];
}

/** Siblings share the width of their first column; each level is two blanks further in. */
function branchLines(branches: Branch[], terminal: Terminal): string[] {
  const width = Math.max(0, ...branches.map((branch) => branch.head.length));
  return branches.flatMap((branch) => [
    `${branch.head.padEnd(width)}  ${branch.text}`,
    ...branchLines(branch.below, terminal).map((line) => `  ${line}`),
  ]);
}

function nodeBranches(node: NodeExplanation, terminal: Terminal): Branch[] {
  if (node.pool !== null) return poolBranches(node.pool, terminal);
  const shown = node.entries.filter((entry) => entry.status !== "not-matched");
  const others = node.entries.filter((entry) => entry.status === "not-matched");
  const branches = shown.map((entry) => entryBranch(entry, terminal));
  if (others.length > 0) {
    const keys = others.map((entry) => entry.key).join(", ");
    branches.push({ head: keys, text: paint(terminal, "dim", "not for this client"), below: [] });
  }
  return branches;
}

function entryBranch(entry: EntryExplanation, terminal: Terminal): Branch {
  const { node } = entry;
  const own = node.label || node.pool?.name || node.kind;
  const visited = node.outcome !== "unvisited";
  const words = [statusWords(entry, terminal), shareWords(entry)].filter((part) => part !== "").join(", ");
  const showsNode = entry.key !== "" || node.pool !== null || own !== node.kind;
  const detail =
    node.pool === null ? (showsNode && own !== nodeWords(node) ? nodeWords(node) : "") : poolWords(node.pool);
  const name = entry.key === "" || node.pool === null ? "" : `${own}, `;
  return {
    head: entry.key || own,
    text: detail === "" ? words : `${words}: ${name}${detail}`,
    below: visited ? nodeBranches(node, terminal) : [],
  };
}

const STATUSES: Record<EntryExplanation["status"], [words: string, style: Style]> = {
  chosen: ["chosen", "green"],
  failed: ["failed", "red"],
  "not-needed": ["not needed", "dim"],
  "not-matched": ["not for this client", "dim"],
  "not-drawn": ["not drawn", "dim"],
};

function statusWords(entry: EntryExplanation, terminal: Terminal): string {
  const [words, style] = STATUSES[entry.status];
  return paint(terminal, style, words);
}

function shareWords(entry: EntryExplanation): string {
  if (entry.share === null) return "";
  const share = `weight ${entry.weight} (${Math.round(entry.share * 1000) / 10}%)`;
  return entry.draw === null ? share : `${share}, drawn with ${entry.draw.roll} of ${entry.draw.total}`;
}

/** `failover`, or `worldwide (nearest)` for a policy with a name. */
function nodeWords(node: NodeExplanation): string {
  if (node.pool !== null) return `pool ${node.pool.name}: ${poolWords(node.pool)}`;
  return node.label === "" ? node.kind : `${node.label} (${node.kind})`;
}

function poolWords(pool: PoolExplanation): string {
  const count = pool.endpoints.length;
  const up = `${pool.up} of ${count} ${count === 1 ? "endpoint" : "endpoints"} up`;
  if (pool.check === null) return "no check, always up";
  const least = "percent" in pool.minHealthy ? `${pool.minHealthy.percent}%` : String(pool.minHealthy.count);
  return pool.failed && pool.up > 0 ? `${up}, fewer than min_healthy: ${least}` : up;
}

function poolBranches(pool: PoolExplanation, terminal: Terminal): Branch[] {
  return pool.endpoints.flatMap((endpoint) => {
    const weight = pool.endpoints.some((other) => other.weight !== endpoint.weight)
      ? `, weight ${endpoint.weight}`
      : "";
    return endpoint.addresses.map((address) => ({
      head: address.address,
      text: addressWords(address, terminal) + weight,
      below: [],
    }));
  });
}

function addressWords(address: AddressExplanation, terminal: Terminal): string {
  const state = stateWords(address);
  const style = address.state === "up" || address.state === "unchecked" ? "green" : "red";
  return address.picked ? `${paint(terminal, style, "answered")}, ${state}` : state;
}

function stateWords(address: AddressExplanation): string {
  const since = address.forSeconds === null ? "" : ` for ${durationWords(address.forSeconds)}`;
  switch (address.state) {
    case "up":
      return `up${since}`;
    case "unchecked":
      return "always up";
    case "unknown":
      return "down: no probe has ended yet";
    case "down":
      return `down${since}: ${address.reason === "assumed" ? "as asked" : address.reason}`;
    case "drained":
      return "drained by hand";
    case "forced-up":
      return "forced up by hand";
    case "forced-down":
      return "forced down by hand";
  }
}

/** `42 s`, `5 min`, `3 h`, `2 days`: the largest unit that it fills. */
export function durationWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  const days = Math.floor(seconds / 86_400);
  return `${days} ${days === 1 ? "day" : "days"}`;
}
