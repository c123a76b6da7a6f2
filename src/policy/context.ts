import type { TableData } from "../geo/table.ts";
import type { HealthRows } from "../health/rows.ts";
import { type Answer, createAnswer, MAX_ADDRESSES } from "../wire/answer.ts";
import { type Client, createClient } from "./client.ts";
import { ENDPOINT_WORDS, ENTRY_WORDS, NODE_WORDS, POOL_WORDS, type PolicyData } from "./data.ts";
import { FIGURE_WORDS } from "./load.ts";
import type { Trace } from "./trace.ts";
import { NO_HORIZON } from "./ttl.ts";

/**
 * Addresses that an `all` can choose from: twice the longest answer, 16 pools of 8. What its last children have beyond
 * that is not looked at; which ones are last, changes from second to second.
 */
export const MAX_CANDIDATES = 2 * MAX_ADDRESSES;

/** More than there are passes. */
const WALK_STEP = 4;
const LAST_WALK_MARK = 0x7ffffff0;

/**
 * Places of `context.fractions`: what one function leaves there for another. As a parameter or a result a number that is
 * no small integer would be an object of 16 octets, unless the compiler happens to make one function of the two.
 */
export const FRACTION_KEY = 0;
export const FRACTION_ARRIVAL = 1;
export const FRACTION_FROM = 2;
export const FRACTION_UNTIL = 3;
export const FRACTION_HASH = 4;
export const FRACTION_TOTAL = 5;
const FRACTIONS = 6;

/** Slots of what goes in turn: those of A, of AAAA, and of the hints of both families. Names take turns with AAAA. */
export const TURN_SLOTS = 4;
export const TURN_IPV4_HINTS = 2;

/**
 * What a decision reads besides the record and the client, and what it works on. One object per worker; made by
 * createDecideContext, given another snapshot by adoptSnapshot.
 */
export interface DecideContext {
  /** Whom the decision is for, where it goes, and who looks on: the same objects for every query. */
  client: Client;
  answer: Answer;
  trace: Trace | null;
  policy: PolicyData;
  tables: TableData;
  rows: HealthRows;
  /** [0]: whole seconds since 1970 (until 2106), for the dice between nodes. */
  clockS: Uint32Array;
  /** [0]: state of the free dice (xorshift32), never 0. Only choices within a pool and those of `p2c` read it. */
  dice: Int32Array;
  /**
   * Whose turn it is in what goes in turn; all 0 after adoptSnapshot. TURN_SLOTS slots each: were there one, a client
   * that asks for A and AAAA would turn twice, and of two regions IPv4 would always get the one and IPv6 the other.
   * Per entry of `round_robin`, and per endpoint of a weighted pool: by how much its turns lag behind its weight.
   */
  entryTurns: Float64Array;
  endpointTurns: Float64Array;
  /** Per pool whose endpoints weigh the same: the place of the endpoint that is next. */
  poolTurns: Int32Array;

  /** 1: what is decided becomes hints of HTTPS or SVCB, IPv4 before IPv6: nodes take one turn for both. Else 0. */
  forHints: number;
  /** The record that was decided last: very likely that of the next query. */
  lastRecord: number;

  /** From here on the decision under way; nobody else reads it. Class of the client per table. */
  classes: Int32Array;
  /** The client's prefix as hashes read it, and its length; 0 bits: the record hashes nothing. See sticky.ts. */
  hashKey: number;
  hashBits: number;
  /** The tile that hashing makes, and ORIGIN_CLIENT or ORIGIN_RESOLVER: whose prefix is hashed. */
  hashTileBits: number;
  hashOrigin: number;
  hashFamily: number;
  hashAddress: Uint8Array;
  /** 1: slices are told apart by hashKey; 0: by dice, for the client is known by its resolver alone. */
  slicesByHash: number;
  /** What endpoints tell this client from others by, see beginSlices of slice.ts. */
  sliceKey: number;
  /** 1: what takes only a part of its clients leaves the others alone. */
  heedsLack: number;
  /** 1: it left this one alone, so that the walk found less than there is. */
  leftOut: number;
  /** What `select: hash` looks for, see select-hash.ts. */
  hashSearch: HashSearch;
  /** Per entry: 1 when its node has drawn or tried it already. */
  drawn: Uint8Array;
  /**
   * Per node: where it failed last, as `walkMark` of that decision plus how lenient the pass is. What has failed in a pass fails there
   * again, and in those before it, so that a subtree that many nodes share is walked once.
   */
  failures: Int32Array;
  /** Grows from one decision to the next by WALK_STEP. */
  walkMark: number;
  /** 1: endpoints that leave this client alone are not appended. */
  slicing: number;
  /** Addresses chosen so far: indexes into PolicyData.addresses. */
  picked: Int32Array;
  pickedCount: number;
  /** Per picked address below an `all`: how many of the same child stand before it. */
  rounds: Int32Array;
  /** Endpoints, entries or picked addresses that compete for a place, best first, and their keys. */
  candidates: Int32Array;
  candidateKeys: Float64Array;
  /** See FRACTION_*. */
  fractions: Float64Array;
  /** Per entry: what it weighs now, see weighEntries of slice.ts. */
  entryWeights: Float64Array;
  /** Per entry and per node: see rest.ts. */
  restEntries: Int32Array;
  restKeys: Float64Array;
  restCounts: Int32Array;
  /** Per node: the place of the entry that a `failover` is latched on. */
  held: Int32Array;
  /** FIGURE_WORDS of load.ts for each candidate of what goes by load; there also entries are candidates. */
  figures: Float64Array;
  /** Least horizon of what was read, in milliseconds; NO_HORIZON while all is settled. */
  leastMs: number;
  /** Asked family: 4 or 6. */
  family: number;
  /** Its slot of turns. */
  turnSlot: number;
  ownerHash: number;
  /** How many endpoints and entries an explanation may look at for one set of odds; no decision reads it. */
  oddsBudget: number;
}

/** Some 200 ms. */
const ODDS_BUDGET = 2_000_000;

/** A search for the earliest endpoints of one pool; the candidates are `count` in number, and never more than `most`. */
export interface HashSearch {
  strict: number;
  pass: number;
  /** Whether the health rows' scales count. */
  isScaled: boolean;
  /** The client's order of cells. */
  order: number;
  most: number;
  count: number;
}

/** `diceSeed`: any number; 0 stands for another one, because xorshift never leaves 0. */
export function createDecideContext(
  policy: PolicyData,
  tables: TableData,
  rows: HealthRows,
  diceSeed: number,
): DecideContext {
  const context: DecideContext = {
    policy,
    tables,
    rows,
    clockS: new Uint32Array(1),
    dice: Int32Array.of(diceSeed | 0 || 0x9e3779b9),
    entryTurns: new Float64Array(0),
    endpointTurns: new Float64Array(0),
    poolTurns: new Int32Array(0),
    forHints: 0,
    lastRecord: 0,
    classes: new Int32Array(0),
    hashKey: 0,
    hashBits: 0,
    hashTileBits: 0,
    hashOrigin: 0,
    hashFamily: 4,
    hashAddress: new Uint8Array(16),
    slicesByHash: 0,
    sliceKey: 0,
    heedsLack: 1,
    leftOut: 0,
    slicing: 0,
    hashSearch: { strict: 0, pass: 0, isScaled: false, order: 0, most: 0, count: 0 },
    drawn: new Uint8Array(0),
    failures: new Int32Array(0),
    walkMark: 0,
    picked: new Int32Array(MAX_CANDIDATES),
    pickedCount: 0,
    rounds: new Int32Array(MAX_CANDIDATES),
    candidates: new Int32Array(MAX_CANDIDATES),
    candidateKeys: new Float64Array(MAX_CANDIDATES),
    fractions: new Float64Array(FRACTIONS),
    entryWeights: new Float64Array(0),
    restEntries: new Int32Array(0),
    restKeys: new Float64Array(0),
    restCounts: new Int32Array(0),
    held: new Int32Array(0),
    figures: new Float64Array(MAX_CANDIDATES * FIGURE_WORDS),
    leastMs: NO_HORIZON,
    family: 4,
    turnSlot: 0,
    ownerHash: 0,
    oddsBudget: ODDS_BUDGET,
    client: createClient(),
    answer: createAnswer(),
    trace: null,
  };
  adoptSnapshot(context, policy, tables);
  return context;
}

/** Makes the next decisions read another snapshot; the only place of the data path that allocates, and only here. */
export function adoptSnapshot(context: DecideContext, policy: PolicyData, tables: TableData): void {
  context.policy = policy;
  context.tables = tables;
  const entryCount = policy.entries.length / ENTRY_WORDS;
  if (context.drawn.length < entryCount) {
    context.drawn = new Uint8Array(entryCount);
    context.entryWeights = new Float64Array(entryCount);
    context.restEntries = new Int32Array(entryCount);
    context.restKeys = new Float64Array(entryCount);
  }
  const nodeCount = policy.nodes.length / NODE_WORDS;
  if (context.failures.length < nodeCount) {
    context.failures = new Int32Array(nodeCount);
    context.restCounts = new Int32Array(nodeCount);
    context.held = new Int32Array(nodeCount);
  }
  if (context.candidates.length < entryCount) {
    context.candidates = new Int32Array(entryCount);
    context.candidateKeys = new Float64Array(entryCount);
    context.figures = new Float64Array(entryCount * FIGURE_WORDS);
  }
  // What is there counts turns in the numbers of another snapshot.
  const endpointCount = policy.endpoints.length / ENDPOINT_WORDS;
  const poolCount = policy.pools.length / POOL_WORDS;
  context.entryTurns = emptied(context.entryTurns, TURN_SLOTS * entryCount);
  context.endpointTurns = emptied(context.endpointTurns, TURN_SLOTS * endpointCount);
  const poolTurnCount = TURN_SLOTS * poolCount;
  if (context.poolTurns.length < poolTurnCount) context.poolTurns = new Int32Array(poolTurnCount);
  else context.poolTurns.fill(0);
  if (context.classes.length < tables.tables.length) context.classes = new Int32Array(tables.tables.length);
}

/** Forgets which nodes have failed: a decision begins. */
export function beginWalk(context: DecideContext): void {
  if (context.walkMark >= LAST_WALK_MARK) {
    context.failures.fill(0);
    context.walkMark = 0;
  }
  context.walkMark += WALK_STEP;
}

/** The same numbers, all 0, or more of them where `count` do not fit. */
function emptied(numbers: Float64Array, count: number): Float64Array {
  return numbers.length < count ? new Float64Array(count) : numbers.fill(0);
}
