/**
 * A step function over an address space: sorted runs, each holding one value from its start to the next run's start.
 * The first run starts at the lowest address; neighbours hold different values.
 */
export interface Steps {
  /** 32-bit words an address: 1 for IPv4, 4 for IPv6, most significant first. */
  words: 1 | 4;
  count: number;
  /** `words` words a run. */
  starts: Uint32Array;
  values: Int32Array;
}

/** Steps under construction: runs are appended in address order, and equal neighbours become one run. */
export interface StepsDraft extends Steps {
  /** Address of the next run; whoever appends sets it. */
  cursor: Uint32Array;
}

export function draftSteps(words: 1 | 4, capacity = 64): StepsDraft {
  return {
    words,
    count: 0,
    starts: new Uint32Array(capacity * words),
    values: new Int32Array(capacity),
    cursor: new Uint32Array(words),
  };
}

/** Appends a run that starts at `draft.cursor`; a second run at the same address replaces the first. */
export function appendStep(draft: StepsDraft, value: number): void {
  const { words, cursor } = draft;
  if (draft.count > 0 && compareWords(draft.starts, (draft.count - 1) * words, cursor, 0, words) === 0) {
    draft.count--;
  }
  if (draft.count > 0 && draft.values[draft.count - 1] === value) return;
  if (draft.count === draft.values.length) growDraft(draft);
  for (let word = 0; word < words; word++) draft.starts[draft.count * words + word] = cursor[word]!;
  draft.values[draft.count++] = value;
}

function growDraft(draft: StepsDraft): void {
  const starts = new Uint32Array(draft.starts.length * 2);
  const values = new Int32Array(draft.values.length * 2);
  starts.set(draft.starts);
  values.set(draft.values);
  draft.starts = starts;
  draft.values = values;
}

/** Gives back what a draft holds in reserve, where that is more than half. */
export function finishSteps({ words, count, starts, values }: Steps): Steps {
  if (count > values.length / 2)
    return { words, count, starts: starts.subarray(0, count * words), values: values.subarray(0, count) };
  return { words, count, starts: starts.slice(0, count * words), values: values.slice(0, count) };
}

/** One value for every address. */
export function constantSteps(words: 1 | 4, value: number): Steps {
  return { words, count: 1, starts: new Uint32Array(words), values: Int32Array.of(value) };
}

/** Maps every value through `table`, which it indexes; runs that become equal are merged. */
export function mapSteps(steps: Steps, table: Int32Array): Steps {
  const { words } = steps;
  let count = 0;
  let last = Number.NaN;
  for (let run = 0; run < steps.count; run++) {
    const value = table[steps.values[run]!]!;
    if (value !== last) count++;
    last = value;
  }
  const starts = new Uint32Array(count * words);
  const values = new Int32Array(count);
  let at = 0;
  for (let run = 0; at < count; run++) {
    const value = table[steps.values[run]!]!;
    if (at > 0 && value === values[at - 1]) continue;
    for (let word = 0; word < words; word++) starts[at * words + word] = steps.starts[run * words + word]!;
    values[at++] = value;
  }
  return { words, count, starts, values };
}

/** Appends runs `from` to `to` of other steps as they are; the first one's value differs from the last one's here. */
export function appendRuns(draft: StepsDraft, steps: Steps, from: number, to: number): void {
  const { words } = draft;
  while (draft.count + to - from > draft.values.length) growDraft(draft);
  draft.starts.set(steps.starts.subarray(from * words, to * words), draft.count * words);
  draft.values.set(steps.values.subarray(from, to), draft.count);
  draft.count += to - from;
}

/** Sets the cursor to the start of a run. */
export function setCursorTo(draft: StepsDraft, steps: Steps, run: number): void {
  for (let word = 0; word < draft.words; word++) draft.cursor[word] = steps.starts[run * draft.words + word]!;
}

/** Lays two step functions over each other: each address gets `join` of the values that both give it. */
export function joinSteps(a: Steps, b: Steps, join: (a: number, b: number) => number): Steps {
  const draft = draftSteps(a.words, a.count + b.count);
  const words = a.words;
  let left = 0;
  let right = 0;
  appendStep(draft, join(a.values[0]!, b.values[0]!));
  while (left + 1 < a.count || right + 1 < b.count) {
    let order = left + 1 < a.count ? -1 : 1;
    if (left + 1 < a.count && right + 1 < b.count) {
      order = compareWords(a.starts, (left + 1) * words, b.starts, (right + 1) * words, words);
    }
    if (order <= 0) left++;
    if (order >= 0) right++;
    if (order <= 0) setCursorTo(draft, a, left);
    else setCursorTo(draft, b, right);
    appendStep(draft, join(a.values[left]!, b.values[right]!));
  }
  return finishSteps(draft);
}

/** Index of the run that holds an address of `words` words. */
export function findStep(steps: Steps, address: Uint32Array): number {
  let low = 0;
  let high = steps.count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (compareWords(steps.starts, middle * steps.words, address, 0, steps.words) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Negative, zero or positive as the address at `atA` is below, equal to or above the one at `atB`. */
export function compareWords(
  a: Uint32Array,
  atA: number,
  b: Uint32Array,
  atB: number,
  words: number,
): number {
  for (let word = 0; word < words; word++) {
    const difference = a[atA + word]! - b[atB + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
