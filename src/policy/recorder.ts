import { DECIDED_NOTHING } from "../wire/answer.ts";
import { PASS_NORMAL } from "./data.ts";
import type { Trace } from "./trace.ts";

/** One walk of one node, in the numbers of PolicyData. */
export interface Visit {
  node: number;
  /** PASS_*. */
  pass: number;
  /** DECIDED_*; DECIDED_NOTHING: the node failed. */
  decision: number;
  /** Alternatives in the order in which they were tried. */
  tries: Try[];
  /** It had failed before, and was not walked again. */
  isRepeated: boolean;
  /** Entries that leave this client alone for now. */
  leftOut: number[];
  /** Walks of the same node that failed before this one, in earlier passes. */
  earlier: Visit[];
}

export interface Try {
  entry: number;
  draw: { roll: number; total: number } | null;
  /** The entry that this one was compared with by `p2c`; -1: none. */
  outdone: number;
  visit: Visit | null;
}

export interface TableReading {
  table: number;
  classOffset: number;
  tileBits: number;
  /** ORIGIN_*. */
  origin: number;
}

/** What one decision looked at. */
export interface Recording {
  tables: TableReading[];
  /** The last walk of the root. */
  root: Visit | null;
  lastResort: { node: number; kind: number } | null;
  /** Everything with a horizon, in the order of reading: a latched node, a pool, or an address of the answer; the others are -1. */
  horizons: { node: number; pool: number; address: number; horizonMs: number }[];
  picked: number[];
  leastMs: number;
  ttlSeconds: number;
}

/** A Trace that keeps the calls of one decision as a tree. */
export function createRecorder(): { recording: Recording; trace: Trace } {
  const recording: Recording = {
    tables: [],
    root: null,
    lastResort: null,
    horizons: [],
    picked: [],
    leastMs: 0,
    ttlSeconds: 0,
  };
  const open: Visit[] = [];
  /** Walks so far of the nodes that make passes of their own. */
  const walks = new Map<number, Visit[]>();
  let passOfNext: number | null = null;
  let draw: { roll: number; total: number } | null = null;
  let outdone = -1;
  const trace: Trace = {
    table(table, classOffset, tileBits, origin) {
      recording.tables.push({ table, classOffset, tileBits, origin });
    },
    pass(node, pass) {
      passOfNext = pass;
      if (pass === PASS_NORMAL) walks.set(node, []);
    },
    enter(node) {
      const pass = passOfNext ?? open.at(-1)?.pass ?? PASS_NORMAL;
      passOfNext = null;
      open.push({
        ...{ node, pass, decision: DECIDED_NOTHING, tries: [], isRepeated: false },
        ...{ leftOut: [], earlier: [] },
      });
    },
    draw(_node, roll, total) {
      // Weights are whole numbers, but for what takes only a part of its clients.
      const unit = Number.isInteger(total) ? 1 : 100;
      draw = { roll: Math.floor(roll * unit) / unit, total: Math.round(total * unit) / unit };
    },
    outdone(entry) {
      outdone = entry;
    },
    entry(entry) {
      open.at(-1)!.tries.push({ entry, draw, outdone, visit: null });
      draw = null;
      outdone = -1;
    },
    again() {
      open.at(-1)!.isRepeated = true;
    },
    leftOut(entry) {
      open.at(-1)!.leftOut.push(entry);
      draw = null;
      outdone = -1;
    },
    leave(node, decision) {
      const visit = open.pop()!;
      visit.decision = decision;
      const before = walks.get(node);
      if (before !== undefined) {
        for (const earlier of before) earlier.earlier = [];
        visit.earlier = [...before];
        before.push(visit);
      }
      const parent = open.at(-1);
      if (parent === undefined) recording.root = visit;
      else parent.tries.at(-1)!.visit = visit;
    },
    latch(node, horizonMs) {
      recording.horizons.push({ node, pool: -1, address: -1, horizonMs });
    },
    pool(pool, _pass, _failed, _up, horizonMs) {
      recording.horizons.push({ node: -1, pool, address: -1, horizonMs });
    },
    lastResort(node, kind) {
      recording.lastResort = { node, kind };
    },
    picked(address, horizonMs) {
      recording.picked.push(address);
      recording.horizons.push({ node: -1, pool: -1, address, horizonMs });
    },
    ttl(leastMs, ttlSeconds) {
      recording.leastMs = leastMs;
      recording.ttlSeconds = ttlSeconds;
    },
  };
  return { recording, trace };
}
