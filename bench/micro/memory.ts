import { alignColumns, format, publish } from "../support/report.ts";
import { type TimedCase, timeInterleaved } from "../support/timing.ts";

/**
 * What a read of a word costs whose address depends on the word read before, over memory of several sizes: the floor
 * under every lookup in large tables. The words are one cycle through all of them in random order (Sattolo's algorithm).
 */
const SIZES_MB = [0.03, 1, 8, 64, 512];
const WORD_OCTETS = 4;

function randomCycle(words: number): Int32Array {
  const next = new Int32Array(new SharedArrayBuffer(words * WORD_OCTETS));
  for (let i = 0; i < words; i++) next[i] = i;
  for (let i = words - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * i);
    const word = next[i]!;
    next[i] = next[other]!;
    next[other] = word;
  }
  return next;
}

function walkOf(sizeMb: number): TimedCase {
  const next = randomCycle(Math.floor((sizeMb * 2 ** 20) / WORD_OCTETS));
  let at = 0;
  return {
    name: `${sizeMb} MB`,
    run: (calls) => {
      for (let call = 0; call < calls; call++) at = next[at]!;
    },
  };
}

const timings = timeInterleaved(SIZES_MB.map(walkOf), { calls: 1_000_000, rounds: 9 });
const rows = timings.map(({ name, medianNs, leastNs, mostNs }) => [
  name,
  format(medianNs),
  format(leastNs),
  format(mostNs),
]);
publish("micro-memory", alignColumns([["ns per dependent read", "median", "least", "most"], ...rows]), [], {
  timings,
});
