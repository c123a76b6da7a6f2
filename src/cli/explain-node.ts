import { deciderWords } from "../health/deciders.ts";
import { isDrained } from "../policy/explain-pool.ts";
import type {
  AddressExplanation,
  EntryExplanation,
  LatchExplanation,
  NodeExplanation,
  Odds,
  PoolExplanation,
} from "../policy/explanation.ts";
import { listed } from "../wire/listing.ts";
import { loadWords } from "./explain-load.ts";
import { forcedWords, percentWords, takesWords } from "./explain-said.ts";
import { paint, type Style, type Terminal } from "./terminal.ts";

/** A line of the tree before it is aligned: what it is about, what is said of it, and what stands below it. */
interface Branch {
  head: string;
  text: string;
  below: Branch[];
}

/**
 * The tree of a node: its own words first, then a line for each alternative, addresses innermost. `isLast`: the walk
 * decided, so that addresses of the answer are marked in it.
 */
export function nodeLines(node: NodeExplanation, isLast: boolean, terminal: Terminal): string[] {
  return [nodeWords(node), ...branchLines(nodeBranches(node, { isLast, terminal }))];
}

/** How a tree is shown. */
interface View {
  isLast: boolean;
  terminal: Terminal;
}

/** Siblings share the width of their first column; each level is two blanks further in. */
function branchLines(branches: Branch[]): string[] {
  const width = Math.max(0, ...branches.map((branch) => branch.head.length));
  return branches.flatMap((branch) => [
    `${branch.head.padEnd(width)}  ${branch.text}`,
    ...branchLines(branch.below).map((line) => `  ${line}`),
  ]);
}

function nodeBranches(node: NodeExplanation, view: View): Branch[] {
  if (node.pool !== null) return poolBranches(node.pool, node, view);
  const shown = node.entries.filter((entry) => entry.status !== "not-matched");
  const others = node.entries.filter((entry) => entry.status === "not-matched");
  const branches = shown.map((entry) => entryBranch(entry, node, view));
  if (others.length > 0) {
    const keys = listed(others.map((entry) => entry.key));
    branches.push({ head: keys, text: paint(view.terminal, "dim", "not for this client"), below: [] });
  }
  return branches;
}

function entryBranch(entry: EntryExplanation, of: NodeExplanation, view: View): Branch {
  const { node, key } = entry;
  const name = node.label || node.pool?.name || "";
  const words = [statusWords(entry, view.terminal), chanceWords(entry, of)]
    .filter((part) => part !== "")
    .join(", ");
  const what = node.pool === null ? node.kind + latchWords(node.latch) : poolWords(node.pool);
  // What stands at the start of the line is not said again.
  const isSaid = key === "" && name === "" && node.latch === null;
  const details = [key === "" ? "" : name, isSaid ? "" : what].filter((part) => part !== "");
  return {
    head: key || name || node.kind,
    text: details.length === 0 ? words : `${words}: ${details.join(", ")}`,
    below: node.outcome === "unvisited" ? [] : nodeBranches(node, view),
  };
}

const STATUSES: Record<EntryExplanation["status"], [words: string, style: Style]> = {
  chosen: ["chosen", "green"],
  failed: ["failed", "red"],
  "not-needed": ["not needed", "dim"],
  "not-matched": ["not for this client", "dim"],
  "not-drawn": ["not drawn", "dim"],
  "not-in-turn": ["not in turn", "dim"],
  "passed-over": ["passed over", "dim"],
  "left-out": ["not yet for this client", "dim"],
};

function statusWords(entry: EntryExplanation, terminal: Terminal): string {
  const { pool } = entry.node;
  if (entry.status === "failed" && pool !== null && isDrained(pool))
    return paint(terminal, "yellow", "drained");
  const [words, style] = STATUSES[entry.status];
  return paint(terminal, style, words);
}

/** `27.3% (weight 30 of 110 that are up), drawn with 3 of 110`; for turns `27.3% of turns (...)`. */
function chanceWords(
  { draw, hashOf, load, odds, share, weight }: EntryExplanation,
  of: NodeExplanation,
): string {
  // Among no others.
  const isSure = odds !== null && odds.part === null && odds.chance === 1;
  const drawn = draw === null || isSure ? [] : [`drawn with ${draw.roll} of ${draw.total}`];
  const hashed = hashOf === null ? [] : [`by hash of ${hashOf}`];
  const compared = load === null ? [] : [loadWords(load)];
  return [...compared, ...oddsWords(odds, weight, share, of), ...drawn, ...hashed].join(", ");
}

function oddsWords(
  odds: Odds | null,
  weight: number | null,
  share: number | null,
  of: NodeExplanation,
): string[] {
  const isWeighted = of.entries.some((other) => other.weight !== weight);
  if (odds === null) return share === null ? [] : [`weight ${weight} (${percentWords(share)})`];
  if (odds.part === null || odds.of === null)
    return [...(isWeighted ? [`weight ${weight}`] : []), ...diceWords(odds)];
  if (odds.part === 0 && weight !== 0) return [];
  const turns = of.kind === "round_robin" ? " of turns" : "";
  const what = weight === null ? "" : "weight ";
  const alike = of.kind === "latency" ? "tied " : "";
  return [
    `${percentWords(odds.chance)}${turns} (${what}${partWords(odds.part, odds.of)} ${alike}${upWords(of)})`,
  ];
}

/** Odds that are no part of weights: several throws decide, or what is compared. */
function diceWords({ chance }: Odds): string[] {
  if (chance === 1) return ["100%, no dice decide"];
  return chance === 0 ? [] : [`${percentWords(chance)} by dice`];
}

/** `30 of 110`: weights that are scaled have at most two digits behind the point. */
function partWords(part: number, of: number): string {
  return `${Math.round(part * 100) / 100} of ${Math.round(of * 100) / 100}`;
}

/** What the parts are of: what the walk takes for up. */
function upWords({ pass }: NodeExplanation): string {
  return pass === "all" ? "that are not withheld" : "that are up";
}

/** `failover`, or `worldwide, nearest` for a policy with a name. */
function nodeWords(node: NodeExplanation): string {
  if (node.pool !== null) return `pool ${node.pool.name}: ${poolWords(node.pool)}`;
  const kind = node.kind + latchWords(node.latch);
  return node.label === "" ? kind : `${node.label}, ${kind}`;
}

/** `, latched on eu since 14:03 UTC: us has been healthy for 2 min, returns after 10 min`; empty: the list's order. */
function latchWords(latch: LatchExplanation | null): string {
  if (latch === null) return "";
  const { entry, healthy, afterSeconds } = latch;
  const back =
    healthy === null ? "every earlier entry has failed" : `${healthy.entry} ${healthyWords(healthy)}`;
  const after =
    afterSeconds === null ? "when it is released by hand" : `after ${durationWords(afterSeconds)}`;
  return `, latched on ${entry}${sinceWords(latch)}: ${back}, returns ${after}`;
}

function healthyWords({ forSeconds }: { forSeconds: number | null }): string {
  return forSeconds === null ? "is healthy" : `has been healthy for ${durationWords(forSeconds)}`;
}

/** The day is said when the time alone would not tell it. */
function sinceWords({ sinceS, forSeconds }: LatchExplanation): string {
  if (sinceS === null) return "";
  const text = new Date(sinceS * 1000).toISOString();
  const day = forSeconds !== null && forSeconds < 86_400 ? "" : `${text.slice(0, 10)} `;
  return ` since ${day}${text.slice(11, 16)} UTC`;
}

function poolWords(pool: PoolExplanation): string {
  const count = pool.endpoints.length;
  const order = pool.hashOf === null ? "" : `, by hash of ${pool.hashOf}`;
  if (pool.check === null && isAlwaysUp(pool)) return `no check, always up${order}`;
  if (isDrained(pool)) return "all of it is taken out by hand";
  const checked = pool.check === null ? "no check of its own: " : "";
  const up = `${checked}${pool.up} of ${count} ${count === 1 ? "endpoint" : "endpoints"} up`;
  const least = leastWords(pool.minHealthy);
  const part = pool.takes < 1 ? `, takes ${percentWords(pool.takes)} of its clients` : "";
  return pool.failed && pool.up > 0 ? `${up}, fewer than min_healthy: ${least}` : up + part + order;
}

/** `2`, `50%`, `2 of IPv4, 50% of IPv6`. */
function leastWords(minHealthy: PoolExplanation["minHealthy"]): string {
  if ("percent" in minHealthy) return `${minHealthy.percent}%`;
  if ("count" in minHealthy) return String(minHealthy.count);
  const { ipv4, ipv6 } = minHealthy.families;
  const words = [
    ...(ipv4 === undefined ? [] : [`${leastWords(ipv4)} of IPv4`]),
    ...(ipv6 === undefined ? [] : [`${leastWords(ipv6)} of IPv6`]),
  ];
  return words.join(", ");
}

function isAlwaysUp({ endpoints }: PoolExplanation): boolean {
  return endpoints.every(({ addresses }) => addresses.every(({ state }) => state === "unchecked"));
}

function poolBranches(pool: PoolExplanation, of: NodeExplanation, view: View): Branch[] {
  return pool.endpoints.flatMap((endpoint) => {
    const isWeighted = pool.endpoints.some((other) => other.weight !== endpoint.weight);
    return endpoint.addresses.map((address) => {
      const words = [addressWords(address, view), ...pickWords(address, pool.draws, isWeighted, of)];
      const takes = takesWords(address);
      if (takes !== "") words.push(takes);
      if (address.load !== null) words.push(loadWords(address.load));
      if (isWeighted && typeof address.odds?.part !== "number") words.push(`weight ${endpoint.weight}`);
      return { head: address.address, text: words.join(", "), below: [] };
    });
  });
}

/** `75% (weight 3 of 4 that are up)`, `60% by dice`, or `74.8% of 10,000 draws`. */
function pickWords(
  { odds }: AddressExplanation,
  draws: number | null,
  isWeighted: boolean,
  of: NodeExplanation,
): string[] {
  if (odds === null) return [];
  if (odds.part === null || odds.of === null) return diceWords(odds);
  const chance = percentWords(odds.chance);
  if (draws !== null) return [`${chance} of ${draws.toLocaleString("en")} draws`];
  return [`${chance} (${isWeighted ? "weight " : ""}${partWords(odds.part, odds.of)} ${upWords(of)})`];
}

function addressWords(address: AddressExplanation, { isLast, terminal }: View): string {
  const state = stateWords(address);
  const style = ["up", "held", "spared", "unchecked"].includes(address.state) ? "green" : "red";
  return address.picked && isLast ? `${paint(terminal, style, "answered")}, ${state}` : state;
}

/** ` (cache is down: refused, pool:db is down)`: what a calculated state comes from. */
function becauseWords({ deciders }: AddressExplanation): string {
  return deciders.length === 0 ? "" : ` (${deciderWords(deciders)})`;
}

/** What keeps going up and down stays down for longer. */
function flapWords({ flaps, horizonMs }: AddressExplanation): string {
  if (flaps === 0) return "";
  return `, goes up and down: back in ${durationWords(Math.ceil(horizonMs / 1000))} at the earliest`;
}

function stateWords(address: AddressExplanation): string {
  const since = address.forSeconds === null ? "" : ` for ${durationWords(address.forSeconds)}`;
  switch (address.state) {
    case "up":
      return `up${since}`;
    case "held":
      return `up${since} as last known: the probes say ${address.reason}, and are in doubt`;
    case "spared":
      return `up${since}, for the pool's withdrawal budget is spent: the probes say ${address.reason}${becauseWords(address)}`;
    case "unchecked":
      return "always up";
    case "unknown":
      return "down: no probe has ended yet";
    case "down":
      return `down${since}: ${address.reason === "assumed" ? "as asked" : address.reason}${becauseWords(address)}${flapWords(address)}`;
    case "drained":
      return forcedWords(address, "drained");
    case "forced-up":
      return forcedWords(address, "forced up");
    case "forced-down":
      return forcedWords(address, "forced down");
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
