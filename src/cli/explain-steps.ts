import { adoptSnapshot, answerQuery, type Context, createContext } from "../answer.ts";
import { allocateCounters } from "../counters.ts";
import type { HealthRows } from "../health/rows.ts";
import { FAMILY_NAME, RECORD_GIVES_TARGET, RECORD_WORDS } from "../policy/data.ts";
import { explainDecision } from "../policy/explain.ts";
import type { Explanation } from "../policy/explanation.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Snapshot } from "../snapshot.ts";
import { DECIDED_ADDRESSES, DECIDED_NOTHING } from "../wire/answer.ts";
import {
  RCODE_REFUSED,
  TRANSPORT_TCP,
  TYPE_AAAA,
  TYPE_ANY,
  TYPE_CNAME,
  TYPE_HTTPS,
  TYPE_SVCB,
} from "../wire/constants.ts";
import { decodeMessage, encodeQuery, type Message } from "../wire/message.ts";
import { nameLength } from "../wire/name.ts";
import { OUT_OCTETS } from "../wire/response.ts";
import type { IpAddress, Prefix } from "./arguments.ts";

/** What would be asked, by whom and when. */
export interface ExplainedQuestion {
  /** Wire form. */
  name: Uint8Array;
  type: number;
  /** Client subnet option of the query; null: none. */
  subnet: Prefix | null;
  resolver: IpAddress;
  /** Seconds since 1970, and any number: what the dice depend on. */
  clockS: number;
  diceSeed: number;
}

/** One query of a resolver on its way to the addresses, and why it was answered so. */
export interface ExplainedStep {
  message: Message;
  /** Null for static data, negative answers and names that are not served. */
  explanation: Explanation | null;
}

/** RFC 1034 section 3.6.2 lets resolvers follow aliases; as many as the server itself follows. */
const MOST_STEPS = 16;

/**
 * Asks the server's own answer function, again for the target where a chain stops at a steered name, as a resolver
 * would do.
 */
export function explainSteps(
  snapshot: Snapshot,
  names: PolicyNames,
  rows: HealthRows,
  question: ExplainedQuestion,
): ExplainedStep[] {
  const context = createContext(snapshot, rows, allocateCounters());
  context.clockS[0] = question.clockS;
  context.dice[0] = question.diceSeed | 1;
  context.transport = TRANSPORT_TCP;
  context.client.resolverFamily = question.resolver.family;
  context.client.resolverAddress.set(question.resolver.octets);
  context.stopsAtTarget = true;
  const out = new Uint8Array(OUT_OCTETS);
  const steps: ExplainedStep[] = [];
  let { name } = question;
  while (steps.length < MOST_STEPS) {
    const packet = encodeQuery({ id: 0, name, type: question.type, subnet: question.subnet });
    const die: number = context.dice[0]!;
    const length = answerQuery(packet, packet.length, context, out);
    const message = decodeMessage(out.subarray(0, length))!;
    // Whoever is answered an alias that leaves our zones asks elsewhere.
    if (steps.length > 0 && message.rcode === RCODE_REFUSED) break;
    const { record } = context.lookup;
    const stopped = record >= 0 && context.answer.decision === DECIDED_NOTHING;
    const target = record < 0 || stopped ? null : decidedTarget(context, snapshot, question.type);
    if (stopped) name = context.lookup.name.lower.slice(0, context.lookup.name.length);
    else if (target !== null) name = target;
    // The same die and the same turn again: the explanation is of the very answer that was given.
    context.dice[0] = die;
    adoptSnapshot(context, snapshot);
    steps.push({
      message,
      explanation: record < 0 || stopped ? null : explainRecord(context, names, question.type),
    });
    if (!stopped && target === null) break;
  }
  return steps;
}

/** Where the decided CNAME leads; null: none was decided, or it is what was asked for. */
function decidedTarget(
  { answer, lookup, policy }: Context,
  snapshot: Snapshot,
  type: number,
): Uint8Array | null {
  const isTarget =
    policy.records[lookup.record * RECORD_WORDS + RECORD_GIVES_TARGET] !== 0 &&
    answer.decision === DECIDED_ADDRESSES;
  if (!isTarget || type === TYPE_CNAME || type === TYPE_ANY) return null;
  const { octets, targets } = snapshot.zones;
  const start = targets[answer.addressView.getInt32(0)]! + 2;
  return octets.slice(start, start + nameLength(octets, start));
}

function explainRecord(context: Context, names: PolicyNames, type: number): Explanation {
  const { record, name } = context.lookup;
  const givesTarget = context.policy.records[record * RECORD_WORDS + RECORD_GIVES_TARGET] !== 0;
  const explain: Explain = (family, also) =>
    explainDecision(context, names, record, name.hashes[0]!, family, also);
  if (givesTarget) return explain(FAMILY_NAME);
  const isService = type === TYPE_HTTPS || type === TYPE_SVCB;
  return isService ? explainHints(context, explain) : explain(type === TYPE_AAAA ? 6 : 4);
}

type Explain = (family: 0 | 4 | 6, also?: number[]) => Explanation;

/** Of the two decisions that hints are made of the one with addresses, and the TTL that the answer has. */
function explainHints(context: Context, explain: Explain): Explanation {
  const die = context.dice[0]!;
  const again = (family: 4 | 6, also?: number[]) => {
    context.dice[0] = die;
    adoptSnapshot(context, context.snapshot);
    return explain(family, also);
  };
  context.forHints = 1;
  const ipv4 = again(4);
  const ofIpv4 = [...context.picked.subarray(0, context.pickedCount)];
  const ipv6 = again(6, ofIpv4);
  const ofIpv6 = [...context.picked.subarray(0, context.pickedCount)];
  const isIpv6 =
    ipv6.decision === "addresses" && (ipv4.decision !== "addresses" || ipv6.ttl.seconds < ipv4.ttl.seconds);
  const explained = isIpv6 ? ipv6 : again(4, ofIpv6);
  context.forHints = 0;
  return explained;
}
