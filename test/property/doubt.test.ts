import { describe, expect, it } from "vitest";
import { Doubt, type FreezeMove, keyOf } from "../../src/health/doubt.ts";
import type { DoubtPlan, ProbeTarget } from "../../src/health/plan.ts";
import { failedResult, type ProbeResult } from "../../src/health/probe.ts";
import { REASON_OK, REASON_REFUSED } from "../../src/health/reasons.ts";
import { assumedState, type EndpointState, observe } from "../../src/health/state.ts";
import { type Random, seededRandom } from "../support/random.ts";

/** Random schedules of results; the slow model looks at the whole history of each anew after every step. */
const SCHEDULES = process.env.STEERD_LONG === undefined ? 1_500 : 100_000;
const STEPS = 40;
const CANARY = 50;

/** One result that was observed: what the model knows. */
interface Seen {
  atMs: number;
  startMs: number;
  row: number;
  ok: boolean;
}

/** What the model says of one row. */
interface Belief {
  up: boolean;
  held: boolean;
}

/**
 * The rules as the manual tells them, folded over all that was seen, step by step, with plain lists: nothing is kept
 * between two calls. `thaws`: moments at which an operator ended a freeze.
 */
class Model {
  readonly beliefs = new Map<number, Belief>();
  frozen = false;
  /** Results of each row that count towards its next verdict, the latest last. */
  private readonly counted = new Map<number, boolean[]>();
  /** Beginning of the present run of failures, if it began while the row was up. */
  private readonly runs = new Map<number, { sinceMs: number; inDoubt: boolean; countedBefore: boolean[] }>();
  private readonly real = new Map<number, { up: boolean; counted: boolean[] }>();
  private readonly believed = new Set<number>();
  private readonly canaries = new Map<number, boolean | null>();
  private lastPassMs = Number.NEGATIVE_INFINITY;
  private thawedMs = Number.NEGATIVE_INFINITY;
  private readonly rule: DoubtPlan;
  private readonly targets: readonly ProbeTarget[];

  constructor(rule: DoubtPlan, targets: readonly ProbeTarget[], down: ReadonlySet<number>) {
    this.rule = rule;
    this.targets = targets;
    for (const { row } of targets) this.beliefs.set(row, { up: !down.has(row), held: false });
    for (const { row } of rule.canaries) this.canaries.set(row, null);
  }

  see({ atMs, startMs, row, ok }: Seen): void {
    if (this.canaries.has(row)) {
      this.canaries.set(row, ok);
      if (ok) this.lastPassMs = Math.max(this.lastPassMs, startMs);
      return;
    }
    const belief = this.beliefs.get(row)!;
    if (ok) {
      this.believed.delete(row);
      this.runs.delete(row);
      this.real.delete(row);
      belief.held = false;
      this.count(row, ok);
      return;
    }
    if (!this.runs.has(row) && belief.up && !this.believed.has(row)) {
      if (startMs < this.thawedMs) return;
      this.runs.set(row, { sinceMs: atMs, inDoubt: this.frozen, countedBefore: this.list(row) });
      if (this.frozen) this.real.set(row, { up: true, counted: this.list(row) });
    }
    const run = this.runs.get(row);
    if (run?.inDoubt !== true) {
      this.count(row, ok);
      return;
    }
    const real = this.real.get(row)!;
    real.counted.push(ok);
    real.up = verdict(real.up, real.counted, this.targetOf(row).check);
    belief.held = true;
  }

  /** After all results of a moment. */
  settle(nowMs: number): void {
    const isOwn = this.isOwn(nowMs);
    if (isOwn && !this.frozen) {
      this.frozen = true;
      for (const [row, run] of this.runs) {
        if (!this.isRecent(run.sinceMs, nowMs)) continue;
        run.inDoubt = true;
        const belief = this.beliefs.get(row)!;
        this.real.set(row, { up: belief.up, counted: this.list(row) });
        this.beliefs.set(row, { up: true, held: true });
      }
    } else if (!isOwn && this.frozen) {
      this.thawedMs = nowMs;
      this.end((row) => {
        this.beliefs.set(row, { up: true, held: false });
        this.counted.set(row, []);
      });
    }
  }

  thaw(): void {
    if (!this.frozen) return;
    this.end((row) => {
      const real = this.real.get(row)!;
      this.beliefs.set(row, { up: real.up, held: false });
      this.counted.set(row, real.counted);
      this.believed.add(row);
    });
  }

  private end(free: (row: number) => void): void {
    this.frozen = false;
    for (const [row, run] of [...this.runs]) {
      if (!run.inDoubt) continue;
      free(row);
      this.runs.delete(row);
      this.real.delete(row);
    }
  }

  private isOwn(nowMs: number): boolean {
    const rows = this.targets.map(({ row }) => row);
    const failing = rows.filter((row) => {
      const run = this.runs.get(row);
      return run !== undefined && (run.inDoubt || this.isRecent(run.sinceMs, nowMs));
    });
    const live = rows.filter((row) => this.beliefs.get(row)!.up || failing.includes(row));
    if (failing.length === 0 || failing.length / live.length < this.rule.share) return false;
    if (this.canaries.size > 0) return [...this.canaries.values()].every((ok) => ok === false);
    return new Set(failing.map((row) => this.targetOf(row).region ?? "")).size >= 2;
  }

  private isRecent(sinceMs: number, nowMs: number): boolean {
    return sinceMs >= nowMs - this.rule.withinMs && (this.canaries.size === 0 || sinceMs >= this.lastPassMs);
  }

  private count(row: number, ok: boolean): void {
    const belief = this.beliefs.get(row)!;
    const list = [...this.list(row), ok];
    const up = verdict(belief.up, list, this.targetOf(row).check);
    this.counted.set(row, up === belief.up ? list : []);
    belief.up = up;
  }

  private list(row: number): boolean[] {
    return [...(this.counted.get(row) ?? [])];
  }

  private targetOf(row: number): ProbeTarget {
    return this.targets.find((target) => target.row === row)!;
  }
}

/** Whether the tail of a history turns a state. */
function verdict(up: boolean, history: readonly boolean[], { fall, rise }: ProbeTarget["check"]): boolean {
  const needed = up ? fall : rise;
  const tail = history.slice(-needed);
  return tail.length === needed && tail.every((ok) => ok !== up) ? !up : up;
}

interface World {
  random: Random;
  rule: DoubtPlan;
  targets: ProbeTarget[];
  down: Set<number>;
}

function drawWorld(seed: number): World {
  const random = seededRandom(seed);
  const target = (row: number, region: string | undefined): ProbeTarget => ({
    ...{ row, keyHigh: 1, keyLow: row + 1, address: `192.0.2.${row}`, family: 4, zone: "z", pool: "p" },
    endpoint: `e${row}`,
    check: {
      ...{ type: "tcp", name: "t", port: 80, intervalMs: 1000, timeoutMs: 500 },
      fall: 1 + random.below(3),
      rise: 1 + random.below(2),
    },
    ...(region === undefined ? {} : { region }),
  });
  const regions = random.pick([["eu"], ["eu", "us"], ["eu", "us", "asia"], ["eu", undefined]]);
  const count = 2 + random.below(9);
  const targets = Array.from({ length: count }, (_, row) => target(row, regions[row % regions.length]));
  const canaries = Array.from({ length: random.pick([0, 0, 1, 2]) }, (_, i) => target(CANARY + i, undefined));
  const share = random.pick([0.5, 0.75, 0.9, 1]);
  const down = new Set(targets.flatMap(({ row }) => (random.chance(0.15) ? [row] : [])));
  return { random, rule: { share, withinMs: random.pick([1_500, 5_000, 30_000]), canaries }, targets, down };
}

/** Outages come and go: of this server's network, of regions, of single addresses; and some results are plain noise. */
function drawResults({ random, rule, targets }: World, weather: Map<string, boolean>, nowMs: number): Seen[] {
  for (const what of ["own", "eu", "us", "asia", "none"])
    if (random.chance(0.12)) weather.set(what, random.chance(what === "own" ? 0.4 : 0.3));
  const seen: Seen[] = [];
  for (const { row, region = "none" } of [...targets, ...rule.canaries]) {
    if (random.chance(0.3)) continue;
    const isCanary = row >= CANARY;
    const isOut = weather.get("own") === true || (!isCanary && weather.get(region) === true);
    const ok = isOut ? random.chance(0.02) : !random.chance(0.03);
    seen.push({ atMs: nowMs, startMs: nowMs - random.below(900), row, ok });
  }
  return seen;
}

interface Tally {
  freezes: number;
  restored: number;
  thaws: number;
  operators: number;
  held: number;
}

function run(seed: number, tally: Tally): void {
  const world = drawWorld(seed);
  const { random, rule, targets, down } = world;
  let nowMs = 100_000;
  const states = new Map<number, EndpointState>();
  for (const { row, check } of targets) states.set(row, assumedState(!down.has(row), 0, check));
  const moves: FreezeMove[] = [];
  const doubt = new Doubt({
    change: (row, state) => states.set(row, state),
    stateOf: (row) => states.get(row)!,
    countUp: () => [...states.values()].filter((state) => state.up).length,
    onFreeze: (move) => moves.push(move),
  });
  doubt.adopt(rule, (row) => keyOf(targets[row]!));
  const model = new Model(rule, targets, down);
  const weather = new Map<string, boolean>();
  const history: string[] = [];
  for (let step = 0; step < STEPS; step++) {
    nowMs += 100 + random.below(1_500);
    for (const seen of drawResults(world, weather, nowMs)) {
      const { row, ok, startMs } = seen;
      const result: ProbeResult = {
        ...failedResult(ok ? REASON_OK : REASON_REFUSED),
        ok,
        totalMs: nowMs - startMs,
      };
      if (row >= CANARY) doubt.observeCanary(row, result, nowMs);
      else {
        const fold = (state: EndpointState) => observe(state, result, nowMs, targets[row]!.check);
        states.set(row, doubt.observe(targets[row]!, states.get(row)!, result, nowMs, fold));
      }
      model.see(seen);
      history.push(`${row}${ok ? "+" : "-"}`);
    }
    doubt.judge(nowMs);
    model.settle(nowMs);
    if (random.chance(0.05)) {
      if (doubt.thaw(nowMs)) tally.operators++;
      model.thaw();
    }
    history.push(`| ${nowMs} ${model.frozen ? "frozen" : ""}`);
    const label = () =>
      `schedule ${seed}, step ${step}: ${JSON.stringify({ ...rule, canaries: rule.canaries.length })} ${history.join(" ")}`;
    if (doubt.isFrozen() !== model.frozen) expect.fail(`${label()}: frozen ${doubt.isFrozen()}`);
    for (const { row } of targets) {
      const { up, held } = states.get(row)!;
      const belief = model.beliefs.get(row)!;
      if (up !== belief.up || held !== belief.held)
        expect.fail(`${label()}: row ${row} is ${up}, ${held}, not ${belief.up}, ${belief.held}`);
      if (held) tally.held++;
      if (held && !doubt.isFrozen()) expect.fail(`${label()}: row ${row} is held outside a freeze`);
    }
  }
  for (const { frozen, restored, cause } of moves) {
    if (frozen) tally.freezes++;
    else if (cause !== "operator") tally.thaws++;
    tally.restored += restored;
  }
}

describe(`${SCHEDULES} random schedules of ${STEPS} steps`, () => {
  it("states are frozen, held, restored and freed as the slow model says", { timeout: 3_600_000 }, () => {
    const tally: Tally = { freezes: 0, restored: 0, thaws: 0, operators: 0, held: 0 };
    for (let schedule = 0; schedule < SCHEDULES; schedule++) run(59_000 + schedule, tally);
    expect(tally.freezes).toBeGreaterThan(SCHEDULES / 4);
    expect(tally.thaws).toBeGreaterThan(SCHEDULES / 5);
    expect(tally.restored).toBeGreaterThan(SCHEDULES / 8);
    expect(tally.operators).toBeGreaterThan(SCHEDULES / 50);
    expect(tally.held).toBeGreaterThan(SCHEDULES);
  });

  it("one region of two that dies is withdrawn, whatever the order of the failures", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const world = drawWorld(seed);
      const { rule } = world;
      const targets = Array.from({ length: 10 }, (_, row) => ({
        ...world.targets[0]!,
        ...{ row, keyLow: row + 1, region: row < 5 ? "eu" : "us" },
      }));
      const states = new Map(targets.map(({ row, check }) => [row, assumedState(true, 0, check)]));
      const doubt = new Doubt({
        change: (row, state) => states.set(row, state),
        stateOf: (row) => states.get(row)!,
        countUp: () => [...states.values()].filter((state) => state.up).length,
        onFreeze: (move) => expect.fail(`seed ${seed}: ${JSON.stringify(move)}`),
      });
      doubt.adopt({ ...rule, share: 0.9, canaries: [] }, (row) => keyOf(targets[row]!));
      for (let step = 1; step <= 60; step++) {
        const row = random.below(10);
        const ok = row >= 5;
        const result: ProbeResult = { ...failedResult(ok ? REASON_OK : REASON_REFUSED), ok };
        const fold = (state: EndpointState) => observe(state, result, step * 300, targets[row]!.check);
        states.set(row, doubt.observe(targets[row]!, states.get(row)!, result, step * 300, fold));
        doubt.judge(step * 300);
      }
      const fallen = [...states].filter(([, { up }]) => !up).map(([row]) => row);
      expect(fallen.every((row) => row < 5)).toBe(true);
      expect(fallen.length, `seed ${seed}`).toBeGreaterThan(0);
    }
  });
});
