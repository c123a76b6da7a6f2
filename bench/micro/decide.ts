import { setFlagsFromString } from "node:v8";
import { decide } from "../../src/policy/decide.ts";
import type { NodeModel, PoolModel, RecordModel } from "../../src/policy/model.ts";
import {
  byLoad,
  createWorld,
  failover,
  hash,
  keyed,
  latency,
  nearest,
  pool,
  record,
  roundRobin,
  union,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import { type Allocation, measureAllocation, measureControl } from "../support/allocation.ts";
import { alignColumns, format, publish } from "../support/report.ts";
import { asker, batchAsker, contextOf, queryPacket } from "../support/server.ts";
import { type TimedCase, type Timing, timeInProcesses, timeInterleaved } from "../support/timing.ts";

/** `decide` alone, per kind of node, and a whole answer of the deepest tree: time and allocated octets per call. */
const CLIENTS = 4096;
const OWNER_HASH = 0x51ee9d;

/** `count` addresses 10.`second`.x.y under a check. */
function poolOf(name: string, count: number, second: number, options: Partial<PoolModel> = {}): PoolModel {
  const address = (i: number): string => `10.${second}.${i >> 8}.${i & 255}`;
  return pool(
    name,
    Array.from({ length: count }, (_, i) => ({ address: address(i), weight: 1 + (i % 5) })),
    options,
  );
}

const turn = { select: "round_robin" as const, maxAnswers: 1 };
const sticky = { select: "hash" as const, maxAnswers: 1 };
const one = { select: "weighted" as const, maxAnswers: 1 };
const eight = Array.from({ length: 8 }, (_, i) => poolOf(`p${i}`, 4, i, one));
const [p0, p1, p2, p3, p4, p5, p6, p7] = eight as [
  PoolModel,
  PoolModel,
  PoolModel,
  PoolModel,
  PoolModel,
  PoolModel,
  PoolModel,
  PoolModel,
];
const places = eight.map((of, i): [PoolModel, { latitude: number; longitude: number }] => [
  of,
  { latitude: i * 10, longitude: i * 20 },
]);

/** geo stands for itself by subnets: both walk a chain that a table names. */
function deepTree(): NodeModel {
  const pairs = weighted([
    [failover([p0, p1]), 3],
    [failover([p2, p3]), 1],
  ]);
  const regions = nearest([
    [pairs, { latitude: 0, longitude: 0 }],
    [failover([p4, p5]), { latitude: 40, longitude: -70 }],
    [p6, { latitude: 50, longitude: 10 }],
  ]);
  const office = keyed("subnets", { "9.1.0.0/16": p7, default: regions });
  return keyed("subnets", { "9.0.0.0/8": failover([office, p7]), "8.0.0.0/8": p6, default: p5 });
}

/** A pool in which nothing has a weight. */
function alike(count: number): PoolModel {
  const addresses = Array.from({ length: count }, (_, i) => `10.25.${i >> 8}.${i & 255}`);
  return pool("alike", addresses, turn);
}

const loaded = (select: "least_connections" | "p2c" | "adaptive"): Partial<PoolModel> => ({
  select,
  maxAnswers: 1,
  parts: select === "adaptive" ? { connections: 1, p99: 1, errors: 1 } : null,
});

const report = (world: World, pool: string): void =>
  world.setFigures(pool, { responseMs: 20, connections: 40, p99Ms: 90, errors: 0.01, load: 0.4 });

const downAll = (world: World): void => {
  for (const { name } of world.pools) world.set(name, "down", 4000);
};

const scenarios: { name: string; root: NodeModel | PoolModel; health?: (world: World) => void }[] = [
  { name: "pool, all of 4", root: poolOf("four", 4, 20) },
  { name: "pool, all, 8 of 10,000", root: poolOf("many", 10_000, 21) },
  { name: "pool, weighted, 1 of 4", root: poolOf("weigh", 4, 22, one) },
  { name: "pool, weighted, 1 of 10,000", root: poolOf("weighmany", 10_000, 23, one) },
  { name: "pool, round_robin, 1 of 4 by weight", root: poolOf("turn", 4, 24, turn) },
  { name: "pool, round_robin, 1 of 10,000 alike", root: alike(10_000) },
  ...(["least_connections", "p2c", "adaptive"] as const).flatMap((select, i) => [
    {
      name: `pool, ${select}, 1 of 4`,
      root: poolOf(`${select}4`, 4, 30 + i, loaded(select)),
      health: (world: World) => report(world, `${select}4`),
    },
    {
      name: `pool, ${select}, 1 of 10,000`,
      root: poolOf(`${select}many`, 10_000, 40 + i, loaded(select)),
      health: (world: World) => report(world, `${select}many`),
    },
  ]),
  ...(["least_connections", "p2c"] as const).map((select, i) => ({
    name: `pool, ${select}, 1 of 4, one comes back`,
    root: poolOf(`${select}back`, 4, 53 + i, { ...loaded(select), slowStartMs: 60_000 }),
    health: (world: World) => {
      report(world, `${select}back`);
      world.setScale(`10.${53 + i}.0.1`, 32_768);
    },
  })),
  {
    name: "least_response_time over 8",
    root: byLoad(
      "least_response_time",
      eight.map((of, i) => [of, i + 1]),
    ),
    health: (world) => {
      for (const { name } of eight) report(world, name);
    },
  },
  {
    name: "p2c over 8",
    root: byLoad(
      "p2c",
      eight.map((of, i) => [of, i + 1]),
    ),
  },
  { name: "pool, hash, 1 of 4", root: poolOf("hash", 4, 26, sticky) },
  { name: "pool, hash, 1 of 100", root: poolOf("hashmore", 100, 27, sticky) },
  { name: "pool, hash, 1 of 300", root: poolOf("hashfew", 300, 50, sticky) },
  { name: "pool, hash, 1 of 1,000", root: poolOf("hashmost", 1000, 28, sticky) },
  { name: "pool, hash, 1 of 2,000", root: poolOf("hashtwo", 2000, 51, sticky) },
  { name: "pool, hash, 1 of 4,000", root: poolOf("hashfour", 4000, 52, sticky) },
  { name: "pool, hash, 1 of 10,000", root: poolOf("hashmany", 10_000, 29, sticky) },
  { name: "failover, first", root: failover(eight) },
  {
    name: "failover, eighth",
    root: failover(eight),
    health: (world) => {
      downAll(world);
      world.set("p7", "up");
    },
  },
  { name: "weighted over 8", root: weighted(eight.map((of, i) => [of, i + 1])) },
  { name: "hash over 8", root: hash(eight.map((of, i) => [of, i + 1])) },
  { name: "round_robin over 8", root: roundRobin(eight.map((of, i) => [of, i + 1])) },
  { name: "all of 8", root: union(eight) },
  { name: "all, 4 of 8", root: union(eight, 4) },
  { name: "nearest over 8", root: nearest(places) },
  {
    name: "latency over 8, all tied",
    root: latency(
      eight.map((of, i) => [of, `r${i}`]),
      eight.map((_, i) => `8.0.0.0/7,r${i},20`),
    ),
  },
  { name: "subnets, failover", root: keyed("subnets", { "9.0.0.0/8": failover([p0, p1]), default: p2 }) },
  { name: "deepest: 2 subnets, nearest, weighted, failover", root: deepTree() },
  { name: "deepest, everything down", root: deepTree(), health: downAll },
];

/** The worst that a list can do: thousands of entries, all down. Few calls of these take as long as many of the others. */
const worst = (["failover", "weighted", "round_robin", "hash", "least_connections"] as const).map((kind) => {
  const of = Array.from({ length: 5000 }, (_, i) => pool(`w${i}`, [`10.${100 + (i >> 8)}.${i & 255}.1`]));
  const evenly = of.map((one, i): [PoolModel, number] => [one, 1 + (i % 5)]);
  const roots: Record<typeof kind, () => NodeModel> = {
    failover: () => failover(of),
    weighted: () => weighted(evenly),
    round_robin: () => roundRobin(evenly),
    hash: () => hash(evenly),
    least_connections: () => byLoad("least_connections", evenly),
  };
  return { name: `${kind} over 5,000, everything down`, root: roots[kind]() };
});

/** Decides for clients of 9.0.0.0/8 in turn, by client subnet. */
function caseOf(name: string, model: RecordModel, health: ((world: World) => void) | undefined): TimedCase {
  const world = createWorld([model]);
  health?.(world);
  const { client, context } = world;
  client.resolverAddress.set([9, 9, 9, 9]);
  client.fromEcs = 1;
  client.sourceBits = 24;
  client.address[0] = 9;
  let turn = 0;
  return {
    name,
    run: (calls) => {
      for (let call = 0; call < calls; call++) {
        turn = (turn + 1) & (CLIENTS - 1);
        client.address[1] = turn >> 4;
        client.address[2] = turn & 255;
        context.clockS[0] = 1_700_000_000 + (turn >> 3);
        decide(context, 0, OWNER_HASH, 4);
      }
    },
  };
}

/** Every kind of table below the one before it, and eight pools at the bottom: files, a query's octets, a reply's. */
const DEEP_FILES = {
  "gslb.example.zone":
    "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n",
  "latency.csv": "client,region,rtt_ms\nEU,r1,20\nEU,r2,24\nNA,r1,80\nNA,r2,40\n81.2.69.0/24,r2,9\n",
  "gslb.example.yaml": `
checks:
  web: {type: tcp, port: 80}
regions:
  r1: {location: [53.3, -6.3]}
  r2: {location: [38.9, -77.0]}
pools:
${[1, 2, 3, 4, 5, 6, 7, 8].map((i) => `  p${i}: {region: r${1 + (i % 2)}, check: web, endpoints: [203.0.113.${i}]}`).join("\n")}
policies:
  first: {failover: [{weighted: {p1: 1, p2: 1, p3: 1, p4: 1}}, {weighted: {p5: 1, p6: 1, p7: 1, p8: 1}}]}
  second: {failover: [{weighted: {p5: 1, p6: 1, p7: 1, p8: 1}}, {weighted: {p1: 1, p2: 1, p3: 1, p4: 1}}]}
  fast:
    latency:
      table: latency.csv
      tolerance: 5ms
      of: [{node: first, region: r1}, {node: second, region: r2}]
  networks: {subnets: {81.2.0.0/16: fast, 8.0.0.0/8: fast, default: fast}}
records:
  www: {policy: {geo: {EU: networks, NA: networks, default: networks}}}
`,
};

/** A whole answer, parse to bytes, for client subnets in no order whose first octet is `first` up to `first + spread - 1`. */
function answerCase(name: string, ask: typeof batchAsker, first: number, spread: number): TimedCase {
  const packet = queryPacket("www.gslb.example.", 1, "81.2.69.0/24");
  const octets = new Uint8Array(65_536 * 3);
  for (let i = 0; i < 65_536; i++) {
    const scattered = Math.imul(i + 1, 0x85ebca6b) >>> 0;
    octets.set([first + (scattered % spread), (scattered >>> 8) & 255, (scattered >>> 16) & 255], i * 3);
  }
  return { name, ...ask(contextOf(DEEP_FILES), packet, { offset: packet.length - 3, width: 3, octets }) };
}

const WHOLE = "parse to bytes: geo, subnets, latency, failover, weighted, 8 pools";
/** As UDP workers answer. */
const BATCHES = "the same for clients from everywhere, in batches";
/** `--json`: counts octets only, in windows that are long enough for that, for the timed test. */
const isBrief = process.argv.includes("--json");
/** `--no-inlining`: no function becomes part of another, so that nothing is hidden that only their union saves. */
if (process.argv.includes("--no-inlining")) setFlagsFromString("--no-turbo-inlining");

/** `--only TEXT`: the cases whose names contain it. */
const only = process.argv[process.argv.indexOf("--only") + 1]!;
const isWanted = ({ name }: { name: string }): boolean =>
  !process.argv.includes("--only") || name.includes(only);

/** Enough for a median that one of them does not decide. */
const PROCESSES = 9;
const wholes = [
  answerCase(WHOLE, asker, 81, 1),
  answerCase("the same for clients from everywhere", asker, 11, 89),
  answerCase(BATCHES, batchAsker, 11, 89),
];
const cases = [
  ...scenarios.filter(isWanted).map(({ name, root, health }) => caseOf(name, record(root), health)),
  ...wholes,
];
// By themselves: a worker that answers for such a tree has compiled what that takes, and no more.
if (process.argv.includes("--wholes")) {
  for (const timed of wholes) timed.run(200_000);
  console.log(JSON.stringify(timeInterleaved(wholes, { calls: 50_000, rounds: 15 })));
  process.exit(0);
}
const alone = isBrief ? [] : timeInProcesses(["--wholes"], PROCESSES);
// The functions are shared by all cases: what one of them teaches the compiler would count as another's allocation.
for (const timed of cases) timed.run(isBrief ? 20_000 : 200_000);
const control = await measureControl();
const allocations: Allocation[] = [];
for (const timed of cases)
  allocations.push(await measureAllocation(() => timed.run(1), isBrief ? 10_000 : undefined));
const names = cases.map(({ name }) => name);
if (isBrief) {
  console.log(
    JSON.stringify({ control, allocations: allocations.map((one, i) => ({ name: names[i], ...one })) }),
  );
  process.exit(0);
}
const timings = timeInterleaved(cases, { calls: 50_000, rounds: 15 });
if (!process.argv.includes("--only")) {
  const slow = worst.map(({ name, root }) => caseOf(name, record(root), downAll));
  for (const timed of slow) allocations.push(await measureAllocation(() => timed.run(1), 50));
  timings.push(...timeInterleaved(slow, { calls: 50, rounds: 5 }));
}
const head = ["ns per decision", "median", "least", "most", "octets"];
const rowOf = ({ name, medianNs, leastNs, mostNs }: Timing, octets: string): string[] => [
  name,
  format(medianNs),
  format(leastNs),
  format(mostNs),
  octets,
];
const rows = [
  ["by itself", "", "", "", ""],
  ...alone.map((timing) => rowOf(timing, "")),
  ["among all kinds of decision", "", "", "", ""],
  ...timings.map((timing, i) => rowOf(timing, allocations[i]!.octetsPerCall.toFixed(2))),
];
const goals = [
  {
    name: `${WHOLE}, as a UDP worker answers`,
    measured: alone.find(({ name }) => name === BATCHES)!.medianNs / 1000,
    limit: 0.4,
    unit: "us",
  },
  {
    name: "the longest decision",
    measured: Math.max(...timings.map(({ medianNs }) => medianNs)) / 1e6,
    limit: 5,
    unit: "ms",
  },
  {
    name: "most octets allocated by a decision",
    measured: Math.max(...allocations.slice(0, cases.length).map((one) => Math.abs(one.octetsPerCall))),
    limit: 0.01,
    unit: "octets",
  },
  {
    name: "the control's distance from 16 octets",
    measured: Math.abs(control.octetsPerCall - 16),
    limit: 0.01,
    unit: "octets",
  },
];
publish("micro-decide", alignColumns([head, ...rows]), goals, { control, allocations, alone, timings });
