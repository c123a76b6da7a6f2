import { CHAIN_ENTRY_MASK } from "../geo/table.ts";
import { DECIDED_ADDRESSES, DECIDED_NODATA, DECIDED_NOTHING, DECIDED_SERVFAIL } from "../wire/answer.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_NODE,
  ENTRY_WEIGHT,
  ENTRY_WORDS,
  LAST_RESORT_NONE,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_ALL,
  NODE_KIND_HASH,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_P2C,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_WEIGHTED,
  NODE_LAST_RESORT,
  NODE_TABLE,
  NODE_WORDS,
  PASS_ALL,
  PASS_ONE_UP,
} from "./data.ts";
import { explainLatch } from "./explain-latch.ts";
import { explainEntryLoad } from "./explain-load.ts";
import { explainPool } from "./explain-pool.ts";
import type { EntryExplanation, NodeExplanation, Odds, PassName } from "./explanation.ts";
import { hashOrder } from "./hash.ts";
import { hashedPrefix } from "./hashed-prefix.ts";
import type { PolicyNames } from "./names.ts";
import { entryOdds } from "./odds.ts";
import { poolOdds } from "./pool-odds.ts";
import type { Try, Visit } from "./recorder.ts";

/** Kinds that pass over what is more loaded; `p2c` only that of its pair. */
const BY_LOAD: ReadonlySet<number> = new Set([
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_ADAPTIVE,
]);

/** A node that the decision walked, the record's own where `isRoot`, with everything below it; `picked` has the indexes of the answer's addresses. */
export function explainNode(
  context: DecideContext,
  names: PolicyNames,
  visit: Visit,
  picked: ReadonlySet<number>,
  isRoot = false,
): NodeExplanation {
  const { nodes } = context.policy;
  const at = visit.node * NODE_WORDS;
  const table = nodes[at + NODE_TABLE]!;
  const odds = visit.decision === DECIDED_NOTHING ? null : entryOdds(context, visit.node, visit.pass, isRoot);
  const tried = visit.tries.map((attempt) => ({
    ...explainTry(context, names, visit, attempt, picked),
    odds: odds?.get(attempt.entry) ?? null,
  }));
  return {
    ...names.nodes[visit.node]!,
    outcome: outcomeName(visit.decision),
    pass: passName(visit.pass),
    table: table < 0 ? null : table,
    entries: visit.isRepeated ? [] : [...tried, ...explainOthers(context, names, visit, picked, odds)],
    pool: poolOf(context, names, visit.node, picked, visit),
    latch: explainLatch(context, names, visit.node),
    earlier: visit.earlier.map((earlier) => explainNode(context, names, earlier, picked)),
  };
}

function explainTry(
  context: DecideContext,
  names: PolicyNames,
  visit: Visit,
  attempt: Try,
  picked: ReadonlySet<number>,
): Omit<EntryExplanation, "odds"> {
  const child = attempt.visit!;
  return {
    ...entryBasics(context, names, visit.node, attempt.entry),
    draw: attempt.draw,
    load: explainEntryLoad(context, visit.node, attempt.entry),
    hashOf: isHash(context, visit.node) ? hashedPrefix(context) : null,
    status: isChosen(context, visit, attempt) ? "chosen" : "failed",
    node: explainNode(context, names, child, picked),
  };
}

/** A node whose own last resort decides fails in its walks and is chosen all the same. */
function isChosen({ policy }: DecideContext, visit: Visit, attempt: Try): boolean {
  const { nodes } = policy;
  if (visit.decision === DECIDED_NOTHING) return false;
  if (nodes[visit.node * NODE_WORDS + NODE_KIND] !== NODE_KIND_ALL) return attempt === visit.tries.at(-1);
  const child = attempt.visit!;
  const never = nodes[child.node * NODE_WORDS + NODE_LAST_RESORT] !== LAST_RESORT_NONE;
  return never || child.decision !== DECIDED_NOTHING;
}

/** Entries that were not tried: first those that were next in line, in their order. */
function explainOthers(
  context: DecideContext,
  names: PolicyNames,
  visit: Visit,
  picked: ReadonlySet<number>,
  odds: ReadonlyMap<number, Odds> | null,
): EntryExplanation[] {
  const { entries, nodes } = context.policy;
  const at = visit.node * NODE_WORDS;
  const kind = nodes[at + NODE_KIND]!;
  if (kind === NODE_KIND_POOL) return [];
  const first = nodes[at + NODE_FIRST]!;
  const all = Array.from({ length: nodes[at + NODE_COUNT]! }, (_, i) => first + i);
  const line = isHash(context, visit.node)
    ? hashOrder(context, visit.node)
    : nodes[at + NODE_TABLE]! < 0
      ? all
      : chainOf(context, visit.node).map((place) => first + place);
  const tried = new Set(visit.tries.map(({ entry }) => entry));
  const others = new Set([...line, ...all].filter((entry) => !tried.has(entry)));
  const outdone = new Set(visit.tries.map((attempt) => attempt.outdone));
  return [...others].map((entry) => ({
    ...entryBasics(context, names, visit.node, entry),
    odds: odds?.get(entry) ?? null,
    draw: null,
    load: explainEntryLoad(context, visit.node, entry),
    hashOf: null,
    status: visit.leftOut.includes(entry)
      ? "left-out"
      : outdone.has(entry)
        ? "passed-over"
        : statusOfOther(kind, line.includes(entry), odds?.get(entry)),
    node: unvisited(context, names, entries[entry * ENTRY_WORDS + ENTRY_NODE]!, visit.pass, picked),
  }));
}

function isHash({ policy }: DecideContext, node: number): boolean {
  return policy.nodes[node * NODE_WORDS + NODE_KIND] === NODE_KIND_HASH;
}

function statusOfOther(kind: number, isInLine: boolean, odds: Odds | undefined): EntryExplanation["status"] {
  if (kind === NODE_KIND_WEIGHTED || kind === NODE_KIND_P2C) return "not-drawn";
  if (kind === NODE_KIND_ROUND_ROBIN) return "not-in-turn";
  // Tied with the one that was drawn.
  if (odds !== undefined && odds.chance > 0) return "not-drawn";
  if (BY_LOAD.has(kind)) return "passed-over";
  return isInLine ? "not-needed" : "not-matched";
}

/** The places of the entries in the order that the node's table gave for the client under decision. */
function chainOf(context: DecideContext, node: number): number[] {
  const { chains } = context.tables;
  const start = context.classes[context.policy.nodes[node * NODE_WORDS + NODE_TABLE]!]!;
  return Array.from(
    chains.subarray(start + 1, start + 1 + chains[start]!),
    (word) => word & CHAIN_ENTRY_MASK,
  );
}

function entryBasics(
  context: DecideContext,
  names: PolicyNames,
  node: number,
  entry: number,
): Pick<EntryExplanation, "key" | "weight" | "share"> {
  const { entries, nodes } = context.policy;
  const at = node * NODE_WORDS;
  const key = names.entryKeys[entry]!;
  const kind = nodes[at + NODE_KIND]!;
  if (
    ![NODE_KIND_WEIGHTED, NODE_KIND_ROUND_ROBIN, NODE_KIND_HASH, NODE_KIND_P2C].includes(kind) &&
    !BY_LOAD.has(kind)
  )
    return { key, weight: null, share: null };
  let total = 0;
  const end = nodes[at + NODE_FIRST]! + nodes[at + NODE_COUNT]!;
  for (let i = nodes[at + NODE_FIRST]!; i < end; i++) total += entries[i * ENTRY_WORDS + ENTRY_WEIGHT]!;
  const weight = entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
  return { key, weight, share: total === 0 ? 1 / nodes[at + NODE_COUNT]! : weight / total };
}

/** A node that the decision did not look at: what it is, and for a pool its health, but nothing below. */
function unvisited(
  context: DecideContext,
  names: PolicyNames,
  node: number,
  pass: number,
  picked: ReadonlySet<number>,
): NodeExplanation {
  const table = context.policy.nodes[node * NODE_WORDS + NODE_TABLE]!;
  return {
    ...names.nodes[node]!,
    outcome: "unvisited",
    pass: passName(pass),
    table: table < 0 ? null : table,
    entries: [],
    pool: poolOf(context, names, node, picked, null),
    latch: null,
    earlier: [],
  };
}

function poolOf(
  context: DecideContext,
  names: PolicyNames,
  node: number,
  picked: ReadonlySet<number>,
  visit: Visit | null,
): NodeExplanation["pool"] {
  const at = node * NODE_WORDS;
  const { nodes } = context.policy;
  if (nodes[at + NODE_KIND] !== NODE_KIND_POOL) return null;
  const pool = nodes[at + NODE_FIRST]!;
  const odds = visit?.decision === DECIDED_ADDRESSES ? poolOdds(context, pool, visit.pass) : null;
  return explainPool(context, names, pool, picked, odds);
}

function outcomeName(decision: number): NodeExplanation["outcome"] {
  switch (decision) {
    case DECIDED_ADDRESSES:
      return "addresses";
    case DECIDED_NODATA:
      return "nodata";
    case DECIDED_SERVFAIL:
      return "servfail";
    default:
      return "failed";
  }
}

function passName(pass: number): PassName {
  return pass === PASS_ALL ? "all" : pass === PASS_ONE_UP ? "one-up" : "normal";
}
