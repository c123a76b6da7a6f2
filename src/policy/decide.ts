import { SCALE_ONE } from "../health/ramp.ts";
import { ENDPOINT_ROW_WORDS, ROW_HORIZON_MS } from "../health/rows.ts";
import { DECIDED_ADDRESSES, DECIDED_NODATA, DECIDED_NOTHING, DECIDED_SERVFAIL } from "../wire/answer.ts";
import { joinUnion, limitUnion, unionEntry } from "./all.ts";
import { chainEntry } from "./chain.ts";
import { beginWalk, type DecideContext } from "./context.ts";
import {
  ADDRESS_OCTETS,
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENTRY_NODE,
  ENTRY_WORDS,
  LAST_RESORT_ADDRESSES,
  LAST_RESORT_ALL,
  LAST_RESORT_COUNT,
  LAST_RESORT_KIND,
  LAST_RESORT_NODATA,
  LAST_RESORT_NONE,
  LAST_RESORT_POOL,
  LAST_RESORT_REF,
  LAST_RESORT_SERVFAIL,
  type LastResortWord,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_ALL,
  NODE_KIND_ASN,
  NODE_KIND_FAILOVER,
  NODE_KIND_GEO,
  NODE_KIND_HASH,
  NODE_KIND_LATENCY,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_NEAREST,
  NODE_KIND_P2C,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_SUBNETS,
  NODE_KIND_WEIGHTED,
  NODE_LAST_RESORT,
  NODE_WORDS,
  type NodeKindWord,
  PASS_ALL,
  PASS_NORMAL,
  PASS_ONE_UP,
  RECORD_LAST_RESORT,
  RECORD_ROOT,
  RECORD_TTL_MAX,
  RECORD_TTL_MIN,
  RECORD_WORDS,
} from "./data.ts";
import { failoverEntry } from "./failover.ts";
import { hashEntry } from "./hash.ts";
import { lastResortAddresses, lastResortPool } from "./last-resort.ts";
import { latencyEntry } from "./latency.ts";
import { MEASURE_ADAPTIVE, MEASURE_CONNECTIONS, MEASURE_RESPONSE_TIME } from "./load.ts";
import { leastEntry, p2cEntry } from "./load-node.ts";
import { pickPool } from "./pool.ts";
import { takeTurn, turnEntry } from "./round-robin.ts";
import { locateClient } from "./scope.ts";
import { nodeScale, nodeTakes, weighsByScale } from "./slice.ts";
import { NO_HORIZON, nearerHorizon, shapeTtl } from "./ttl.ts";
import { drawEntry } from "./weighted.ts";

/**
 * Decides a dynamic record for the client in `context.client`: fills `decision`, `decisionTtl`, the addresses and
 * `scopeBits` of `context.answer`. Allocates nothing and never throws. `family` is the asked one, 4 or 6; `ownerHash` the
 * hash of the owner name, the same on every server.
 */
export function decide(context: DecideContext, record: number, ownerHash: number, family: number): void {
  const { answer, trace } = context;
  const { nodes, records } = context.policy;
  const at = record * RECORD_WORDS;
  context.pickedCount = 0;
  context.leastMs = NO_HORIZON;
  context.family = family;
  context.turnSlot = (family === 4 ? 0 : 1) + 2 * context.forHints;
  context.ownerHash = ownerHash;
  context.heedsLack = 1;
  context.leftOut = 0;
  const scopeBits = locateClient(context, record);
  const root = records[at + RECORD_ROOT]!;
  const pool = trace === null ? firstChoice(context, root) : -1;
  let decision = pool < 0 ? DECIDED_NOTHING : pickPool(context, pool, PASS_NORMAL);
  if (decision === DECIDED_NOTHING) {
    beginWalk(context);
    decision =
      nodes[root * NODE_WORDS + NODE_LAST_RESORT] === LAST_RESORT_NONE
        ? settle(context, root, records, at + RECORD_LAST_RESORT)
        : walk(context, root, PASS_NORMAL);
  }
  emitAddresses(context);
  const ttlSeconds = shapeTtl(context.leastMs, records[at + RECORD_TTL_MIN]!, records[at + RECORD_TTL_MAX]!);
  if (trace !== null) trace.ttl(context.leastMs, ttlSeconds);
  answer.decision = decision;
  answer.decisionTtl = ttlSeconds;
  // RFC 7871 section 7.4: resolvers take negative answers for everybody's.
  answer.scopeBits = decision === DECIDED_ADDRESSES ? scopeBits : 0;
}

/**
 * The pool that every node's first alternative leads to, or -1. While it has not failed, the walk would find the same:
 * the loop spares most decisions the recursion that failures need (103 ns instead of 130 for a failover in a subnet).
 * It leaves to the walk what counts turns or throws free dice, what has more than one pool, and what takes only a part
 * of its clients.
 */
function firstChoice(context: DecideContext, root: number): number {
  const { entries, nodes } = context.policy;
  let node = root;
  for (;;) {
    const at = node * NODE_WORDS;
    const kind = nodes[at + NODE_KIND]! as NodeKindWord;
    if (kind === NODE_KIND_POOL)
      return node === root || nodeScale(context, node) === SCALE_ONE ? nodes[at + NODE_FIRST]! : -1;
    if (kind === NODE_KIND_ALL || kind === NODE_KIND_ROUND_ROBIN || kind === NODE_KIND_P2C) return -1;
    const entry = nextEntry(context, node, kind, 0);
    if (entry < 0) return -1;
    node = entries[entry * ENTRY_WORDS + ENTRY_NODE]!;
  }
}

/**
 * Walks what is below a node in up to three passes and then asks the last resort: never DECIDED_NOTHING. The last
 * resort's kind, reference and count are three words of `words` from `at` on, a record's or the node's own.
 */
function settle(context: DecideContext, node: number, words: Int32Array, at: number): number {
  const { heedsLack } = context;
  for (let pass = PASS_NORMAL; pass <= PASS_ONE_UP; pass++) {
    if (context.trace !== null) context.trace.pass(node, pass);
    context.leftOut = 0;
    if (pass !== PASS_NORMAL) context.heedsLack = 0;
    let decision = branch(context, node, pass);
    if (decision === DECIDED_NOTHING && context.leftOut !== 0) {
      // Rather more than its part for what comes back slowly than a pool that has failed.
      context.heedsLack = 0;
      if (context.trace !== null) context.trace.pass(node, pass);
      decision = branch(context, node, pass);
    }
    context.heedsLack = heedsLack;
    if (decision !== DECIDED_NOTHING) return decision;
  }
  const kind = words[at + LAST_RESORT_KIND]! as LastResortWord;
  if (context.trace !== null) context.trace.lastResort(node, kind);
  switch (kind) {
    case LAST_RESORT_NONE:
    case LAST_RESORT_ALL:
      if (context.trace !== null) context.trace.pass(node, PASS_ALL);
      context.heedsLack = 0;
      return branch(context, node, PASS_ALL) || DECIDED_NODATA;
    case LAST_RESORT_POOL:
      return lastResortPool(context, words[at + LAST_RESORT_REF]!);
    case LAST_RESORT_ADDRESSES:
      return lastResortAddresses(context, words[at + LAST_RESORT_REF]!, words[at + LAST_RESORT_COUNT]!);
    case LAST_RESORT_NODATA:
      return DECIDED_NODATA;
    case LAST_RESORT_SERVFAIL:
      return DECIDED_SERVFAIL;
    default:
      return kind satisfies never;
  }
}

/** One node in one pass of its ancestors; one with a last resort of its own makes its own passes and never fails. */
function walk(context: DecideContext, node: number, pass: number): number {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS + NODE_LAST_RESORT;
  return nodes[at] === LAST_RESORT_NONE ? branch(context, node, pass) : settle(context, node, nodes, at);
}

/** The passes in their order, the strictest first; in it pools may leave clients alone. */
function leniency({ heedsLack }: DecideContext, pass: number): number {
  return heedsLack === 0 ? pass + 1 : 0;
}

/** Tries the node's alternatives in the order of its kind until one has not failed. Returns DECIDED_*. */
function branch(context: DecideContext, node: number, pass: number): number {
  const { entries, nodes } = context.policy;
  const { trace } = context;
  if (trace !== null) trace.enter(node);
  const kind = nodes[node * NODE_WORDS + NODE_KIND]! as NodeKindWord;
  let decision: number = DECIDED_NOTHING;
  if (kind === NODE_KIND_POOL) {
    decision = pickPool(context, nodes[node * NODE_WORDS + NODE_FIRST]!, pass);
  } else if (context.failures[node]! >= context.walkMark + leniency(context, pass)) {
    if (trace !== null) trace.again(node);
  } else if (kind === NODE_KIND_ALL) {
    decision = unite(context, node, pass);
  } else {
    for (let attempt = 0; decision === DECIDED_NOTHING; attempt++) {
      const entry = nextEntry(context, node, kind, attempt);
      if (entry < 0) break;
      if (isLeftOut(context, kind, entry)) continue;
      if (trace !== null) trace.entry(entry);
      decision = walk(context, entries[entry * ENTRY_WORDS + ENTRY_NODE]!, pass);
      if (kind === NODE_KIND_ROUND_ROBIN && decision !== DECIDED_NOTHING) takeTurn(context, node, entry);
    }
  }
  if (decision === DECIDED_NOTHING) context.failures[node] = context.walkMark + leniency(context, pass);
  if (trace !== null) trace.leave(node, decision);
  return decision;
}

/**
 * `all`: walks every child and keeps what they append. Addresses of one child are an answer, whatever the others say;
 * without any, a child that merely has none of the asked family goes before a SERVFAIL: DECIDED_* in their order.
 */
function unite(context: DecideContext, node: number, pass: number): number {
  const { entries } = context.policy;
  const base = context.pickedCount;
  let decision: number = DECIDED_NOTHING;
  for (let turn = 0; ; turn++) {
    const entry = unionEntry(context, node, turn);
    if (entry < 0) break;
    if (isLeftOut(context, NODE_KIND_ALL, entry)) continue;
    if (context.trace !== null) context.trace.entry(entry);
    const from = context.pickedCount;
    const found = walk(context, entries[entry * ENTRY_WORDS + ENTRY_NODE]!, pass);
    if (decision === DECIDED_NOTHING || (found !== DECIDED_NOTHING && found < decision)) decision = found;
    joinUnion(context, base, from);
  }
  limitUnion(context, node, base);
  return decision;
}

/** True when the entry leads to a pool that leaves this client alone. Kinds that share by weight have it there. */
function isLeftOut(context: DecideContext, kind: NodeKindWord, entry: number): boolean {
  if (context.heedsLack === 0 || weighsByScale(kind)) return false;
  if (nodeTakes(context, context.policy.entries[entry * ENTRY_WORDS + ENTRY_NODE]!)) return false;
  context.leftOut = 1;
  if (context.trace !== null) context.trace.leftOut(entry);
  return true;
}

/** The node's alternative after `attempt` others have failed: an index into PolicyData.entries, or -1. */
function nextEntry(
  context: DecideContext,
  node: number,
  kind: Exclude<NodeKindWord, typeof NODE_KIND_POOL | typeof NODE_KIND_ALL>,
  attempt: number,
): number {
  switch (kind) {
    case NODE_KIND_FAILOVER:
      return failoverEntry(context, node, attempt);
    case NODE_KIND_WEIGHTED:
      return drawEntry(context, node, attempt);
    case NODE_KIND_ROUND_ROBIN:
      return turnEntry(context, node, attempt);
    case NODE_KIND_GEO:
    case NODE_KIND_SUBNETS:
    case NODE_KIND_ASN:
    case NODE_KIND_NEAREST:
      return chainEntry(context.policy, context.tables, context.classes, node, attempt);
    case NODE_KIND_LATENCY:
      return latencyEntry(context, node, attempt);
    case NODE_KIND_HASH:
      return hashEntry(context, node, attempt);
    case NODE_KIND_LEAST_RESPONSE_TIME:
      return leastEntry(context, node, MEASURE_RESPONSE_TIME, attempt);
    case NODE_KIND_LEAST_CONNECTIONS:
      return leastEntry(context, node, MEASURE_CONNECTIONS, attempt);
    case NODE_KIND_ADAPTIVE:
      return leastEntry(context, node, MEASURE_ADAPTIVE, attempt);
    case NODE_KIND_P2C:
      return p2cEntry(context, node, attempt);
    default:
      return kind satisfies never;
  }
}

/** Copies the picked addresses into the answer and lets their rows shorten the TTL. */
function emitAddresses(context: DecideContext): void {
  const { addresses } = context.policy;
  const { addressView, addressRows } = context.answer;
  const { picked, pickedCount, trace } = context;
  const { endpoints } = context.rows;
  const words = context.family === 4 ? 1 : 4;
  let { leastMs } = context;
  let out = 0;
  for (let i = 0; i < pickedCount; i++) {
    const at = picked[i]! * ADDRESS_WORDS;
    const row = addresses[at + ADDRESS_ROW]!;
    addressRows[i] = row;
    for (let word = 0; word < words; word++) {
      addressView.setInt32(out, addresses[at + ADDRESS_OCTETS + word]!);
      out += 4;
    }
    const horizonMs = row < 0 ? 0 : endpoints[row * ENDPOINT_ROW_WORDS + ROW_HORIZON_MS]!;
    leastMs = nearerHorizon(leastMs, horizonMs);
    if (trace !== null) trace.picked(picked[i]!, horizonMs);
  }
  context.leastMs = leastMs;
  context.answer.addressCount = pickedCount;
}
