import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY } from "./context.ts";
import { PARTS_BITS, PARTS_MASK } from "./data.ts";
import { addLog2 } from "./rendezvous.ts";

/**
 * What nodes and pools that go by load have in common: candidates get figures, figures become a cost, and the least cost
 * wins. Whoever has no figure is taken for the mean of those that have one, so that a new endpoint is neither flooded
 * nor starved.
 */

export const MEASURE_RESPONSE_TIME = 0;
export const MEASURE_CONNECTIONS = 1;
export const MEASURE_LOAD = 2;
export const MEASURE_ADAPTIVE = 3;

export type Measure =
  | typeof MEASURE_RESPONSE_TIME
  | typeof MEASURE_CONNECTIONS
  | typeof MEASURE_LOAD
  | typeof MEASURE_ADAPTIVE;

/** Words of `context.figures` for a candidate: up to three figures, and its weight. */
export const FIGURE_WORDS = 4;
const PARTS = 3;
export const FIGURE_WEIGHT = 3;
/** Where ties are told, a figure is not needed any more: the weight of a candidate that is as good as the best, else 0. */
export const FIGURE_TIED = 0;

/** Costs that are at most a tenth above the least are as good: probes and reports are no more precise than that. */
const TOLERANCE = 0.1;
const TOLERANCE_LOG = Math.log2(1 + TOLERANCE);
/** Nor are response times that differ by less than a millisecond, in microseconds. */
const TOLERANCE_US = 1000;
/** Each percent of errors counts as much as all of the work that succeeds; reports say them in parts of 65,536. */
const ERROR_STEPS = 100;
const ERRORS_ONE = 65_536;

/**
 * Notes the figures of candidate number `place`, whose weight stands there already; each is -1 where there is none.
 * `figure` is the sum of what `reporting` reported. Connections count per weight. The parts of `adaptive` are logarithms: their sum is that of a product, in which no unit has to be weighed against another.
 */
export function noteFigures(
  context: DecideContext,
  place: number,
  measure: Measure,
  figure: number,
  reporting: number,
  p99Us: number,
  errors: number,
): void {
  const { figures } = context;
  const at = place * FIGURE_WORDS;
  const weight = figures[at + FIGURE_WEIGHT]!;
  for (let part = 0; part < PARTS; part++) figures[at + part] = Number.NaN;
  if (measure !== MEASURE_ADAPTIVE) {
    if (figure < 0) return;
    figures[at] = figure;
    if (measure === MEASURE_CONNECTIONS) figures[at]! /= reporting * weight;
    return;
  }
  if (figure >= 0) {
    figures[at] = 0;
    addLog2(figures, at, figure + reporting, 1);
    addLog2(figures, at, reporting, -1);
    addLog2(figures, at, weight, -1);
  }
  if (p99Us >= 0) {
    figures[at + 1] = 0;
    addLog2(figures, at + 1, p99Us + TOLERANCE_US, 1);
  }
  if (errors >= 0) {
    figures[at + 2] = 0;
    addLog2(figures, at + 2, ERRORS_ONE + errors * ERROR_STEPS, 1);
  }
}

/** Turns the figures of the first `count` candidates into costs in `context.candidateKeys`; `parts`: as NODE_PARTS. */
export function priceCandidates(
  context: DecideContext,
  count: number,
  measure: Measure,
  parts: number,
): void {
  const { candidateKeys, figures } = context;
  const adaptive = measure === MEASURE_ADAPTIVE;
  candidateKeys.fill(0, 0, count);
  let greatest = 0;
  for (let part = 0; part < (adaptive ? PARTS : 1); part++) {
    const share = adaptive ? (parts >> (part * PARTS_BITS)) & PARTS_MASK : 1;
    if (share === 0) continue;
    if (share > greatest) greatest = share;
    let sum = 0;
    let known = 0;
    for (let place = 0; place < count; place++) {
      const figure = figures[place * FIGURE_WORDS + part]!;
      if (Number.isNaN(figure)) continue;
      sum += figure;
      known++;
    }
    // Nobody has the figure: it tells no one from the others.
    if (known === 0) continue;
    const mean = sum / known;
    for (let place = 0; place < count; place++) {
      const figure = figures[place * FIGURE_WORDS + part]!;
      candidateKeys[place]! += share * (Number.isNaN(figure) ? mean : figure);
    }
  }
  // What counts most counts as it is: a tenth more of it alone is a tenth more.
  if (greatest > 1) for (let place = 0; place < count; place++) candidateKeys[place]! /= greatest;
}

/**
 * Finds out which of the candidates from `from` up to `count` are as good as the best of them; tiedPlace then draws among
 * them. Returns the sum of their weights, a whole number.
 */
export function tiedWeight(context: DecideContext, from: number, count: number, measure: Measure): number {
  const { candidateKeys, figures } = context;
  let best = candidateKeys[from]!;
  for (let place = from + 1; place < count; place++)
    if (candidateKeys[place]! < best) best = candidateKeys[place]!;
  const tenth = measure === MEASURE_ADAPTIVE ? TOLERANCE_LOG : best * TOLERANCE;
  let total = 0;
  for (let place = from; place < count; place++) {
    const at = place * FIGURE_WORDS;
    const weight = figures[at + FIGURE_WEIGHT]!;
    // One connection makes no difference.
    const least =
      measure === MEASURE_RESPONSE_TIME ? TOLERANCE_US : measure === MEASURE_CONNECTIONS ? 1 / weight : 0;
    const isTied = candidateKeys[place]! <= best + (tenth > least ? tenth : least);
    figures[at + FIGURE_TIED] = isTied ? weight : 0;
    if (isTied) total += weight;
  }
  return total;
}

/**
 * Leaves in FRACTION_KEY when the candidate's turn comes where all are put in one order at once: its cost, and as much
 * later as FRACTION_ARRIVAL says in tolerances, so that what costs the same comes in proportion to weight.
 */
export function noteLateness(context: DecideContext, place: number, measure: Measure): void {
  const { candidateKeys, figures, fractions } = context;
  const cost = candidateKeys[place]!;
  const weight = figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
  const tenth = measure === MEASURE_ADAPTIVE ? TOLERANCE_LOG : cost * TOLERANCE;
  const least = measure === MEASURE_RESPONSE_TIME ? TOLERANCE_US : 1;
  const tolerance = measure === MEASURE_ADAPTIVE || tenth > least ? tenth : least;
  fractions[FRACTION_KEY] = cost + (tolerance * fractions[FRACTION_ARRIVAL]!) / weight;
}

/** By how much noteLateness puts off what costs so much, for each unit of its arrival; for explain. */
export function lateness(cost: number, measure: Measure): number {
  if (measure === MEASURE_ADAPTIVE) return TOLERANCE_LOG;
  return Math.max(cost * TOLERANCE, measure === MEASURE_RESPONSE_TIME ? TOLERANCE_US : 1);
}

/** The place of the tied candidate in whose share of tiedWeight `roll` falls. */
export function tiedPlace({ figures }: DecideContext, from: number, count: number, roll: number): number {
  let left = roll;
  for (let place = from; place < count; place++) {
    left -= figures[place * FIGURE_WORDS + FIGURE_TIED]!;
    if (left < 0) return place;
  }
  return from;
}
