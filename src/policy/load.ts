import type { DecideContext } from "./context.ts";
import { PARTS_BITS, PARTS_MASK } from "./data.ts";

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
const FIGURE_WEIGHT = 3;

/** Costs that are at most a tenth above the least are as good: probes and reports are no more precise than that. */
const TOLERANCE = 0.1;
const TOLERANCE_LOG = Math.log(1 + TOLERANCE);
/** Nor are response times that differ by less than a millisecond, in microseconds. */
const TOLERANCE_US = 1000;
/** Each percent of errors counts as much as all of the work that succeeds. */
const ERROR_STEPS = 100 / 65_536;

/**
 * Notes the figures of candidate number `place`; each is -1 where there is none. Connections count per weight. The parts
 * of `adaptive` are logarithms: their sum is that of a product, in which no unit has to be weighed against another.
 */
export function noteFigures(
  context: DecideContext,
  place: number,
  measure: Measure,
  weight: number,
  figure: number,
  p99Us: number,
  errors: number,
): void {
  const { figures } = context;
  const at = place * FIGURE_WORDS;
  figures[at + FIGURE_WEIGHT] = weight;
  if (measure === MEASURE_ADAPTIVE) {
    figures[at] = figure < 0 ? Number.NaN : Math.log((figure + 1) / weight);
    figures[at + 1] = p99Us < 0 ? Number.NaN : Math.log(p99Us + TOLERANCE_US);
    figures[at + 2] = errors < 0 ? Number.NaN : Math.log(1 + errors * ERROR_STEPS);
    return;
  }
  figures[at] = figure < 0 ? Number.NaN : measure === MEASURE_CONNECTIONS ? figure / weight : figure;
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
    if (share > greatest) greatest = share;
    const mean = share === 0 ? Number.NaN : meanOf(context, count, part);
    // Nobody has the figure: it tells no one from the others.
    if (Number.isNaN(mean)) continue;
    for (let place = 0; place < count; place++) {
      const figure = figures[place * FIGURE_WORDS + part]!;
      candidateKeys[place]! += share * (Number.isNaN(figure) ? mean : figure);
    }
  }
  // What counts most counts as it is: a tenth more of it alone is a tenth more.
  if (greatest > 1) for (let place = 0; place < count; place++) candidateKeys[place]! /= greatest;
}

/** NaN: none of the candidates has the figure. */
function meanOf({ figures }: DecideContext, count: number, part: number): number {
  let sum = 0;
  let known = 0;
  for (let place = 0; place < count; place++) {
    const figure = figures[place * FIGURE_WORDS + part]!;
    if (Number.isNaN(figure)) continue;
    sum += figure;
    known++;
  }
  return sum / known;
}

/** Sum of the weights of the candidates from `from` up to `count` that are as good as the best of them. */
export function tiedWeight(context: DecideContext, from: number, count: number, measure: Measure): number {
  const { candidateKeys, figures } = context;
  const best = leastCost(candidateKeys, from, count);
  let total = 0;
  for (let place = from; place < count; place++) {
    const weight = figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
    if (candidateKeys[place]! <= limitOf(measure, best, weight)) total += weight;
  }
  return total;
}

/** The place of the tied candidate in whose share of tiedWeight `roll` falls. */
export function tiedPlace(
  context: DecideContext,
  from: number,
  count: number,
  measure: Measure,
  roll: number,
): number {
  const { candidateKeys, figures } = context;
  const best = leastCost(candidateKeys, from, count);
  let left = roll;
  for (let place = from; place < count; place++) {
    const weight = figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
    if (candidateKeys[place]! > limitOf(measure, best, weight)) continue;
    left -= weight;
    if (left < 0) return place;
  }
  return from;
}

function leastCost(costs: Float64Array, from: number, count: number): number {
  let best = costs[from]!;
  for (let place = from + 1; place < count; place++) if (costs[place]! < best) best = costs[place]!;
  return best;
}

/** The highest cost that is as good as the best, for a candidate of this weight: one connection makes no difference. */
function limitOf(measure: Measure, best: number, weight: number): number {
  if (measure === MEASURE_ADAPTIVE) return best + TOLERANCE_LOG;
  const least =
    measure === MEASURE_RESPONSE_TIME ? TOLERANCE_US : measure === MEASURE_CONNECTIONS ? 1 / weight : 0;
  const tenth = best * TOLERANCE;
  return best + (tenth > least ? tenth : least);
}
