import {
  type Answer,
  addItem,
  addShortSoa,
  ITEM_HINFO,
  ITEM_HINTS,
  ITEM_OPTIONAL,
  ITEM_RRSET,
  ITEM_SYNTHESIZED_CNAME,
  OWNER_OCTETS,
  OWNER_QNAME,
  OWNER_SCRATCH,
  SECTION_ADDITIONAL,
  SECTION_ANSWER,
  SECTION_AUTHORITY,
} from "../wire/answer.ts";
import {
  EDE_NOT_AUTHORITATIVE,
  MAX_NAME_OCTETS,
  RCODE_NXDOMAIN,
  RCODE_REFUSED,
  RCODE_YXDOMAIN,
  TYPE_A,
  TYPE_AAAA,
  TYPE_ANY,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_DS,
  TYPE_HINFO,
  TYPE_HTTPS,
  TYPE_NS,
  TYPE_SOA,
  TYPE_SVCB,
} from "../wire/constants.ts";
import { createName, type Name, nameLength, setName } from "../wire/name.ts";
import { findApex, findNode, findOwner, findRrset, OWNER_ABSENT, OWNER_DISPUTED } from "./find.ts";
import { hasAlias, holdsRrset, isRepeated, isSynthesized } from "./repeats.ts";
import {
  firstRrset,
  GLUE_NODE,
  GLUE_OPTIONAL,
  GLUE_RRSET,
  GLUE_WORDS,
  NODE_CUT,
  NODE_DNAME,
  NODE_FLAGS,
  NODE_GIVES_HTTPS,
  NODE_GIVES_SVCB,
  NODE_GIVES_TARGET,
  NODE_HAS_CNAME,
  NODE_HAS_DNAME,
  NODE_NAME_LENGTH_SHIFT,
  NODE_RECORD,
  NODE_WILDCARD,
  NODE_ZONE,
  nodeName,
  RRSET_COUNT,
  RRSET_GLUE,
  RRSET_GLUE_COUNT,
  RRSET_OFFSET,
  RRSET_TTL,
  RRSET_TYPE,
  rrsetCount,
  SERVICE_COUNT,
  SERVICE_OFFSET,
  SERVICE_WORDS,
  ZONE_APEX,
  ZONE_NEGATIVE_TTL,
  ZONE_SOA,
  ZONE_SOA_PREFIXES,
  ZONE_WORDS,
  type ZoneData,
} from "./zone-data.ts";

/** Where a lookup stands: the name that is looked for now, and where a dynamic record took over. One a worker. */
export interface Lookup {
  data: ZoneData;
  qtype: number;
  qname: Name;
  /** QNAME, or the target of the last CNAME. */
  name: Name;
  /** The target of a CNAME, taken apart. */
  target: Name;
  /** How answers name the current owner: OWNER_*, and where it starts. */
  ownerKind: number;
  owner: number;
  /** Aliases followed so far. */
  steps: number;
  /** Zone that the current name lies in, or -1. */
  zone: number;
  /** Zone that QNAME lies in, or -1. */
  askedZone: number;
  /** Dynamic record to decide, or -1. */
  record: number;
}

/** Aliases followed in one answer: enough for any sane chain, few enough to bound a loop's work. */
const MAX_CHAIN_STEPS = 16;

/** TTL of the HINFO that stands for ANY at a dynamic name: RFC 8482 section 4.2 asks for a long one; an hour. */
const ANY_TTL_SECONDS = 3600;

export function createLookup(data: ZoneData): Lookup {
  const qname = createName();
  return {
    data,
    qtype: 0,
    qname,
    name: qname,
    target: createName(),
    ownerKind: OWNER_QNAME,
    owner: 0,
    steps: 0,
    zone: -1,
    askedZone: -1,
    record: -1,
  };
}

/**
 * Answers a question from the zones (RFC 1034 section 4.3.2): fills `answer`, or stops at a dynamic record and leaves it
 * in `lookup.record` for the caller to decide. `lookup.data` names the zones.
 */
export function lookup(state: Lookup, qname: Name, qtype: number, answer: Answer): void {
  if (state.qname !== qname) state.qname = qname;
  if (state.name !== qname) state.name = qname;
  state.qtype = qtype;
  state.ownerKind = OWNER_QNAME;
  state.owner = 0;
  state.steps = 0;
  state.record = -1;
  answer.aa = 1;
  const goesOn = follow(state, answer);
  state.askedZone = state.zone;
  if (state.zone < 0) {
    // RFC 8914 section 4.21; an upward referral would only feed amplification (RFC 9471 keeps referrals downward).
    answer.aa = 0;
    answer.rcode = RCODE_REFUSED;
    answer.ede = EDE_NOT_AUTHORITATIVE;
  } else if (goesOn) {
    goDown(state, answer);
  }
}

/** Goes on from an alias to what its target has, until an answer, a dynamic record, or the end of what is served. */
function goDown(state: Lookup, answer: Answer): void {
  // Where the chain leaves what we serve, whoever asked goes on (RFC 1034 section 4.3.2 step 3a).
  while (state.steps < MAX_CHAIN_STEPS && follow(state, answer));
}

/** Adds the CNAME that the record at which the lookup stopped has been decided to give: `target` of ZoneData.targets. */
export function addTarget(state: Lookup, target: number, ttlSeconds: number, answer: Answer): void {
  const { ownerKind, owner } = state;
  const offset = state.data.targets[target]!;
  addItem(answer, SECTION_ANSWER, ITEM_RRSET, ownerKind, owner, TYPE_CNAME, ttlSeconds, offset, 1);
}

/** Adds HTTPS or SVCB records of the name at which the lookup stopped: `service` of ZoneData.services, and the decided hints. */
export function addHints(state: Lookup, service: number, ttlSeconds: number, answer: Answer): void {
  const { ownerKind, owner, qtype } = state;
  const { services } = state.data;
  const offset = services[service * SERVICE_WORDS + SERVICE_OFFSET]!;
  const count = services[service * SERVICE_WORDS + SERVICE_COUNT]!;
  addItem(answer, SECTION_ANSWER, ITEM_HINTS, ownerKind, owner, qtype, ttlSeconds, offset, count);
}

/**
 * Goes on from that CNAME as from a static one: `state.record` is the next dynamic record that has to be decided, or -1.
 * Asked for the alias itself it does not go on.
 */
export function followTarget(state: Lookup, target: number, answer: Answer): void {
  state.record = -1;
  if (state.qtype === TYPE_CNAME || state.qtype === TYPE_ANY) return;
  goOn(state, state.data.octets, OWNER_OCTETS, state.data.targets[target]! + 2);
  goDown(state, answer);
}

/** The SOA that makes an answer negative, at the negative TTL (RFC 2308 section 3) or less. */
export function addNegativeSoa(state: Lookup, answer: Answer, maxTtlSeconds: number): void {
  const zone = state.zone * ZONE_WORDS;
  const { zones, words } = state.data;
  const soa = zones[zone + ZONE_SOA]!;
  const ttl = zones[zone + ZONE_NEGATIVE_TTL]!;
  const apex = apexName(state);
  const offset = words[soa + RRSET_OFFSET]!;
  const ttlSeconds = ttl < maxTtlSeconds ? ttl : maxTtlSeconds;
  const prefixes = zones[zone + ZONE_SOA_PREFIXES]!;
  if (prefixes >= 0 && state.steps === 0) {
    const { length } = state.qname;
    const before = length - (words[zones[zone + ZONE_APEX]! + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT);
    addShortSoa(answer, apex, ttlSeconds, offset, (before << 16) | prefixes);
  } else {
    addItem(answer, SECTION_AUTHORITY, ITEM_RRSET, OWNER_OCTETS, apex, TYPE_SOA, ttlSeconds, offset, 1);
  }
}

const NO_TTL_LIMIT = 0x7fffffff;

/** The zone with the longest apex that the name ends in, but the parent's for DS (RFC 4035 section 3.1.4.1). */
function findZone(state: Lookup): number {
  const { name, data } = state;
  let child = -1;
  for (let label = 0; label <= name.labelCount; label++) {
    const zone = findApex(data, name, label);
    if (zone < 0) continue;
    if (label > 0 || state.qtype !== TYPE_DS) return zone;
    child = zone;
  }
  return child;
}

/**
 * Takes one step, and notes the zone of `state.name`, or -1: it lies in none that is served.
 *
 * @returns whether `state.name` is now a new name to look for.
 */
function follow(state: Lookup, answer: Answer): boolean {
  const { data, name } = state;
  const { words } = data;
  let label = 0;
  let node = state.qtype === TYPE_DS ? OWNER_DISPUTED : findOwner(data, name);
  if (node >= 0) {
    state.zone = words[node + NODE_ZONE]!;
  } else {
    state.zone = findZone(state);
    if (state.zone < 0) return false;
    if (node === OWNER_ABSENT) label = 1;
    node = findNode(data, state.zone, name, label);
    while (node < 0) node = findNode(data, state.zone, name, ++label);
  }
  const cut = words[node + NODE_CUT]! - 1;
  if (cut >= 0 && !(state.qtype === TYPE_DS && label === 0 && cut === node)) return refer(state, cut, answer);
  if (words[node + NODE_DNAME] !== 0) return redirect(state, words[node + NODE_DNAME]! - 1, answer);
  if (label === 0) return answerNode(state, node, answer);
  // `node` is the closest encloser (RFC 4592 section 3.3.1).
  if ((words[node + NODE_FLAGS]! & NODE_HAS_DNAME) !== 0) return redirect(state, node, answer);
  // A child zone that is served too exists, also where its parent forgot to delegate: NXDOMAIN would deny all of it
  // (RFC 8020 section 2).
  if (state.qtype === TYPE_DS && findApex(data, name, 0) >= 0) {
    addNegativeSoa(state, answer, NO_TTL_LIMIT);
    return false;
  }
  const wildcard = words[node + NODE_WILDCARD]! - 1;
  if (wildcard >= 0) return answerNode(state, wildcard, answer);
  answer.rcode = RCODE_NXDOMAIN;
  addNegativeSoa(state, answer, NO_TTL_LIMIT);
  return false;
}

/** Answers from the node of the name itself or of the wildcard that covers it. */
function answerNode(state: Lookup, node: number, answer: Answer): boolean {
  const { data, qtype } = state;
  const { words } = data;
  const record = words[node + NODE_RECORD]! - 1;
  if (record >= 0 && (qtype === TYPE_A || qtype === TYPE_AAAA || givesMore(words, node, qtype))) {
    // A name that has its alias already is where a chain began to go in a circle.
    if (state.steps === 0 || !hasAlias(state, answer)) state.record = record;
    return false;
  }
  if ((words[node + NODE_FLAGS]! & NODE_HAS_CNAME) !== 0 && qtype !== TYPE_CNAME && qtype !== TYPE_ANY) {
    return followCname(state, findRrset(data, node, TYPE_CNAME), answer);
  }
  // RFC 8482 section 4.1: ANY gets one RRset, not all.
  const rrset = qtype === TYPE_ANY ? anyRrset(words, node) : findRrset(data, node, qtype);
  if (rrset >= 0) addRrset(state, rrset, answer);
  else if (qtype === TYPE_ANY && record >= 0) addHinfo(state, answer);
  else addNegativeSoa(state, answer, NO_TTL_LIMIT);
  return false;
}

/**
 * Whether a dynamic record answers a type besides A and AAAA. A name with a CNAME has nothing else (RFC 1034 section
 * 3.6.2): the CNAME answers whatever is asked.
 */
function givesMore(words: Int32Array, node: number, qtype: number): boolean {
  const ofType = qtype === TYPE_HTTPS ? NODE_GIVES_HTTPS : qtype === TYPE_SVCB ? NODE_GIVES_SVCB : 0;
  return (words[node + NODE_FLAGS]! & (NODE_GIVES_TARGET | ofType)) !== 0;
}

function addRrset(state: Lookup, rrset: number, answer: Answer): void {
  const { words } = state.data;
  addItem(
    answer,
    SECTION_ANSWER,
    ITEM_RRSET,
    state.ownerKind,
    state.owner,
    words[rrset + RRSET_TYPE]!,
    words[rrset + RRSET_TTL]!,
    words[rrset + RRSET_OFFSET]!,
    words[rrset + RRSET_COUNT]!,
  );
}

/** The RRset that stands for all of a node's, or -1. */
function anyRrset(words: Int32Array, node: number): number {
  return rrsetCount(words, node) > 0 ? firstRrset(words, node) : -1;
}

function addHinfo(state: Lookup, answer: Answer): void {
  const { ownerKind, owner } = state;
  addItem(answer, SECTION_ANSWER, ITEM_HINFO, ownerKind, owner, TYPE_HINFO, ANY_TTL_SECONDS, 0, 1);
}

/** RFC 1034 section 3.6.2: the alias, and then whatever its target has. */
function followCname(state: Lookup, rrset: number, answer: Answer): boolean {
  const { data } = state;
  const offset = data.words[rrset + RRSET_OFFSET]!;
  if (isRepeated(state, offset, answer)) return false;
  addRrset(state, rrset, answer);
  return goOn(state, data.octets, OWNER_OCTETS, offset + 2);
}

function goOn(state: Lookup, octets: Uint8Array, ownerKind: number, owner: number): boolean {
  setName(state.target, octets, owner);
  state.name = state.target;
  state.ownerKind = ownerKind;
  state.owner = owner;
  state.steps++;
  return true;
}

/** RFC 6672 section 3.2: the DNAME, and a CNAME from the name to where it leads. */
function redirect(state: Lookup, node: number, answer: Answer): boolean {
  const { data, name } = state;
  const rrset = findRrset(data, node, TYPE_DNAME);
  const ttl = data.words[rrset + RRSET_TTL]!;
  const offset = data.words[rrset + RRSET_OFFSET]!;
  if (isSynthesized(state, answer)) return false;
  const owner = nodeName(node);
  if (!holdsRrset(offset, answer))
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_OCTETS, owner, TYPE_DNAME, ttl, offset, 1);

  const prefix = name.length - (data.words[node + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT);
  const suffix = nameLength(data.octets, offset + 2);
  const { scratch } = answer;
  const target = answer.scratchLength;
  if (prefix + suffix > MAX_NAME_OCTETS) {
    answer.rcode = RCODE_YXDOMAIN;
    return false;
  }
  for (let i = 0; i < prefix; i++) scratch[target + i] = name.lower[i]!;
  for (let i = 0; i < suffix; i++) scratch[target + prefix + i] = data.octets[offset + 2 + i]!;
  answer.scratchLength += prefix + suffix;
  const { ownerKind } = state;
  addItem(answer, SECTION_ANSWER, ITEM_SYNTHESIZED_CNAME, ownerKind, state.owner, TYPE_CNAME, ttl, target, 1);
  return state.qtype === TYPE_CNAME ? false : goOn(state, scratch, OWNER_SCRATCH, target);
}

/** RFC 1034 section 4.2.1: the name servers of the child zone, and the addresses of theirs that we hold. */
function refer(state: Lookup, cut: number, answer: Answer): boolean {
  const { words, glue } = state.data;
  const ns = findRrset(state.data, cut, TYPE_NS);
  const owner = nodeName(cut);
  if (state.steps === 0) answer.aa = 0;
  addItem(
    answer,
    SECTION_AUTHORITY,
    ITEM_RRSET,
    OWNER_OCTETS,
    owner,
    TYPE_NS,
    words[ns + RRSET_TTL]!,
    words[ns + RRSET_OFFSET]!,
    words[ns + RRSET_COUNT]!,
  );
  const from = words[ns + RRSET_GLUE]!;
  const to = from + words[ns + RRSET_GLUE_COUNT]!;
  for (let entry = from; entry < to; entry++) {
    const word = entry * GLUE_WORDS;
    const rrset = glue[word + GLUE_RRSET]!;
    addItem(
      answer,
      SECTION_ADDITIONAL,
      ITEM_RRSET,
      OWNER_OCTETS,
      nodeName(glue[word + GLUE_NODE]!),
      words[rrset + RRSET_TYPE]!,
      words[rrset + RRSET_TTL]!,
      words[rrset + RRSET_OFFSET]!,
      words[rrset + RRSET_COUNT]! | (glue[word + GLUE_OPTIONAL]! * ITEM_OPTIONAL),
    );
  }
  return false;
}

function apexName(state: Lookup): number {
  return nodeName(state.data.zones[state.zone * ZONE_WORDS + ZONE_APEX]!);
}
