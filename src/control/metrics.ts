import { Counter, Gauge, type Metric, Registry } from "prom-client";
import { largestIndexes } from "../config/index-memory.ts";
import {
  COUNTER_LATENCIES,
  COUNTER_LATENCY_SUM,
  counterFamilies,
  LATENCY_BUCKETS_S,
  readCounters,
} from "../counters.ts";
import { forcedWord } from "../health/forced.ts";
import { answeredTargets } from "../health/plan.ts";
import { isWarning, reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  POOL_ROW_FAILED,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_KNOWN,
  STATE_UP,
} from "../health/rows.ts";
import { dataBlocks, type SharedBlocks, WORD_OPEN, WORD_RESTARTS } from "../serve/blocks.ts";
import { addDoubt } from "./doubt-metrics.ts";
import { addNotifications } from "./notify-metrics.ts";
import { addPhases } from "./phase-metrics.ts";
import type { ControlStatus } from "./status.ts";
import type { TallyKind } from "./tally-book.ts";

export interface MetricsSources {
  blocks: SharedBlocks;
  status: ControlStatus;
  version: string;
  startedMs: number;
}

/** Metrics over shared memory: nothing is counted here, everything is read when it is asked for. */
export function createMetrics(sources: MetricsSources): Registry {
  const registry = new Registry();
  addCounters(registry, sources.blocks);
  addLatency(registry, sources.blocks);
  addEndpoints(registry, sources);
  addPhases(registry, sources);
  addPools(registry, sources);
  addTallies(registry, sources.status);
  addDoubt(registry, sources);
  addNotifications(registry, sources.status);
  addConfiguration(registry, sources.status);
  addWorkers(registry, sources.blocks);
  addProcess(registry, sources);
  return registry;
}

/** The families of counters.ts, summed over the workers. */
function addCounters(registry: Registry, blocks: SharedBlocks): void {
  for (const family of counterFamilies) {
    new Counter({
      name: family.metric,
      help: family.help,
      labelNames: family.labels,
      registers: [registry],
      collect() {
        this.reset();
        const sums = readCounters(dataBlocks(blocks).map(({ counters }) => counters));
        for (const [i, values] of family.values.entries()) {
          this.inc(labelled(family.labels, values), sums[family.first + i]!);
        }
      },
    });
  }
}

/** A histogram that nobody observes into: prom-client asks a metric for nothing but `get`. */
function addLatency(registry: Registry, blocks: SharedBlocks): void {
  const name = "steerd_batch_seconds";
  const valuesOf = (transport: string, counters: Float64Array[]) => {
    const sums = readCounters(counters);
    let count = 0;
    const buckets = [...LATENCY_BUCKETS_S, "+Inf"].map((le, at) => {
      count += sums[COUNTER_LATENCIES + at]!;
      return { metricName: `${name}_bucket`, labels: { transport, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { transport }, value: sums[COUNTER_LATENCY_SUM]! },
      { metricName: `${name}_count`, labels: { transport }, value: count },
    ];
  };
  const help = "From the receipt of a batch to its last reply's departure, of one batch in 64";
  const histogram = {
    name,
    help,
    get: async () => ({
      name,
      help,
      type: "histogram",
      values: [
        ...valuesOf(
          "udp",
          blocks.udp.map(({ counters }) => counters),
        ),
        ...valuesOf("tcp", [blocks.stream.counters]),
      ],
    }),
  };
  registry.registerMetric(histogram as unknown as Metric);
}

function labelled(labels: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label, i) => [label, values[i]!]));
}

function addEndpoints(registry: Registry, { blocks, status }: MetricsSources): void {
  const labelNames = ["zone", "pool", "endpoint", "address", "check"];
  const { endpoints } = blocks.rows;
  const up = gauge(registry, "steerd_endpoint_up", "1 while the address may be answered", labelNames, () => {
    for (const metric of [up, forced, reason, warning, since, response]) metric.reset();
    for (const target of answeredTargets(status.plan)) {
      const at = target.row * ENDPOINT_ROW_WORDS;
      const { zone, pool, endpoint, address } = target;
      const labels = { zone, pool, endpoint, address, check: target.check.name };
      const state = Atomics.load(endpoints, at + ROW_STATE);
      up.set(labels, state & STATE_UP ? 1 : 0);
      const word = forcedWord({ state });
      if (word !== null) forced.set({ ...labels, state: word }, 1);
      if ((state & STATE_KNOWN) === 0) continue;
      since.set(labels, Atomics.load(endpoints, at + ROW_SINCE_S));
      const why = Atomics.load(endpoints, at + ROW_REASON);
      reason.set({ zone, pool, endpoint, address, reason: reasonText(why) }, 1);
      warning.set(labels, isWarning(why) ? 1 : 0);
      const responseUs = Atomics.load(endpoints, at + ROW_RESPONSE_US);
      if (responseUs >= 0) response.set(labels, responseUs / 1e6);
    }
  });
  const forced = gauge(
    registry,
    "steerd_endpoint_forced",
    "1 while the address is forced to the state by hand",
    [...labelNames, "state"],
  );
  const reason = gauge(registry, "steerd_endpoint_reason", "1, with why the address is up or down", [
    "zone",
    "pool",
    "endpoint",
    "address",
    "reason",
  ]);
  const warning = gauge(
    registry,
    "steerd_endpoint_warning",
    "1 while the address is up and its probes warn, as of a certificate that expires soon",
    labelNames,
  );
  const since = gauge(
    registry,
    "steerd_endpoint_state_since_seconds",
    "When the address last went up or down, in seconds since 1970",
    labelNames,
  );
  const response = gauge(
    registry,
    "steerd_endpoint_response_seconds",
    "Smoothed response time of the address to its probes",
    labelNames,
  );
}

function addPools(registry: Registry, { blocks, status }: MetricsSources): void {
  const labelNames = ["zone", "pool"];
  const { pools } = blocks.rows;
  const failed = gauge(registry, "steerd_pool_failed", "1 while the pool is passed over", labelNames, () => {
    for (const metric of [failed, up, usable]) metric.reset();
    for (const { row, zone, pool } of status.plan.pools) {
      const at = row * POOL_ROW_WORDS;
      failed.set({ zone, pool }, Atomics.load(pools, at + POOL_ROW_FAILED));
      up.set({ zone, pool }, Atomics.load(pools, at + POOL_ROW_UP));
      usable.set({ zone, pool }, Atomics.load(pools, at + POOL_ROW_USABLE));
    }
  });
  const up = gauge(registry, "steerd_pool_endpoints_up", "Endpoints of the pool that are up", labelNames);
  const usable = gauge(
    registry,
    "steerd_pool_endpoints",
    "Endpoints of the pool that are neither drained nor forced down",
    labelNames,
  );
}

/**
 * Series of a kind, the largest first: a server of 100,000 zones must not make a scrape of as many lines. Pools and
 * endpoints have more, so that operators see the whole distribution that they configured.
 */
const TALLY_FAMILIES: { kind: TallyKind; name: string; help: string; labels: string[]; most: number }[] = [
  {
    kind: "zones",
    name: "steerd_zone_queries_total",
    help: "Queries for names in the zone, the 100 zones with the most",
    labels: ["zone"],
    most: 100,
  },
  {
    kind: "records",
    name: "steerd_record_queries_total",
    help: "Decisions of the dynamic record, the 200 records with the most",
    labels: ["zone", "record"],
    most: 200,
  },
  {
    kind: "pools",
    name: "steerd_pool_answers_total",
    help: "Answers whose first address is the pool's, the 500 pools with the most",
    labels: ["zone", "pool"],
    most: 500,
  },
  {
    kind: "endpoints",
    name: "steerd_endpoint_answers_total",
    help: "Answers with the address among theirs, the 1,000 addresses with the most",
    labels: ["zone", "pool", "endpoint", "address"],
    most: 1000,
  },
];

function addTallies(registry: Registry, status: ControlStatus): void {
  for (const { kind, name, help, labels, most } of TALLY_FAMILIES)
    new Counter({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        for (const tallied of status.tallies?.largest(kind, most) ?? [])
          this.inc(tallied.labels, tallied.count);
      },
    });
}

/** Each zone may bring a small index: the largest have series of their own, the others share one. */
const SHOWN_INDEXES = 50;

function addConfiguration(registry: Registry, status: ControlStatus): void {
  const rows: [name: string, help: string, read: () => number][] = [
    ["steerd_snapshot_generation", "Number of the configuration in use", () => status.generation],
    ["steerd_zones", "Zones served", () => status.zones],
    ["steerd_names", "Names served", () => status.names],
    ["steerd_dynamic_records", "Names that policies answer", () => status.dynamicRecords],
    ["steerd_snapshot_bytes", "Shared memory of the configuration in use", () => status.snapshotOctets],
    ["steerd_reload_ok", "1 while the files as last read are in use", () => (status.lastReloadOk ? 1 : 0)],
    [
      "steerd_reload_last_accepted_seconds",
      "When a configuration was last accepted, in seconds since 1970",
      () => status.lastAcceptedS,
    ],
    [
      "steerd_overrides_ok",
      "1 while the forced states as last read from their file are in use",
      () => (status.overrides()?.isSound === false ? 0 : 1),
    ],
    [
      "steerd_overrides_ignored",
      "Entries of the file of forced states that would leave a record without any address",
      () => status.overrides()?.resolved.ignored.size ?? 0,
    ],
    ["steerd_reload_duration_seconds", "Reading and compiling it took", () => status.lastCompileMs / 1000],
  ];
  for (const [name, help, read] of rows) {
    const metric = gauge(registry, name, help, [], () => metric.set(read()));
  }
  const index = gauge(registry, "steerd_index_bytes", "Memory of each prefix index", ["index"], () => {
    index.reset();
    const shown = largestIndexes(status.indexes, SHOWN_INDEXES);
    for (const { name, octets } of shown) index.inc({ index: name }, octets);
    const sum = (sizes: readonly { octets: number }[]) => sizes.reduce((all, { octets }) => all + octets, 0);
    if (shown.length < status.indexes.length)
      index.set({ index: "others" }, sum(status.indexes) - sum(shown));
  });
  addDiscovered(registry, status);
  const ageHelp = "Since the addresses of a name were last found; names of which none is known are left out";
  const age = gauge(registry, "steerd_name_age_seconds", ageHelp, ["name"], () => {
    age.reset();
    for (const [name, { foundMs }] of status.nameStates)
      if (foundMs !== null) age.set({ name }, (performance.now() - foundMs) / 1000);
  });
  new Counter({
    name: "steerd_reloads_total",
    help: "Configurations read, by what became of them",
    labelNames: ["outcome"],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ outcome: "accepted" }, status.accepted);
      this.inc({ outcome: "rejected" }, status.rejected);
    },
  });
}

function addDiscovered(registry: Registry, status: ControlStatus): void {
  const labels = ["zone", "pool"];
  const okHelp = "1 while the file of a pool with endpoints_file is in use as it is";
  const ok = gauge(registry, "steerd_endpoints_file_ok", okHelp, labels, () => {
    for (const metric of [ok, count]) metric.reset();
    for (const { zone, pool, why, endpoints } of status.discovered.values()) {
      ok.set({ zone, pool }, why === "" ? 1 : 0);
      count.set({ zone, pool }, endpoints.length);
    }
  });
  const count = gauge(
    registry,
    "steerd_endpoints_file_endpoints",
    "Endpoints in use from the pool's file",
    labels,
  );
}

function addWorkers(registry: Registry, blocks: SharedBlocks): void {
  const workers: [name: string, words: Int32Array[]][] = [
    ["control", [blocks.control]],
    ["probe", [blocks.probe]],
    ["stream", [blocks.stream.words]],
    ["udp", blocks.udp.map(({ words }) => words)],
  ];
  new Counter({
    name: "steerd_worker_restarts_total",
    help: "Workers that died and were replaced",
    labelNames: ["worker"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [worker, words] of workers) this.inc({ worker }, sumOf(words, WORD_RESTARTS));
    },
  });
  const open = gauge(registry, "steerd_workers_open", "Workers with open sockets", ["worker"], () => {
    for (const [worker, words] of workers.slice(2)) open.set({ worker }, sumOf(words, WORD_OPEN));
  });
}

function sumOf(words: Int32Array[], word: number): number {
  return words.reduce((sum, each) => sum + Atomics.load(each, word), 0);
}

function addProcess(registry: Registry, { version, startedMs }: MetricsSources): void {
  gauge(registry, "steerd_build_info", "1, with the versions", ["version", "node"]).set(
    { version, node: process.versions.node },
    1,
  );
  gauge(registry, "process_start_time_seconds", "When the process started, in seconds since 1970", []).set(
    startedMs / 1000,
  );
  const memory = gauge(registry, "process_resident_memory_bytes", "Resident memory of the process", [], () =>
    memory.set(process.memoryUsage.rss()),
  );
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time of all threads",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}

/** A gauge that `collect` sets whenever it is read, and others that were made after it. */
function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  collect: () => void = () => undefined,
): Gauge {
  return new Gauge({ name, help, labelNames, registers: [registry], collect });
}
