import { answerQuery, type Context, createContext } from "../answer.ts";
import { allocateCounters } from "../counters.ts";
import { prepareClient } from "../policy/client.ts";
import { FAMILY_NAME, RECORD_GIVES_TARGET, RECORD_WORDS } from "../policy/data.ts";
import { explainDecision } from "../policy/explain.ts";
import { shortLines } from "../policy/explain-short.ts";
import type { ExplainAccess, Snapshot } from "../snapshot.ts";
import { addItem, ITEM_RRSET, OWNER_QNAME, resetAnswer, SECTION_ANSWER } from "../wire/answer.ts";
import { RCODE_NOERROR, TRANSPORT_UDP, TYPE_A, TYPE_TXT } from "../wire/constants.ts";
import { createName, setName } from "../wire/name.ts";
import { viewOf } from "../wire/octets.ts";
import { HEADER_OCTETS, parseQuery } from "../wire/query.ts";
import { encodeAnswer, OUT_OCTETS } from "../wire/response.ts";
import { lookup } from "../zone/lookup.ts";

/**
 * `_explain.NAME TXT`: why a steered name is answered as it is, for who is on the access list of steerd.yaml. Off the
 * line of a query: this allocates freely, on a context of its own, so that turns, dice, counters and expiries of the
 * worker stay as they are, and takes milliseconds where a pool has thousands of endpoints. That is why it is told over
 * TCP, by the stream worker: over UDP the reply is empty and says TC. It is told EXPLANATIONS_A_SECOND times a second at
 * most, and never throws: what cannot be explained is answered as any other query.
 */

const EXPLANATIONS_A_SECOND = 5;

/** What odds may take of that: some 2 ms for each pool and node. Larger ones are told by the command alone. */
const ODDS_BUDGET = 20_000;

/** The first label in wire form, lower case. */
const LABEL = Uint8Array.from([8, ...new TextEncoder().encode("_explain")]);

export type Explainer = (packet: DataView, length: number, context: Context, out: DataView) => number;

/** Returns the length of the explanation in `out`, or 0: the query is to be answered as ever. One a worker. */
export function createExplainer(): Explainer {
  let second = 0;
  let left = 0;
  return (packet, length, context, out) => {
    const { explain } = context.snapshot;
    if (explain === undefined || !asksWhy(packet, length)) return 0;
    if (!isAllowed(explain, context.client.resolverFamily, context.client.resolverAddress)) return 0;
    if (context.transport === TRANSPORT_UDP) return askForTcp(packet, length, context, out);
    if (context.clockS[0] !== second) {
      second = context.clockS[0]!;
      left = EXPLANATIONS_A_SECOND;
    }
    if (left === 0) return 0;
    left--;
    try {
      return explainQuery(octetsOf(packet, length), context, context.snapshot, explain, out);
    } catch {
      return 0;
    }
  };
}

/** An empty reply that says TC, or 0: that is no query for TXT. */
function askForTcp(packet: DataView, length: number, context: Context, out: DataView): number {
  const { answer, query } = context;
  if (parseQuery(packet, length, query) !== RCODE_NOERROR || query.qtype !== TYPE_TXT) return 0;
  resetAnswer(answer);
  answer.aa = 1;
  answer.incomplete = 1;
  return encodeAnswer(query, answer, context.snapshot.zones, TRANSPORT_UDP, out);
}

/** A copy: what the transport receives next goes to the same place. */
function octetsOf(packet: DataView, length: number): Uint8Array {
  return new Uint8Array(packet.buffer, packet.byteOffset, length).slice();
}

/** The query's first label, read from where it always stands: behind the header (RFC 1035 section 4.1). */
function asksWhy(packet: DataView, length: number): boolean {
  if (length < HEADER_OCTETS + LABEL.length || packet.getUint8(HEADER_OCTETS) !== LABEL[0]) return false;
  for (let i = 1; i < LABEL.length; i++) {
    const octet = packet.getUint8(HEADER_OCTETS + i);
    if ((octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet) !== LABEL[i]) return false;
  }
  return true;
}

function isAllowed({ allow }: ExplainAccess, family: number, address: Uint8Array): boolean {
  return allow.some((prefix) => {
    if (prefix.family !== family) return false;
    for (let bit = 0; bit < prefix.bits; bit++) {
      const mask = 0x80 >> (bit & 7);
      if (((prefix.octets[bit >> 3]! ^ address[bit >> 3]!) & mask) !== 0) return false;
    }
    return true;
  });
}

function explainQuery(
  packet: Uint8Array,
  worker: Context,
  snapshot: Snapshot,
  { names }: ExplainAccess,
  out: DataView,
): number {
  const context = contextLike(worker, snapshot);
  const ordinary = new Uint8Array(OUT_OCTETS);
  const size = answerQuery(packet, packet.length, context, ordinary);
  const { answer, client, query } = context;
  // Records of the zone at that name go before the explanation; so do refusals, referrals and malformed queries.
  const isNegative = size > 0 && answer.aa === 1 && viewOf(ordinary).getUint16(6) === 0;
  if (!isNegative || query.qtype !== TYPE_TXT) return 0;
  const name = createName();
  setName(name, query.qname.lower, LABEL.length);
  resetAnswer(answer);
  lookup(context.lookup, name, TYPE_A, answer);
  const { record } = context.lookup;
  if (record < 0 || context.lookup.steps > 0) return 0;
  prepareClient(client, query);
  const givesTarget = context.policy.records[record * RECORD_WORDS + RECORD_GIVES_TARGET] !== 0;
  const families = givesTarget ? ([FAMILY_NAME] as const) : ([4, 6] as const);
  const lines = families.flatMap((family) => {
    resetAnswer(answer);
    return shortLines(explainDecision(context, names, record, name.hashes[0]!, family));
  });
  const block = txtBlock(lines);
  resetAnswer(answer);
  answer.aa = 1;
  addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, 0, 0, 1);
  return encodeAnswer(query, answer, { octets: block, view: viewOf(block) }, context.transport, out);
}

/** A context in which the next decision is what the worker's would be: the same clock, dice, turns and resolver. */
function contextLike(worker: Context, snapshot: Snapshot): Context {
  const context = createContext(snapshot, worker.rows, allocateCounters());
  context.transport = worker.transport;
  context.oddsBudget = ODDS_BUDGET;
  context.clockS[0] = worker.clockS[0]!;
  context.dice[0] = worker.dice[0]!;
  context.entryTurns.set(worker.entryTurns);
  context.endpointTurns.set(worker.endpointTurns);
  context.poolTurns.set(worker.poolTurns);
  context.client.resolverFamily = worker.client.resolverFamily;
  context.client.resolverAddress.set(worker.client.resolverAddress);
  return context;
}

/** One record as the zone data has it: RDLENGTH, then each line behind its length. */
function txtBlock(lines: string[]): Uint8Array {
  const strings = lines.map((line) => new TextEncoder().encode(line).subarray(0, 255));
  const rdata = strings.flatMap((string) => [string.length, ...string]);
  return Uint8Array.from([rdata.length >> 8, rdata.length & 0xff, ...rdata]);
}
