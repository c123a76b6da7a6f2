import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_AFTER_MS,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_KNOWN,
  STATE_WITHHELD,
} from "../../src/health/rows.ts";
import { adoptSnapshot, createDecideContext } from "../../src/policy/context.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../../src/policy/data.ts";
import { findLosses } from "../../src/policy/losses.ts";
import type { LastResortModel, LatchModel, NodeModel, PoolModel } from "../../src/policy/model.ts";
import {
  addressModel,
  createWorld,
  type EndpointText,
  pool,
  type Question,
  record,
  type World,
  writeFigures,
} from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  crowdedAddress,
  type Draw,
  NODE_KINDS,
  randomPrefixes,
  randomSources,
  randomState,
  randomTree,
} from "../support/random-trees.ts";

/**
 * Worlds for scripts/mutate.mjs --doubt: random records over random pools, and what is asked of them. As odd as they come:
 * sizes, weights, scales, figures and times are drawn from few numbers, so that what is equal, 0 or at a limit is common.
 */

/** One configuration that can be compiled again and again. */
export interface RandomWorld {
  build(): World;
  /** Names of what is asked, and what a freshly built world, or one played before, answers. Always the same. */
  play(world: World): string[];
  /** As `play`, each question of one round `times` times a second after the other, with dice of their own. */
  repeat(world: World, round: number, times: number, die: number, note: Note): void;
  rounds: number;
}

export type Note = (question: number, decision: number, addresses: readonly string[]) => void;

interface Asked extends Question {
  forHints: number;
  /** Asked this often, a second after the other. */
  times: number;
}

/** Everything that a round is about, drawn once. */
interface Round {
  rows: Pick<HealthRows, "endpoints" | "pools" | "latches">;
  asked: Asked[];
}

const ROUNDS = 6;
const SECOND = 1_700_000_000;

export function randomWorld(seed: number): RandomWorld {
  const random = seededRandom(seed);
  const prefixes = randomPrefixes(random, 4 + random.below(8));
  const pools = Array.from({ length: 1 + random.below(6) }, (_, i) => randomPool(random, i));
  const widest = random.pick([3, 3, 4, 7, 12]);
  const depth = widest > 4 ? 1 + random.below(2) : 1 + random.below(4);
  const kinds = random.chance(0.3) ? [random.pick(NODE_KINDS)] : NODE_KINDS;
  const draw: Draw = {
    random,
    pools,
    prefixes,
    depth,
    kinds,
    widest,
    lastResortShare: random.pick([0, 0.1]),
  };
  const roots = Array.from({ length: 1 + random.below(2) }, () => randomTree(draw));
  const latched = latchOne(roots, random);
  const records = roots.map((root) =>
    record(root, {
      ttlMinSeconds: random.pick([0, 5, 30]),
      ttlMaxSeconds: random.pick([30, 60]),
      lastResort: randomLastResort(random, pools),
      ecs: random.chance(0.9),
      sticky: { ipv4: random.pick([0, 8, 24, 32]), ipv6: random.pick([0, 32, 48, 56, 64, 128]) },
    }),
  );
  const sources = randomSources(random, prefixes);
  const build = (): World => createWorld(records, sources);
  const rounds = drawRounds(build(), random, roots.length, latched);
  const levels = random.next();
  return {
    build,
    rounds: ROUNDS,
    play: (world) => {
      const told: string[] = [];
      renew(world, 77);
      // Marks of walks run out under way.
      world.context.walkMark = levels % 2 === 0 ? 0 : 0x7fffffd8;
      for (const [round, { rows, asked }] of rounds.entries()) {
        setRows(world.rows, rows);
        for (const [i, { times, forHints, ...question }] of asked.entries()) {
          world.context.forHints = forHints;
          for (let n = 0; n < times; n++) {
            const outcome = world.ask({ ...question, second: question.second! + n });
            told.push(`${round}.${i}.${n} ${JSON.stringify(outcome)}`);
          }
        }
      }
      told.push(`losses ${JSON.stringify(lossesOf(world, levels))}`);
      return told;
    },
    repeat: (world, round, times, die, note) => {
      const { rows, asked } = rounds[round]!;
      for (const [i, { forHints, times: _, ...question }] of asked.entries()) {
        renew(world, die + i);
        setRows(world.rows, rows);
        world.context.forHints = forHints;
        for (let n = 0; n < times; n++) {
          const { decision, addresses } = world.ask({ ...question, second: question.second! + n + die });
          note(i, decision === "addresses" ? 1 : decision === "nodata" ? 2 : 3, addresses);
        }
      }
    },
  };
}

/** A worker that begins, or one that has had another snapshot before. */
function renew({ context }: World, die: number): void {
  const { answer, client, policy, tables, rows } = context;
  Object.assign(context, createDecideContext(policy, tables, rows, die), { answer, client });
  if (die % 2 === 1) adoptSnapshot(context, policy, tables);
}

function setRows(rows: HealthRows, to: Round["rows"]): void {
  rows.endpoints.set(to.endpoints);
  rows.pools.set(to.pools);
  rows.latches.set(to.latches);
}

function lossesOf({ context, names }: World, seed: number): unknown {
  const random = seededRandom(seed);
  const before = Uint8Array.from(names.addresses, () => random.below(3));
  const after = before.map((level) => (random.chance(0.5) ? level : random.below(3)));
  return findLosses(context.policy, context.tables, before, after);
}

function randomPool(random: Random, i: number): PoolModel {
  const size = random.pick([
    () => 1 + random.below(5),
    () => 1 + random.below(5),
    () => 5 + random.below(16),
    () => (random.chance(0.5) ? 60 + random.below(10) : 1 + random.below(3)),
    () => (random.chance(0.5) ? 120 + random.below(150) : 2),
  ])();
  const subnets = random.pick([1, 1, 2, 5, 40]);
  const weigh = random.pick([
    () => 1,
    () => random.below(3),
    () => random.below(10),
    () => (random.chance(0.9) ? 1 : 60_000),
    () => (random.chance(0.9) ? 0 : 1 + random.below(2)),
  ]);
  const dual = random.pick([0, 0.5, 0.9, 1]);
  const most = random.pick([1, 1, 1, 2, 3]);
  let next = 0;
  const address = (family: 4 | 6): string => {
    const subnet = next % subnets;
    const host = Math.floor(next++ / subnets) + 1;
    return family === 4
      ? `10.${i}.${4 * subnet + (host >> 8)}.${host & 255}`
      : `2001:db8:${((i << 8) | subnet).toString(16)}::${host.toString(16)}`;
  };
  const endpoints: EndpointText[] = Array.from({ length: size }, () => {
    const ipv4 = Array.from({ length: 1 + random.below(most) }, () => address(4));
    const ipv6 = Array.from({ length: 1 + random.below(most) }, () => address(6));
    const of = random.chance(dual) ? [...ipv4, ...ipv6] : random.chance(0.8) ? ipv4 : ipv6;
    return { address: of, weight: weigh() };
  });
  if (endpoints.every((endpoint) => typeof endpoint === "object" && endpoint.weight === 0))
    endpoints[0] = { ...(endpoints[0] as Exclude<EndpointText, string>), weight: 1 };
  const select = random.pick(SELECTS);
  const parts = { connections: 1 + random.below(2), p99: random.below(3), errors: random.below(3) };
  return pool(`p${i}`, endpoints, {
    select,
    parts: select === "adaptive" ? parts : null,
    maxAnswers: random.pick([1, 1, 2, 3, 8, 20, 64]),
    check: random.chance(0.1) ? null : "web",
    minHealthy: random.chance(0.5) ? { count: 1 } : { percent: random.pick([30, 50, 100]) },
    dualStack: random.chance(0.2) ? "strict" : "any",
  });
}

const SELECTS = [
  "all",
  "weighted",
  "round_robin",
  "hash",
  "least_response_time",
  "least_connections",
  "p2c",
  "adaptive",
] as const;

function randomLastResort(random: Random, pools: PoolModel[]): LastResortModel {
  const kind = random.pick(["all", "all", "pool", "addresses", "nodata", "servfail"] as const);
  if (kind === "pool") return { kind, pool: random.pick(pools) };
  if (kind === "addresses") return { kind, addresses: ["192.0.2.1", "2001:db8::1"].map(addressModel) };
  return { kind };
}

/** Latches one `failover`; returns how many entries it has, 0: there is none. */
function latchOne(roots: NodeModel[], random: Random): number {
  const found: Extract<NodeModel, { kind: "failover" }>[] = [];
  const visit = (node: NodeModel): void => {
    if (node.kind === "pool") return;
    if (node.kind === "failover") found.push(node);
    for (const { node: child } of "keys" in node ? node.keys : node.of) visit(child);
  };
  roots.forEach(visit);
  if (found.length === 0) return 0;
  const latch: LatchModel = { afterMs: 60_000, zone: "gslb.example", policy: "www", row: 0 };
  const chosen = random.pick(found);
  chosen.latch = latch;
  return chosen.of.length;
}

function drawRounds(world: World, random: Random, records: number, latched: number): Round[] {
  const { rows } = world;
  return Array.from({ length: ROUNDS }, () => {
    drawHealth(world, random);
    if (latched > 0) drawLatch(rows.latches, random, latched);
    return {
      rows: {
        endpoints: rows.endpoints.slice(),
        pools: rows.pools.slice(),
        latches: rows.latches.slice(),
      },
      asked: Array.from({ length: 8 }, () => drawQuestion(random, records)),
    };
  });
}

function drawHealth(world: World, random: Random): void {
  const { names, rows, context } = world;
  const upShare = random.pick([0, 0.05, 0.3, 0.6, 0.9, 1]);
  const scaled = random.pick([0, 0, 0.3, 1]);
  const reporting = random.pick([0, 0.5, 1]);
  rows.endpoints.fill(-1);
  for (let k = 0; k < names.addresses.length; k++) {
    const row = context.policy.addresses[k * ADDRESS_WORDS + ADDRESS_ROW]!;
    if (row < 0) continue;
    const scale = random.chance(scaled) ? random.pick([0, 1, 6554, 32_768, 65_535]) : 65_536;
    rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE] = scale;
    if (!random.chance(reporting)) continue;
    writeFigures(rows, row, {
      responseMs: random.pick([1, 2, 3, 10, 11]),
      load: random.below(4) / 4,
      connections: random.below(4),
      p99Ms: random.pick([1, 10, 11]),
      errors: random.below(3) / 100,
    });
  }
  const states = names.addresses.map(() => randomState(random, upShare));
  const horizonsMs = states.map(() => random.pick([0, 0, 1000, 5000, 5001, 40_000]));
  world.setAll(states, horizonsMs);
  // A verdict that is older than the states.
  if (!random.chance(0.2)) return;
  for (let at = ROW_STATE; at < rows.endpoints.length; at += ENDPOINT_ROW_WORDS)
    if (random.chance(0.3) && (rows.endpoints[at]! & STATE_WITHHELD) === 0) rows.endpoints[at] = STATE_KNOWN;
}

function drawLatch(latches: Int32Array, random: Random, entries: number): void {
  latches[LATCH_ROW_CURRENT] = random.below(entries);
  latches[LATCH_ROW_AFTER_MS] = random.pick([0, 1000, 60_000]);
  latches[LATCH_ROW_HEALTHY] = random.below(2);
  latches[LATCH_ROW_HEALTHY_SINCE_S] = SECOND + random.below(200) - 100;
}

function drawQuestion(random: Random, records: number): Asked {
  const address = (): string => {
    const { family, octets } = crowdedAddress(random);
    if (family === 4) return octets.join(".");
    return Buffer.from(octets)
      .toString("hex")
      .replace(/(.{4})(?!$)/g, "$1:");
  };
  const client = address();
  const bits = client.includes(":") ? random.pick([48, 56, 64, 128]) : random.pick([16, 24, 32]);
  return {
    record: random.below(records),
    family: random.pick([4, 6] as const),
    resolver: random.pick(["9.9.9.9", address()]),
    ...(random.chance(0.7) ? { ecs: `${client}/${bits}` } : {}),
    second: SECOND + random.below(100),
    forHints: random.chance(0.1) ? 1 : 0,
    times: random.pick([1, 1, 2, 6]),
  };
}
