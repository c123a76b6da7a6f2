/**
 * A hashed timer wheel: any number of timers under one real one, each an integer of the caller's choosing. Adding and
 * removing cost a few word writes and allocate nothing. Timers fire in the tick after their moment, in no order within
 * a tick.
 */
export interface Wheel {
  /** Arms timer `id` for `atMs`, in place of an earlier moment. */
  add(id: number, atMs: number): void;
  /** Disarms timer `id`; nothing happens when it is not armed. */
  remove(id: number): void;
  /** Fires every timer whose moment has come. `fire` may add and remove. */
  advance(nowMs: number, fire: (id: number) => void): void;
}

/** One revolution is 4,096 ticks; longer timers pass by until their revolution has come. */
const SLOTS = 4_096;
const NONE = -1;
/** Slot of a timer that is due and about to be fired. */
const DUE = -2;

/** A wheel that stands at `startMs`. Timer ids are small non-negative integers: storage grows to the largest one. */
export function createWheel(tickMs: number, startMs: number): Wheel {
  const heads = new Int32Array(SLOTS).fill(NONE);
  let next = new Int32Array(0);
  let previous = new Int32Array(0);
  let slotOf = new Int32Array(0);
  let tickOf = new Float64Array(0);
  let currentTick = Math.floor(startMs / tickMs);
  let due: number[] = [];

  function grow(id: number): void {
    const size = Math.max(1_024, id + 1, next.length * 2);
    next = extended(next, size);
    previous = extended(previous, size);
    slotOf = extended(slotOf, size);
    const ticks = new Float64Array(size);
    ticks.set(tickOf);
    tickOf = ticks;
  }

  function unlink(id: number): void {
    const slot = slotOf[id]!;
    slotOf[id] = NONE;
    if (slot < 0) return;
    const after = next[id]!;
    const before = previous[id]!;
    if (before === NONE) heads[slot] = after;
    else next[before] = after;
    if (after !== NONE) previous[after] = before;
  }

  function add(id: number, atMs: number): void {
    if (id >= next.length) grow(id);
    unlink(id);
    const tick = Math.max(currentTick + 1, Math.ceil(atMs / tickMs));
    const slot = tick % SLOTS;
    const head = heads[slot]!;
    tickOf[id] = tick;
    slotOf[id] = slot;
    next[id] = head;
    previous[id] = NONE;
    if (head !== NONE) previous[head] = id;
    heads[slot] = id;
  }

  function collect(slot: number, nowTick: number): void {
    let id = heads[slot]!;
    while (id !== NONE) {
      const after = next[id]!;
      if (tickOf[id]! <= nowTick) {
        unlink(id);
        slotOf[id] = DUE;
        due.push(id);
      }
      id = after;
    }
  }

  return {
    add,
    remove(id) {
      if (id < next.length) unlink(id);
    },
    advance(nowMs, fire) {
      const nowTick = Math.floor(nowMs / tickMs);
      if (nowTick <= currentTick) return;
      // After a stall of more than a revolution every slot is looked at once.
      const first = Math.max(currentTick + 1, nowTick - SLOTS + 1);
      for (let tick = first; tick <= nowTick; tick++) collect(tick % SLOTS, nowTick);
      currentTick = nowTick;
      const firing = due;
      due = [];
      for (const id of firing) {
        if (slotOf[id] !== DUE) continue;
        slotOf[id] = NONE;
        fire(id);
      }
    },
  };
}

function extended(words: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size).fill(NONE);
  larger.set(words);
  return larger;
}
