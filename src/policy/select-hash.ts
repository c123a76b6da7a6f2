import { SCALE_ONE } from "../health/ramp.ts";
import { keepLeast } from "./candidates.ts";
import {
  type DecideContext,
  FRACTION_ARRIVAL,
  FRACTION_FROM,
  FRACTION_HASH,
  FRACTION_KEY,
  FRACTION_UNTIL,
  MAX_CANDIDATES,
} from "./context.ts";
import {
  ENDPOINT_IDENTITY_HIGH,
  ENDPOINT_IDENTITY_LOW,
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  PASS_ALL,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_HASH_CELLS,
  POOL_STRICT,
  POOL_WORDS,
} from "./data.ts";
import { finishHash, mixScrambled, mixWord } from "./dice.ts";
import { appendEndpoint, scaleFrom } from "./endpoint.ts";
import {
  CELLS,
  CLASS_COUNT,
  CLASS_FIRST,
  CLASS_LEADING_BIT,
  CLASS_STARTS,
  CLASS_WORDS,
  cellAt,
  cellOf,
  MEMBER_WORDS,
  placeOf,
  SPAN_BITS,
  weightClass,
} from "./hash-cells.ts";
import { noteArrival } from "./rendezvous.ts";
import { isApart } from "./select.ts";
import { ANY_NEIGHBOURS, appendSpread } from "./subnet.ts";

/** ln 2, and as much more as a straight line between two knots may be off: see rendezvous.ts. */
const LN2_UPWARDS = 0.694;
const TWO_32 = 0x1_0000_0000;

/**
 * `select: hash`: the endpoints in the client's rendezvous order, by configured weight times the health row's scale,
 * until `limit` addresses are there; of several, those of different subnets first. What weighs nothing is taken only
 * when nothing else is there, evenly.
 *
 * Of a large pool not all endpoints can be asked for their times. Times are therefore cut into spans, short enough that
 * an endpoint arrives within one in 1 of 93 to 185 cases, and within a span endpoints arrive in the client's order of
 * their cells: whoever walks the cells in that order can stop at the first arrival. A pool of any size has the same
 * times, so that it can grow and shrink. Two endpoints of one cell whose weights have the same leading bit take 0.3% to
 * 0.5% of their shares from each other.
 */
export function selectHash(context: DecideContext, pool: number, pass: number, limit: number): void {
  const { hashSearch: search, policy } = context;
  const base = context.pickedCount;
  const apart = limit - base > 1 && isApart(context, pool);
  search.strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  search.pass = pass;
  search.isScaled = pass !== PASS_ALL;
  search.most = apart ? MAX_CANDIDATES : limit - base;
  search.order = finishHash(context.hashKey) >>> 6;
  search.count = 0;
  findEarliest(context, pool);
  if (search.count === 0) {
    search.isScaled = false;
    askPool(context, pool, true);
  }
  appendSpread(context, search.count, search.strict, pass, base, limit, apart ? 0 : ANY_NEIGHBOURS);
}

function findEarliest(context: DecideContext, pool: number): void {
  const { hashCells, pools } = context.policy;
  const cells = pools[pool * POOL_WORDS + POOL_HASH_CELLS]!;
  if (cells < 0) {
    askPool(context, pool, false);
    return;
  }
  let at = cells + 1;
  for (let left = hashCells[cells]!; left > 0; left--) {
    if (hashCells[at + CLASS_STARTS] === 0) {
      context.fractions[FRACTION_FROM] = 0;
      askClass(context, at);
    } else walkCells(context, at);
    at += CLASS_WORDS;
  }
}

/** Asks every endpoint of a pool. `even`: each weighs the same. */
function askPool(context: DecideContext, pool: number, even: boolean): void {
  const { endpoints, pools } = context.policy;
  const first = pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  context.fractions[FRACTION_FROM] = 0;
  context.fractions[FRACTION_UNTIL] = Number.POSITIVE_INFINITY;
  for (let endpoint = first; endpoint < end; endpoint++) {
    const weight = even ? 1 : endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    if (weight > 0) ask(context, endpoint, weight, hashAt(context, endpoint));
  }
}

/** Asks every endpoint of a class for a time not before FRACTION_FROM. */
function askClass(context: DecideContext, at: number): void {
  const { fractions, hashKey } = context;
  const { endpoints, hashCells } = context.policy;
  const first = hashCells[at + CLASS_FIRST]!;
  const end = first + MEMBER_WORDS * hashCells[at + CLASS_COUNT]!;
  const heaviest = 2 << hashCells[at + CLASS_LEADING_BIT]!;
  fractions[FRACTION_UNTIL] = Number.POSITIVE_INFINITY;
  noteLeastHash(context, heaviest);
  for (let i = first; i < end; i += MEMBER_WORDS) {
    const hash = memberHash(hashCells, i, hashKey);
    if (hash >>> 0 < fractions[FRACTION_HASH]!) continue;
    const endpoint = hashCells[i]!;
    ask(context, endpoint, endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!, hash);
    noteLeastHash(context, heaviest);
  }
}

/**
 * Leaves in FRACTION_HASH what the hash of an endpoint lighter than `heaviest` has to reach to come in time: before
 * FRACTION_UNTIL, and before the last of the candidates where there are enough of them. Nearly all hashes fall short, and
 * need no more than this comparison. An arrival of r is a hash of 2^-r, which is at least 1 - r ln 2.
 */
function noteLeastHash(
  { candidateKeys, fractions, hashSearch: search }: DecideContext,
  heaviest: number,
): void {
  let until = fractions[FRACTION_UNTIL]!;
  if (search.count === search.most && candidateKeys[search.most - 1]! < until)
    until = candidateKeys[search.most - 1]!;
  // Its place may bring an endpoint forward by one span, of which there are this many for half of the weight.
  const latest = until * heaviest + 2 / (1 << SPAN_BITS);
  fractions[FRACTION_HASH] = TWO_32 * (1 - latest * LN2_UPWARDS);
}

/** What client and endpoint determine between them. */
function hashAt(context: DecideContext, endpoint: number): number {
  const { endpoints } = context.policy;
  const high = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_HIGH]!;
  const low = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!;
  return finishHash(mixWord(mixWord(context.hashKey, high), low));
}

/** The same of a member of a class. */
function memberHash(hashCells: Int32Array, at: number, hashKey: number): number {
  return finishHash(mixScrambled(mixScrambled(hashKey, hashCells[at + 1]!), hashCells[at + 2]!));
}

/**
 * Walks the cells of a class in the client's order, span after span, until whoever comes next comes too late. Where most
 * endpoints are down or weigh little, that takes longer than asking each of them, which then finds the rest.
 */
function walkCells(context: DecideContext, at: number): void {
  const { candidateKeys, fractions, hashKey, hashSearch: search, policy } = context;
  const { endpoints, hashCells } = policy;
  const first = hashCells[at + CLASS_FIRST]!;
  const starts = hashCells[at + CLASS_STARTS]!;
  const spans = 1 << (SPAN_BITS + hashCells[at + CLASS_LEADING_BIT]!);
  const heaviest = 2 << hashCells[at + CLASS_LEADING_BIT]!;
  let left = 4 * hashCells[at + CLASS_COUNT]!;
  for (let span = 0; ; span++) {
    fractions[FRACTION_FROM] = span / spans;
    fractions[FRACTION_UNTIL] = (span + 1) / spans;
    noteLeastHash(context, heaviest);
    for (let place = 0; place < CELLS; place++) {
      const time = (span + place / CELLS) / spans;
      if (search.count === search.most && time >= candidateKeys[search.most - 1]!) return;
      if (left-- === 0) {
        fractions[FRACTION_FROM] = time;
        askClass(context, at);
        return;
      }
      const cell = cellAt(place, search.order);
      const end = first + MEMBER_WORDS * hashCells[starts + cell + 1]!;
      for (let i = first + MEMBER_WORDS * hashCells[starts + cell]!; i < end; i += MEMBER_WORDS) {
        const hash = memberHash(hashCells, i, hashKey);
        if (hash >>> 0 < fractions[FRACTION_HASH]!) continue;
        const endpoint = hashCells[i]!;
        ask(context, endpoint, endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!, hash);
      }
    }
  }
}

/** Makes an endpoint a candidate when it is up, and its time lies from FRACTION_FROM on and before FRACTION_UNTIL. */
function ask(context: DecideContext, endpoint: number, weight: number, hash: number): void {
  const { candidateKeys, fractions, hashSearch: search } = context;
  const { endpoints } = context.policy;
  const low = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!;
  const until = fractions[FRACTION_UNTIL]!;
  noteArrival(fractions, hash);
  const spans = 1 << (SPAN_BITS + weightClass(weight));
  const place = placeOf(cellOf(low), search.order);
  const arrival = (fractions[FRACTION_ARRIVAL]! / weight) * spans;
  // In spans: the place of the cell stands for the part of a span. Within a cell the earlier stays earlier.
  let span = Math.floor(arrival);
  let time = (span + (place + arrival - span) / CELLS) / spans;
  if (time >= until || (search.count === search.most && time >= candidateKeys[search.most - 1]!)) return;
  const base = context.pickedCount;
  if (appendEndpoint(context, endpoint, search.strict, search.pass, MAX_CANDIDATES) === 0) return;
  const scale = search.isScaled ? scaleFrom(context, base) : SCALE_ONE;
  context.pickedCount = base;
  if (scale === 0) return;
  if (scale < SCALE_ONE) {
    const later = (arrival * SCALE_ONE) / scale;
    span = Math.floor(later);
    time = (span + (place + later - span) / CELLS) / spans;
  }
  if (time < fractions[FRACTION_FROM]! || time >= until) return;
  fractions[FRACTION_KEY] = time;
  search.count = keepLeast(context, endpoint, search.count, search.most);
}
