import { parentPort, workerData } from "node:worker_threads";
import type { World } from "../support/policy.ts";
import { type RandomWorld, randomWorld } from "./random-world.ts";

/**
 * What scripts/mutate.mjs --doubt bundles and runs in worker threads, beside mutants.ts: random worlds, asked with each
 * mutant that is said to change no answer, and without it.
 */

/** `claim`: what the mutant is said to leave alone: every answer; "dice": how often each comes; "shares": how often each address comes. */
export interface Suspect {
  id: number;
  claim: "" | "dice" | "shares";
}

const { suspects, count } = workerData as { suspects: Suspect[]; count: number };

/** As in mutants.ts. */
const PATIENCE = 20;
/** Of the mutants that throw other dice in a world, how many are looked at: those that have been looked at least. */
const MOST_WITH_DICE = 2;
/** Asks that raise a suspicion beyond this many standard deviations, and those that confirm it. */
const FEW = 200;
const MANY = 4_000;
const SUSPICIOUS = 4;
const CERTAIN = 6;

const reached = new Uint8Array(count);
const looked = new Map<number, number>();
let alive = -1;
let asked = 0;
let most = Number.POSITIVE_INFINITY;

(globalThis as { mutation?: (id: number) => boolean }).mutation = (id) => {
  reached[id] = 1;
  if (++asked > most) throw new Error("endless");
  return id === alive;
};

function withMutant<T>(id: number, run: () => T): T {
  alive = id;
  asked = 0;
  try {
    return run();
  } finally {
    alive = -1;
  }
}

/** What each suspect changes in one world, as text. */
function doubt(seed: number): { id: number; what: string }[] {
  most = Number.POSITIVE_INFINITY;
  asked = 0;
  const random = randomWorld(seed);
  reached.fill(0);
  const world = random.build();
  const built = reached.slice();
  const told = random.play(world);
  most = PATIENCE * asked;
  const reachedHere = reached.slice();
  const found: { id: number; what: string }[] = [];
  const throwing: (Suspect & { other: World })[] = [];
  for (const suspect of suspects) {
    const { id, claim } = suspect;
    if (reachedHere[id] === 0) continue;
    try {
      const other = withMutant(id, () => (built[id] === 0 ? world : random.build()));
      const heard = withMutant(id, () => random.play(other));
      const at = told.findIndex((line, i) => line !== heard[i]);
      if (at < 0) continue;
      if (claim === "") found.push({ id, what: `${told[at]} became ${heard[at]}` });
      else throwing.push({ ...suspect, other });
    } catch (error) {
      found.push({ id, what: (error as Error).message });
    }
  }
  throwing.sort((a, b) => (looked.get(a.id) ?? 0) - (looked.get(b.id) ?? 0));
  for (const suspect of throwing.slice(0, MOST_WITH_DICE)) {
    looked.set(suspect.id, (looked.get(suspect.id) ?? 0) + 1);
    const what = compareShares(random, world, suspect);
    if (what !== null) found.push({ id: suspect.id, what });
  }
  return found;
}

/** What a mutant that throws other dice does to the shares of answers; null: nothing. */
function compareShares(
  random: RandomWorld,
  world: World,
  suspect: Suspect & { other: World },
): string | null {
  for (let round = 0; round < random.rounds; round++) {
    if (deviation(random, world, suspect, round, FEW).worst < SUSPICIOUS) continue;
    const { worst, what } = deviation(random, world, suspect, round, MANY);
    if (worst > CERTAIN) return `round ${round}: ${what}: ${worst.toFixed(1)} standard deviations`;
  }
  return null;
}

type Histogram = Map<string, number>;

/** How far apart the shares of a round's answers are, where they are furthest. */
function deviation(
  random: RandomWorld,
  world: World,
  { id, claim, other }: Suspect & { other: World },
  round: number,
  times: number,
): { worst: number; what: string } {
  most = Number.POSITIVE_INFINITY;
  const these = histograms(random, world, claim, round, times, 1_000_001);
  const those = withMutant(id, () => histograms(random, other, claim, round, times, 2_000_002));
  let found = { worst: 0, what: "" };
  for (const [name, one] of these) {
    const worst = standardDeviations(one, those.get(name) ?? new Map());
    if (worst > found.worst) found = { worst, what: `${name} ${told(one)} became ${told(those.get(name)!)}` };
  }
  return found;
}

const told = (histogram: Histogram): string =>
  [...histogram]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 6)
    .map(([key, n]) => `${n} ${key}`)
    .join(", ");

/** Answers as they are told apart, few enough to count: whole ones, and which address is the first; or any one of them. */
function histograms(
  random: RandomWorld,
  world: World,
  claim: Suspect["claim"],
  round: number,
  times: number,
  die: number,
): Map<string, Histogram> {
  const all = new Map<string, Histogram>();
  const add = (name: string, key: string): void => {
    const histogram = all.get(name) ?? new Map<string, number>();
    all.set(name, histogram);
    histogram.set(key, (histogram.get(key) ?? 0) + 1);
  };
  let n = 0;
  random.repeat(world, round, times, die, (question, decision, addresses) => {
    if (claim === "shares") {
      add(`question ${question}`, `${decision} ${addresses[n++ % addresses.length]}`);
      return;
    }
    add(`question ${question}, first`, `${decision} ${addresses[0]}`);
    const whole = [...addresses].sort().join();
    add(`question ${question}, whole`, whole.length < 32 ? whole : String(hashText(whole) & 63));
  });
  return all;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}

/** Of two samples of the same size: the chi-square of homogeneity as a standard normal deviate (Wilson and Hilferty, 1931). */
function standardDeviations(one: Histogram, other: Histogram): number {
  let statistic = 0;
  let bins = 0;
  let [restOne, restOther] = [0, 0];
  const add = (a: number, b: number): void => {
    if (a + b === 0) return;
    statistic += (a - b) ** 2 / (a + b);
    bins++;
  };
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(key) ?? 0, other.get(key) ?? 0];
    if (a + b >= 20) add(a, b);
    else [restOne, restOther] = [restOne + a, restOther + b];
  }
  add(restOne, restOther);
  if (bins < 2) return 0;
  const spread = 2 / (9 * (bins - 1));
  return (Math.cbrt(statistic / (bins - 1)) - 1 + spread) / Math.sqrt(spread);
}

parentPort!.on("message", (seed: number) => parentPort!.postMessage({ seed, found: doubt(seed) }));
parentPort!.postMessage({ ready: true });
