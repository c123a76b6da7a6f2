import {
  COUNTER_DECIDED_ADDRESSES,
  COUNTER_DECIDED_HINTS,
  COUNTER_DECIDED_TARGET,
  COUNTER_DROPPED_RESPONSE,
  COUNTER_DROPPED_SHORT,
  countReply,
} from "./counters.ts";
import { ENDPOINT_ROW_WORDS, type HealthRows } from "./health/rows.ts";
import { prepareClient } from "./policy/client.ts";
import { adoptSnapshot as adoptPolicy, createDecideContext, type DecideContext } from "./policy/context.ts";
import {
  FAMILY_NAME,
  RECORD_ECS,
  RECORD_GIVES_TARGET,
  RECORD_HTTPS,
  RECORD_SVCB,
  RECORD_TABLE_COUNT,
  RECORD_WORDS,
} from "./policy/data.ts";
import { decide } from "./policy/decide.ts";
import type { Snapshot } from "./snapshot.ts";
import { layTallies, type TallyLayout, tallyRun } from "./tallies.ts";
import {
  type Answer,
  addItem,
  DECIDED_ADDRESSES,
  DECIDED_NODATA,
  ITEM_ADDRESSES,
  keepHints,
  resetAnswer,
  SECTION_ANSWER,
} from "./wire/answer.ts";
import {
  RCODE_NOERROR,
  RCODE_SERVFAIL,
  TRANSPORT_UDP,
  TYPE_AAAA,
  TYPE_HTTPS,
  TYPE_SVCB,
} from "./wire/constants.ts";
import { viewOf } from "./wire/octets.ts";
import { createQuery, HEADER_OCTETS, parseQuery, type Query, VERDICT_DROP } from "./wire/query.ts";
import { encodeAnswer, isTruncated } from "./wire/response.ts";
import {
  addHints,
  addNegativeSoa,
  addTarget,
  createLookup,
  followTarget,
  type Lookup,
  lookup,
} from "./zone/lookup.ts";

/**
 * All that one worker needs to answer: made once, reused by every query. Before each call the transport sets
 * `transport`, the resolver's family and address in `client`, and once a batch `clockS[0]`.
 */
export interface Context extends DecideContext {
  snapshot: Snapshot;
  /** Written by this worker alone: see counters.ts. */
  counters: Float64Array;
  /** Queries and answers by what they were for, laid out by `layout`; written by this worker alone: see tallies.ts. */
  tallies: Float64Array;
  layout: TallyLayout;
  /** Largest expiry handed out, seconds since 1970, by endpoint row; written by this worker alone. */
  expiries: Uint32Array;
  /** TRANSPORT_UDP or TRANSPORT_TCP. */
  transport: number;
  query: Query;
  lookup: Lookup;
  /** A decided CNAME is not followed, so that every decision can be explained by itself. */
  stopsAtTarget: boolean;
  /** The buffers of the last call, and views of them: a transport that keeps its buffers has its views made once. */
  packet: Uint8Array;
  packetView: DataView;
  out: Uint8Array;
  outView: DataView;
}

const NO_OCTETS = new Uint8Array(0);

/** `diceSeed`: any number, another one for each worker. */
export function createContext(
  snapshot: Snapshot,
  rows: HealthRows,
  counters: Float64Array,
  expiries: Uint32Array = new Uint32Array(rows.endpoints.length / ENDPOINT_ROW_WORDS),
  diceSeed = 0,
): Context {
  const layout = layTallies(snapshot);
  return {
    ...createDecideContext(snapshot.policy, snapshot.tables, rows, diceSeed),
    snapshot,
    counters,
    tallies: new Float64Array(layout.slots),
    layout,
    expiries,
    transport: TRANSPORT_UDP,
    query: createQuery(),
    lookup: createLookup(snapshot.zones),
    stopsAtTarget: false,
    packet: NO_OCTETS,
    packetView: viewOf(NO_OCTETS),
    out: NO_OCTETS,
    outView: viewOf(NO_OCTETS),
  };
}

/**
 * Makes the context answer from another snapshot; what the old one referred to is let go. `worker`: the run of the
 * snapshot's tallies that the context counts in; -1: nobody sees what it counts.
 */
export function adoptSnapshot(context: Context, snapshot: Snapshot, worker = -1): void {
  context.snapshot = snapshot;
  context.layout = layTallies(snapshot);
  context.tallies =
    worker < 0 || snapshot.tallies === undefined
      ? new Float64Array(context.layout.slots)
      : tallyRun(snapshot.tallies, worker);
  context.lookup.data = snapshot.zones;
  adoptPolicy(context, snapshot.policy, snapshot.tables);
}

/**
 * Answers one DNS message: bytes in, bytes out, nothing allocated (but a view of a buffer that was not the last one),
 * nothing thrown.
 *
 * @param packet - the message; only its first `length` octets are read.
 * @param out - room for the reply, OUT_OCTETS serve any transport; `packet` itself will do if it has that room.
 * @returns the length of the reply, or 0: say nothing.
 */
export function answerQuery(packet: Uint8Array, length: number, context: Context, out: Uint8Array): number {
  if (packet !== context.packet) {
    context.packet = packet;
    context.packetView = viewOf(packet);
  }
  if (out !== context.out) {
    context.out = out;
    context.outView = out === packet ? context.packetView : viewOf(out);
  }
  return answerMessage(context.packetView, length, context, context.outView);
}

/**
 * The line of a query, on views of both buffers: what transports call that keep views of theirs. The reply may be written
 * over the message: what `packet` and `out` are one view of has the room that `out` needs.
 */
export function answerMessage(packet: DataView, length: number, context: Context, out: DataView): number {
  const { query, answer } = context;
  const verdict = parseQuery(packet, length, query);
  if (verdict === VERDICT_DROP) return drop(context, length);
  resetAnswer(answer);
  if (verdict === RCODE_NOERROR) {
    lookup(context.lookup, query.qname, query.qtype, answer);
    context.tallies[context.lookup.askedZone + 1]! += 1;
    while (context.lookup.record >= 0 && decideRecord(context));
  } else {
    answer.rcode = verdict;
  }
  const size = encodeAnswer(query, answer, context.snapshot.zones, context.transport, out);
  count(context, out);
  return size;
}

/**
 * Decides the dynamic record at which the lookup stopped, and adds what was decided to the answer. True: that was an
 * alias, and the lookup has gone on from its target.
 */
function decideRecord(context: Context): boolean {
  const { query, answer, client, policy } = context;
  const { record, steps, name } = context.lookup;
  const at = record * RECORD_WORDS;
  const ecsAllowed = policy.records[at + RECORD_ECS]!;
  const tailored = query.hasEcs === 1 && query.ecsSourceBits > 0 && ecsAllowed === 1;
  // One option can carry one scope, and the alias is the same for everyone: who asks for the target gets the right one.
  if (steps > 0 && tailored && policy.records[at + RECORD_TABLE_COUNT]! > 0) return false;

  prepareClient(client, query);
  const { qtype } = query;
  const givesTarget = policy.records[at + RECORD_GIVES_TARGET] !== 0;
  const service = qtype === TYPE_HTTPS ? RECORD_HTTPS : qtype === TYPE_SVCB ? RECORD_SVCB : -1;
  const givesHints = service >= 0 && policy.records[at + service]! >= 0;
  if (givesHints) {
    decideHints(context, record);
  } else {
    const family = givesTarget ? FAMILY_NAME : qtype === TYPE_AAAA ? 6 : 4;
    decide(context, record, name.hashes[0]!, family);
    if (answer.decision === DECIDED_ADDRESSES) rememberAnswer(context, answer.decisionTtl, 1);
  }
  const ttlSeconds = answer.decisionTtl;
  countDecision(context, givesTarget, givesHints);
  context.tallies[context.layout.records + record]! += 1;
  if (answer.decision === DECIDED_ADDRESSES) {
    if (givesTarget) return giveTarget(context, ttlSeconds);
    if (givesHints) addHints(context.lookup, policy.records[at + service]!, ttlSeconds, answer);
    else addAddresses(context.lookup, answer, ttlSeconds);
  } else if (answer.decision === DECIDED_NODATA) {
    addNegativeSoa(context.lookup, answer, ttlSeconds);
  } else {
    answer.rcode = RCODE_SERVFAIL;
    answer.aa = 0;
    answer.itemCount = 0;
  }
  return false;
}

function addAddresses({ ownerKind, owner, qtype }: Lookup, answer: Answer, ttlSeconds: number): void {
  const { addressCount } = answer;
  addItem(answer, SECTION_ANSWER, ITEM_ADDRESSES, ownerKind, owner, qtype, ttlSeconds, 0, addressCount);
}

/**
 * Decides what A would be answered and then what AAAA would be, with the same free dice and in one turn, so that the
 * hints of both families are of one region. The answer holds as long as the shorter of both would.
 */
function decideHints(context: Context, record: number): void {
  const { answer, dice } = context;
  const ownerHash = context.lookup.name.hashes[0]!;
  const die = dice[0]!;
  context.forHints = 1;
  decide(context, record, ownerHash, 4);
  const { decision, decisionTtl, scopeBits } = answer;
  if (decision === DECIDED_ADDRESSES) rememberAnswer(context, decisionTtl, 1);
  keepHints(answer);
  dice[0] = die;
  decide(context, record, ownerHash, 6);
  const leads = answer.hintCount > 0 ? 0 : 1;
  if (answer.decision === DECIDED_ADDRESSES) rememberAnswer(context, answer.decisionTtl, leads);
  context.forHints = 0;
  // Addresses of one family are an answer, and NODATA goes before SERVFAIL, as in a union: DECIDED_* in their order.
  if (decision < answer.decision) answer.decision = decision;
  if (decisionTtl < answer.decisionTtl) answer.decisionTtl = decisionTtl;
  if (scopeBits > answer.scopeBits) answer.scopeBits = scopeBits;
}

function countDecision({ answer, counters }: Context, givesTarget: boolean, givesHints: boolean): void {
  const slot =
    answer.decision !== DECIDED_ADDRESSES
      ? COUNTER_DECIDED_ADDRESSES + answer.decision - 1
      : givesTarget
        ? COUNTER_DECIDED_TARGET
        : givesHints
          ? COUNTER_DECIDED_HINTS
          : COUNTER_DECIDED_ADDRESSES;
  counters[slot]! += 1;
}

/** Adds the decided CNAME, and goes on from it. One option can carry one scope: with a client subnet it ends there. */
function giveTarget(context: Context, ttlSeconds: number): boolean {
  const { answer, lookup: state, query } = context;
  const target = answer.addressView.getInt32(0);
  addTarget(state, target, ttlSeconds, answer);
  if (context.stopsAtTarget || (query.hasEcs === 1 && query.ecsSourceBits > 0)) return false;
  followTarget(state, target, answer);
  return state.record >= 0;
}

/** Notes for each decided address when resolvers will let go of it, and counts it. `isFirst`: 0 or 1, the first stands for the answer. */
function rememberAnswer(context: Context, ttlSeconds: number, isFirst: number): void {
  const { expiries, tallies, picked, pickedCount, answer } = context;
  const { leads, addresses } = context.layout;
  const expiry = context.clockS[0]! + ttlSeconds;
  for (let i = 0; i < pickedCount; i++) {
    const row = answer.addressRows[i]!;
    if (row >= 0 && expiries[row]! < expiry) expiries[row] = expiry;
    tallies[addresses + picked[i]!]! += 1;
  }
  tallies[leads + picked[0]!]! += isFirst;
}

function drop(context: Context, length: number): number {
  context.counters[length < HEADER_OCTETS ? COUNTER_DROPPED_SHORT : COUNTER_DROPPED_RESPONSE]! += 1;
  return 0;
}

function count(context: Context, out: DataView): void {
  const { query, answer, client } = context;
  const sender = context.transport * 2 + (client.resolverFamily === 6 ? 1 : 0);
  const qtype = query.hasQuestion === 1 ? query.qtype : -1;
  const options = query.hasEdns + query.hasEcs;
  countReply(context.counters, sender, qtype, options, isTruncated(out) ? 1 : 0, answer.rcode);
}
