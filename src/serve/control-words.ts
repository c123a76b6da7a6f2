import { CRASH_HANG, CRASH_MEMORY, CRASH_THROW, WORD_CRASH, WORD_HEARTBEAT, WORD_STOP } from "./blocks.ts";

/** One heartbeat. Returns whether the worker is to stop; dies when a test wants to see it die. */
export function readWords(words: Int32Array): boolean {
  Atomics.add(words, WORD_HEARTBEAT, 1);
  const crash = Atomics.exchange(words, WORD_CRASH, 0);
  if (crash === CRASH_THROW) throw new Error("told to crash by the crash word");
  if (crash === CRASH_HANG) hang(words);
  if (crash === CRASH_MEMORY) takeAllMemory();
  return Atomics.load(words, WORD_STOP) !== 0;
}

/** Stuck as a loop without end is: only ending the thread helps. */
function hang(words: Int32Array): void {
  while (Atomics.load(words, WORD_CRASH) !== -1);
}

/** Objects, since the limit of a worker's memory counts no others. */
function takeAllMemory(): void {
  for (let held: unknown = null; ; ) held = [held, [], [], []];
}
