import { ENDPOINT_IDENTITY_HIGH, ENDPOINT_IDENTITY_LOW, ENDPOINT_WEIGHT, ENDPOINT_WORDS } from "./data.ts";
import { scrambleWord } from "./dice.ts";

/**
 * What lets `select: hash` find the earliest endpoint of a large pool without asking all of them, see select-hash.ts.
 * Every endpoint lies in one of CELLS cells, which its identity names; every client has an order of its own for the
 * cells. Endpoints whose weights have the same leading bit are a class.
 */
export const CELLS = 8192;
const CELL_MASK = CELLS - 1;
/** Halves of a cell's 13 bits overlap by one, so that folding one onto the other undoes itself. */
const FOLD = 7;
/** Odd factors and their inverses modulo CELLS. */
const FACTOR = 0x1b35;
const FACTOR_INVERSE = 0x1f1d;
const OTHER_FACTOR = 0x0d4d;
const OTHER_INVERSE = 0x1385;

/** The cell of a place in a client's order. `order`: 26 bits that only the client determines. */
export function cellAt(place: number, order: number): number {
  let cell = Math.imul(place + order, FACTOR) & CELL_MASK;
  cell ^= cell >>> FOLD;
  cell = Math.imul(cell + (order >>> 13), OTHER_FACTOR) & CELL_MASK;
  return cell ^ (cell >>> FOLD);
}

/** The place of a cell in a client's order: undoes cellAt. */
export function placeOf(cell: number, order: number): number {
  let place = cell ^ (cell >>> FOLD);
  place = (Math.imul(place, OTHER_INVERSE) - (order >>> 13)) & CELL_MASK;
  place ^= place >>> FOLD;
  return (Math.imul(place, FACTOR_INVERSE) - order) & CELL_MASK;
}

/** The cell of an endpoint: bits of its identity. */
export function cellOf(identityLow: number): number {
  return identityLow & CELL_MASK;
}

/** Leading bit of a weight above 0: 0 to 15. */
export function weightClass(weight: number): number {
  return 31 - Math.clz32(weight);
}

/** Smaller pools are looked at one by one, in the order of the list. */
const FEWEST_FOR_CLASSES = 32;
/** Small classes are looked at one by one, which takes less than cells do. */
const FEWEST_OF_CLASS = 512;
/** What walking cells takes beside its steps, and how much longer a step is than a look at an endpoint. */
const WALK_LOOKS = 500;
const STEP_LOOKS = 2;

/**
 * True when a walk of the cells is shorter than a look at each endpoint: the first of them arrives after 1 / (ln 2 times
 * the sum of the weights), and until then each class has as many cells as it has in a unit of time.
 */
function isWorthCells(total: number, count: number, bits: readonly number[]): boolean {
  const perUnit = bits.reduce((sum, bit) => sum + CELLS * 2 ** (SPAN_BITS + bit), 0);
  return WALK_LOOKS + (STEP_LOOKS * perUnit) / (Math.LN2 * total) < count;
}

/** Spans in a unit of time, for endpoints of weight 1: with heavier classes there are as much more. */
export const SPAN_BITS = 7;

/** At a pool's offset the number of its classes, then these words for each, the heaviest first. */
export const CLASS_WORDS = 4;
export const CLASS_LEADING_BIT = 0;
/** Its endpoints by growing cell: offset of the first, MEMBER_WORDS for each, and how many. */
export const CLASS_FIRST = 1;
export const CLASS_COUNT = 2;
/** Offset of CELLS + 1 words, where in that run each cell begins; 0: the class has no cells. */
export const CLASS_STARTS = 3;

/** An index into PolicyData.endpoints, and the two words of its identity, scrambled as a hash wants them. */
export const MEMBER_WORDS = 3;

/** Appends the cells of a pool to `words` and returns their offset, or -1: the pool is small. */
export function appendHashCells(
  words: number[],
  endpoints: readonly number[],
  first: number,
  count: number,
): number {
  if (count < FEWEST_FOR_CLASSES) return -1;
  const classes: number[][] = Array.from({ length: 16 }, () => []);
  let total = 0;
  for (let endpoint = first; endpoint < first + count; endpoint++) {
    const weight = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    total += weight;
    if (weight > 0) classes[weightClass(weight)]!.push(endpoint);
  }
  const cell = (endpoint: number) => cellOf(endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!);
  const used = classes.map((members, bit) => ({ members, bit })).filter(({ members }) => members.length > 0);
  const bits = used.filter(({ members }) => members.length >= FEWEST_OF_CLASS).map(({ bit }) => bit);
  const hasCells = isWorthCells(total, count, bits);
  const offset = words.length;
  words.push(used.length);
  for (let i = 0; i < used.length * CLASS_WORDS; i++) words.push(0);
  for (const [index, { members, bit }] of used.reverse().entries()) {
    members.sort((a, b) => cell(a) - cell(b));
    const at = offset + 1 + index * CLASS_WORDS;
    words[at + CLASS_LEADING_BIT] = bit;
    words[at + CLASS_FIRST] = words.length;
    words[at + CLASS_COUNT] = members.length;
    for (const endpoint of members) {
      const high = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_HIGH]!;
      const low = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!;
      words.push(endpoint, scrambleWord(high), scrambleWord(low));
    }
    if (!hasCells || members.length < FEWEST_OF_CLASS) continue;
    words[at + CLASS_STARTS] = words.length;
    for (let wanted = 0, member = 0; wanted <= CELLS; wanted++) {
      while (member < members.length && cell(members[member]!) < wanted) member++;
      words.push(member);
    }
  }
  return offset;
}
