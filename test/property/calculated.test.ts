import { describe, expect, it } from "vitest";
import { Calculated } from "../../src/health/calculated.ts";
import type { CalculatedPlan } from "../../src/health/plan.ts";
import { REASON_CALCULATED, REASON_OK, REASON_REGION_DOWN } from "../../src/health/reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  ROW_HORIZON_MS,
  ROW_REASON,
  ROW_STATE,
  STATE_KNOWN,
  STATE_UP,
} from "../../src/health/rows.ts";
import type { RulePlan, RuleState } from "../../src/health/rule.ts";
import { type EndpointState, unknownState } from "../../src/health/state.ts";
import { type Random, seededRandom } from "../support/random.ts";

/** Random worlds of calculated checks; each sees this many changes of what it is calculated from. */
const WORLDS = process.env.STEERD_LONG === undefined ? 1_000 : 100_000;
const CHANGES = 20;

const TIMING = { intervalMs: 1000, timeoutMs: 500, fall: 1, rise: 1 };

/** What the reference thinks of something: 1 up, 0 down, 0.5 unknown. */
type Level = 0 | 0.5 | 1;

interface World {
  random: Random;
  /** Rows 0 to probed - 1 are probed, the next ones calculated, in the order of `plans`. */
  probed: number;
  plans: CalculatedPlan[];
  /** Rows of the endpoints of each pool: one address each. */
  pools: { rows: number[]; least: number }[];
  /** The reference's memory: what was known last of each calculated row. */
  kept: Map<number, Level>;
}

function drawWorld(seed: number): World {
  const random = seededRandom(seed);
  const probed = 2 + random.below(5);
  const world: World = { random, probed, plans: [], pools: [], kept: new Map() };
  const count = 1 + random.below(6);
  for (let i = 0; i < count; i++) {
    const row = probed + i;
    if (random.chance(0.4)) drawPool(world, row);
    const rule = drawRule(world, row, 2);
    const check = { type: "calculated" as const, name: "c", ...TIMING };
    const place = { zone: "z", pool: "p", endpoint: "e", address: `192.0.2.${row}`, family: 4 as const };
    const target = { row, keyHigh: 1, keyLow: row + 1, ...place, check };
    world.plans.push({ target, rule, ...(random.chance(0.3) ? { regionRow: random.below(row) } : {}) });
  }
  return world;
}

/** A pool of rows below `below`, so that nothing is made of itself. */
function drawPool({ random, pools }: World, below: number): void {
  const rows = Array.from({ length: 1 + random.below(3) }, () => random.below(below));
  pools.push({ rows, least: 1 + random.below(rows.length) });
}

function drawRule(world: World, below: number, depth: number): RulePlan {
  const { random, pools } = world;
  const kind = random.below(depth === 0 ? 4 : 8);
  if (kind === 0 && pools.length > 0) return { kind: "pool", row: random.below(pools.length) };
  if (kind === 1 && random.chance(0.2)) return { kind: "up" };
  if (kind === 2) {
    const endpoints = Array.from({ length: 1 + random.below(3) }, () => [random.below(below)]);
    const count = 1 + random.below(endpoints.length);
    return { kind: "own", pool: { endpoints, minHealthy: { count }, dualStack: "any" } };
  }
  if (kind === 4) return { kind: "not", of: drawRule(world, below, depth - 1) };
  if (kind < 4) return { kind: "row", row: random.below(below) };
  const of = Array.from({ length: 1 + random.below(3) }, () => drawRule(world, below, depth - 1));
  return { kind: "count", atLeast: 1 + random.below(of.length), of };
}

/** `n` of them are up: the n-th largest says it, whatever is unknown. */
const largest = (levels: Level[], n: number): Level => [...levels].sort((a, b) => b - a)[n - 1]!;

/** From scratch, from the probed rows alone. */
function levelOf(world: World, row: number, probed: Level[]): Level {
  if (row < world.probed) return probed[row]!;
  const { rule, regionRow } = world.plans[row - world.probed]!;
  const own = ruleLevel(world, rule, probed);
  const level = regionRow === undefined ? own : largest([own, levelOf(world, regionRow, probed)], 2);
  return level === 0.5 ? (world.kept.get(row) ?? 0.5) : level;
}

function ruleLevel(world: World, rule: RulePlan, probed: Level[]): Level {
  const rows = (list: number[]): Level[] => list.map((row) => levelOf(world, row, probed));
  switch (rule.kind) {
    case "up":
      return 1;
    case "row":
      return levelOf(world, rule.row, probed);
    case "not":
      return (1 - ruleLevel(world, rule.of, probed)) as Level;
    case "count":
      return largest(
        rule.of.map((each) => ruleLevel(world, each, probed)),
        rule.atLeast,
      );
    case "own": {
      const least = rule.pool.minHealthy as { count: number };
      return ownLevel(rows(rule.pool.endpoints.flat()), least.count);
    }
    case "pool": {
      const { rows: list, least } = world.pools[rule.row]!;
      return largest(rows(list), least);
    }
  }
}

/** A pool that has failed while something is unknown is unknown, even where that could not save it. */
function ownLevel(levels: Level[], least: number): Level {
  if (levels.filter((level) => level === 1).length >= least) return 1;
  return levels.includes(0.5) ? 0.5 : 0;
}

class Machine {
  readonly rows = allocateHealthRows(16, 1);
  readonly states = new Map<number, EndpointState>();
  readonly calculated: Calculated;
  private readonly world: World;
  nowMs = 0;

  constructor(world: World) {
    this.world = world;
    this.calculated = new Calculated({
      rows: this.rows,
      stateOf: (row) => this.states.get(row)!,
      change: (row, state) => {
        this.states.set(row, state);
        this.put(row, state.known ? (state.up ? 1 : 0) : 0.5, state.horizonMs);
      },
      pool: (row) => this.poolState(row),
      mayGoDown: () => true,
      takeFigures: () => undefined,
    });
    for (const { target } of world.plans) this.states.set(target.row, unknownState(0, TIMING));
    this.calculated.adopt(world.plans);
  }

  put(row: number, level: Level, horizonMs: number): void {
    const base = row * ENDPOINT_ROW_WORDS;
    this.rows.endpoints[base + ROW_STATE] =
      level === 1 ? STATE_UP | STATE_KNOWN : level === 0 ? STATE_KNOWN : 0;
    this.rows.endpoints[base + ROW_HORIZON_MS] = horizonMs;
    this.rows.endpoints[base + ROW_REASON] = 100 + row;
    this.calculated.touch(row);
    for (const [pool, { rows }] of this.world.pools.entries())
      if (rows.includes(row)) this.calculated.touchPool(pool);
  }

  private poolState(pool: number): RuleState {
    const { rows, least } = this.world.pools[pool]!;
    const level = largest(
      rows.map((row) => this.shown(row)),
      least,
    );
    return { verdict: level === 1 ? "up" : level === 0 ? "down" : "unknown", horizonMs: 0 };
  }

  shown(row: number): Level {
    const bits = this.rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]!;
    return (bits & STATE_UP) !== 0 ? 1 : (bits & STATE_KNOWN) !== 0 ? 0 : 0.5;
  }
}

/** The row that a rule says the same as, and whose reason it has; null: it is made of more. */
function onlyRow(rule: RulePlan): number | null {
  if (rule.kind === "count") return rule.of.length === 1 && rule.atLeast === 1 ? onlyRow(rule.of[0]!) : null;
  return rule.kind === "row" ? rule.row : null;
}

/** Every probed row, with what was known of it last: what is unknown now does not take a verdict back. */
function run(seed: number): { verdicts: number; unknown: number; region: number } {
  const world = drawWorld(seed);
  const { random } = world;
  const machine = new Machine(world);
  const probed: Level[] = Array.from({ length: world.probed }, () => 0.5);
  const last = new Map<number, Level>();
  const seen = { verdicts: 0, unknown: 0, region: 0 };
  for (let change = 0; change < CHANGES; change++) {
    machine.nowMs += 1000;
    // Probed rows go from unknown to a verdict, and then from one to the other.
    for (let i = 0; i <= random.below(3); i++) {
      const row = random.below(world.probed);
      probed[row] = random.chance(0.5) ? 1 : 0;
      machine.put(row, probed[row]!, random.chance(0.5) ? 0 : 1 + random.below(5_000));
    }
    machine.calculated.fold(machine.nowMs);
    for (const [i, { target, rule, regionRow }] of world.plans.entries()) {
      const level = levelOf(world, target.row, probed);
      const label = () =>
        `world ${seed}, change ${change}, row ${target.row}: ${JSON.stringify({ plans: world.plans.slice(0, i + 1).map((plan) => [plan.rule, plan.regionRow]), pools: world.pools, probed })}`;
      const state = machine.states.get(target.row)!;
      if (level === 0.5) {
        seen.unknown++;
        if (state.known) expect.fail(`${label()}: known`);
        continue;
      }
      seen.verdicts++;
      if (!state.known || state.up !== (level === 1)) expect.fail(`${label()}: ${JSON.stringify(state)}`);
      const since = last.get(target.row) === level ? "before" : "now";
      if ((state.sinceMs === machine.nowMs) !== (since === "now"))
        expect.fail(`${label()}: since ${state.sinceMs}`);
      last.set(target.row, level);
      if (world.kept.get(target.row) !== level) world.kept.set(target.row, level);
      const own = ruleLevel(world, rule, probed);
      const all = regionRow === undefined ? own : largest([own, levelOf(world, regionRow, probed)], 2);
      // Kept: nothing says more than it did.
      if (all === 0.5) continue;
      const ownDown = own === 0;
      const byRegion = regionRow !== undefined && level === 0 && !ownDown;
      if (byRegion) seen.region++;
      const followed = onlyRow(rule);
      const byProbe =
        followed === null
          ? REASON_CALCULATED
          : machine.rows.endpoints[followed * ENDPOINT_ROW_WORDS + ROW_REASON];
      const reason = level === 1 ? REASON_OK : byRegion ? REASON_REGION_DOWN : byProbe;
      if (state.reason !== reason) expect.fail(`${label()}: reason ${state.reason}, not ${reason}`);
    }
  }
  return seen;
}

describe(`${WORLDS} worlds of calculated checks, ${CHANGES} changes each`, () => {
  it("every state is what a walk from the probed rows says, at once", { timeout: 1_800_000 }, () => {
    const sum = { verdicts: 0, unknown: 0, region: 0 };
    for (let world = 0; world < WORLDS; world++) {
      const { verdicts, unknown, region } = run(41_000 + world);
      sum.verdicts += verdicts;
      sum.unknown += unknown;
      sum.region += region;
    }
    expect(sum.verdicts).toBeGreaterThan(WORLDS * 20);
    expect(sum.unknown).toBeGreaterThan(WORLDS);
    expect(sum.region).toBeGreaterThan(WORLDS);
  });
});
