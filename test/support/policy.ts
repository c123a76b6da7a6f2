import { compileTables } from "../../src/geo/compile-tables.ts";
import { type GeoSources, joinDatabases } from "../../src/geo/databases.ts";
import { parseLatencyTable } from "../../src/geo/latency-table.ts";
import { formatAddress } from "../../src/geo/prefix.ts";
import type { PoolPlan } from "../../src/health/plan.ts";
import { foldPool } from "../../src/health/pool.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_HORIZON_MS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_RESPONSE_US,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_UP,
} from "../../src/health/rows.ts";
import { clearReport, writePool } from "../../src/health/rows-writer.ts";
import { buildPolicy } from "../../src/policy/build.ts";
import type { Client } from "../../src/policy/client.ts";
import { createDecideContext, type DecideContext } from "../../src/policy/context.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../../src/policy/data.ts";
import { decide } from "../../src/policy/decide.ts";
import { explainDecision } from "../../src/policy/explain.ts";
import type { Explanation } from "../../src/policy/explanation.ts";
import type {
  AddressModel,
  EndpointModel,
  LastResortModel,
  LocationModel,
  NodeModel,
  PartsModel,
  PoolModel,
  RecordModel,
} from "../../src/policy/model.ts";
import { addressText, type PolicyNames } from "../../src/policy/names.ts";
import {
  type Answer,
  DECIDED_ADDRESSES,
  DECIDED_NODATA,
  DECIDED_SERVFAIL,
  resetAnswer,
} from "../../src/wire/answer.ts";
import { addressOctets } from "./packet.ts";

const BASE = { label: "", lastResort: null, location: null };

export function addressModel(text: string): AddressModel {
  return { family: text.includes(":") ? 6 : 4, octets: Uint8Array.from(addressOctets(text)), row: -1 };
}

/** An endpoint as its one address, or with a weight and several. */
export type EndpointText = string | { address: string | string[]; weight?: number; name?: string };

function endpointModel(endpoint: EndpointText): EndpointModel {
  const { address, weight, name } = typeof endpoint === "string" ? { address: endpoint } : endpoint;
  const texts = typeof address === "string" ? [address] : address;
  return { name: name ?? texts[0]!, weight: weight ?? 1, addresses: texts.map(addressModel) };
}

/** A pool under a check, `select: all`, unless the options say otherwise. */
export function pool(name: string, endpoints: EndpointText[], options: Partial<PoolModel> = {}): PoolModel {
  return {
    zone: "gslb.example",
    name,
    region: null,
    check: "web",
    endpoints: endpoints.map(endpointModel),
    select: "all",
    maxAnswers: 8,
    minHealthy: { count: 1 },
    dualStack: "any",
    parts: null,
    row: -1,
    ...options,
  };
}

type NodeOptions = Partial<Pick<NodeModel, "label" | "lastResort" | "location">>;
type NodeLike = NodeModel | PoolModel;

/** A pool stands for the node that picks from it. */
export function node(from: NodeLike): NodeModel {
  return "kind" in from ? from : { ...BASE, kind: "pool", label: from.name, pool: from };
}

const entryOf = (from: NodeLike, weight = 1) => ({ node: node(from), weight });

export function failover(of: NodeLike[], options: NodeOptions = {}): NodeModel {
  return { ...BASE, kind: "failover", of: of.map((from) => entryOf(from)), ...options };
}

export function weighted(of: [NodeLike, number][], options: NodeOptions = {}): NodeModel {
  return { ...BASE, kind: "weighted", of: of.map(([from, weight]) => entryOf(from, weight)), ...options };
}

export function roundRobin(of: [NodeLike, number][], options: NodeOptions = {}): NodeModel {
  return { ...weighted(of, options), kind: "round_robin" } as NodeModel;
}

export function hash(of: [NodeLike, number][], options: NodeOptions = {}): NodeModel {
  return { ...weighted(of, options), kind: "hash" } as NodeModel;
}

export function byLoad(
  kind: "least_response_time" | "least_connections" | "p2c",
  of: [NodeLike, number][],
  options: NodeOptions = {},
): NodeModel {
  return { ...weighted(of, options), kind } as NodeModel;
}

export function adaptive(of: [NodeLike, number][], parts: Partial<PartsModel>): NodeModel {
  const whole = { connections: 0, p99: 0, errors: 0, ...parts };
  return { ...BASE, kind: "adaptive", of: of.map(([from, weight]) => entryOf(from, weight)), parts: whole };
}

export function union(of: NodeLike[], maxAnswers = 8, options: NodeOptions = {}): NodeModel {
  return { ...BASE, kind: "all", of: of.map((from) => entryOf(from)), maxAnswers, ...options };
}

export function keyed(
  kind: "geo" | "subnets" | "asn",
  keys: Record<string, NodeLike>,
  options: NodeOptions = {},
): NodeModel {
  const entries = Object.entries(keys).map(([key, from]) => ({ key, node: node(from) }));
  return { ...BASE, kind, keys: entries, ...options };
}

export function nearest(of: [NodeLike, LocationModel, number?][], options: NodeOptions = {}): NodeModel {
  const entries = of.map(([from, location, bias = 0]) => ({ ...entryOf(from), location, bias }));
  return { ...BASE, kind: "nearest", of: entries, ...options };
}

/** `rows`: of a latency table, without its header. Entries stand nowhere. */
export function latency(
  of: [NodeLike, region: string][],
  rows: string[],
  options: { toleranceMs?: number } = {},
): NodeModel {
  const parsed = parseLatencyTable(["client,region,rtt_ms", ...rows].join("\n"), rows.join());
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const entries = of.map(([from, region]) => ({ ...entryOf(from), region, location: null, bias: 0 }));
  return {
    ...{ ...BASE, kind: "latency", of: entries, table: parsed.table, toleranceMs: 0, minSamples: 1 },
    ...options,
  };
}

export function record(root: NodeLike, options: Partial<RecordModel> = {}): RecordModel {
  return {
    zone: "gslb.example",
    owner: "www.gslb.example.",
    root: node(root),
    ttlMaxSeconds: 60,
    ttlMinSeconds: 5,
    lastResort: { kind: "all" },
    ecs: true,
    sticky: { ipv4: 24, ipv6: 56 },
    ...options,
  };
}

export const toPool = (target: PoolModel): LastResortModel => ({ kind: "pool", pool: target });

/** What an address can be told to be; `failing` and `recovering` are on their way, see `horizonMs`. */
export type StateText = "up" | "down" | "drained" | "forced-down";

const STATE_BITS: Record<StateText, number> = {
  up: STATE_UP | STATE_PROBED_UP | STATE_KNOWN,
  down: STATE_KNOWN,
  drained: STATE_DRAINED | STATE_PROBED_UP | STATE_KNOWN,
  "forced-down": STATE_FORCED_DOWN | STATE_PROBED_UP | STATE_KNOWN,
};

export interface Question {
  record?: number;
  family?: 4 | 6;
  resolver?: string;
  /** `198.51.100.0/24`. */
  ecs?: string;
  second?: number;
}

export interface Outcome {
  decision: "addresses" | "nodata" | "servfail" | "nothing";
  addresses: string[];
  rows: number[];
  ttl: number;
  scope: number;
}

export interface Figures {
  responseMs?: number;
  /** 1: as much as it can take. */
  load?: number;
  connections?: number;
  capacity?: number;
  p99Ms?: number;
  /** 1: nothing succeeds. */
  errors?: number;
}

/** The words of a row that figures are written in. */
export function writeFigures(rows: HealthRows, row: number, figures: Figures): void {
  const write = (word: number, value: number | undefined, unit: number): void => {
    if (value === undefined) return;
    rows.endpoints[row * ENDPOINT_ROW_WORDS + word] = Math.round(value * unit);
  };
  write(ROW_RESPONSE_US, figures.responseMs, 1000);
  write(ROW_LOAD, figures.load, 65_536);
  write(ROW_CONNECTIONS, figures.connections, 1);
  write(ROW_CAPACITY, figures.capacity, 1);
  write(ROW_P99_US, figures.p99Ms, 1000);
  write(ROW_ERRORS, figures.errors, 65_536);
}

/** Records with their tables and health rows: everything up, until told otherwise. */
export interface World {
  context: DecideContext;
  names: PolicyNames;
  rows: HealthRows;
  answer: Answer;
  client: Client;
  pools: PoolModel[];
  ask(question?: Question): Outcome;
  explain(question?: Question): Explanation;
  /** `target`: an address, or a pool's name for all of its addresses. */
  set(target: string, state: StateText, horizonMs?: number): void;
  /** Address k of `names.addresses` gets state k and horizon k; what has no check stays up. */
  setAll(states: readonly StateText[], horizonsMs: readonly number[]): void;
  setScale(address: string, scale: number): void;
  /** What is measured and reported of an address, or of each of a pool's. */
  setFigures(target: string, figures: Figures): void;
  /** Every pool's verdict anew from the addresses' states; `set` does it too. */
  judge(): void;
}

const NO_DATABASE = joinDatabases(null, null, null);
const OWNER_HASH = 0x51ee9d;

/** Gives rows to the addresses of pools with a check, and to every pool. */
export function createWorld(records: RecordModel[], sources: GeoSources = NO_DATABASE): World {
  const pools = poolsOf(records);
  const rowsByAddress = new Map<string, number[]>();
  const poolsByRow: number[] = [];
  let row = 0;
  for (const [poolRow, model] of pools.entries()) {
    model.row = poolRow;
    for (const address of model.endpoints.flatMap((endpoint) => endpoint.addresses)) {
      if (model.check === null) continue;
      poolsByRow.push(poolRow);
      address.row = row++;
      const text = addressText(address);
      for (const name of [text, model.name]) {
        const known = rowsByAddress.get(name);
        if (known === undefined) rowsByAddress.set(name, [address.row]);
        else known.push(address.row);
      }
    }
  }
  const rows = allocateHealthRows(Math.max(row, 1), Math.max(pools.length, 1));
  const { policy, tableModels, names } = buildPolicy(records);
  const { data } = compileTables(tableModels, sources);
  const context = createDecideContext(policy, data, rows, 0x2545f491);
  const { answer, client } = context;
  const plans = pools.map(plan);
  const judgePools = (affected: Iterable<PoolPlan>): void => {
    for (const pool of affected) writePool(rows, pool, foldPool(rows, pool), 0);
  };
  const judge = (): void => judgePools(plans);
  const judgeRows = (changed: readonly number[]): void =>
    judgePools(new Set(changed.map((at) => plans[poolsByRow[at]!]!)));
  const rowsNamed = (target: string): number[] => {
    const found = rowsByAddress.get(target);
    if (found === undefined) throw new Error(`nothing is called ${target}`);
    return found;
  };
  const set = (target: string, state: StateText, horizonMs = 0): void => {
    for (const at of rowsNamed(target)) {
      rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_BITS[state];
      rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_HORIZON_MS] = horizonMs;
    }
    judgeRows(rowsNamed(target));
  };
  for (let at = 0; at < row; at++) {
    rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_BITS.up;
    rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE] = 65_536;
    rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_RESPONSE_US] = -1;
    clearReport(rows, at);
  }
  judge();
  return {
    context,
    names,
    rows,
    answer,
    client,
    pools,
    judge,
    set,
    setAll: (states, horizonsMs) => {
      for (const [k, state] of states.entries()) {
        const at = policy.addresses[k * ADDRESS_WORDS + ADDRESS_ROW]!;
        if (at < 0) continue;
        rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_BITS[state];
        rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_HORIZON_MS] = horizonsMs[k]!;
      }
      judge();
    },
    setScale: (address, scale) => {
      for (const at of rowsNamed(address)) rows.endpoints[at * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE] = scale;
      judgeRows(rowsNamed(address));
    },
    setFigures: (target, figures) => {
      for (const at of rowsNamed(target)) writeFigures(rows, at, figures);
      judgeRows(rowsNamed(target));
    },
    ask: (question = {}) => {
      prepare(context, question);
      resetAnswer(answer);
      decide(context, question.record ?? 0, OWNER_HASH, question.family ?? 4);
      return outcomeOf(answer, question.family ?? 4);
    },
    explain: (question = {}) => {
      prepare(context, question);
      resetAnswer(answer);
      const family = question.family ?? 4;
      return explainDecision(context, names, question.record ?? 0, OWNER_HASH, family);
    },
  };
}

function plan(model: PoolModel): PoolPlan {
  return {
    row: model.row,
    keyHigh: 0,
    keyLow: model.row + 1,
    zone: model.zone,
    pool: model.name,
    endpoints: model.endpoints.map((endpoint) => endpoint.addresses.map((address) => address.row)),
    minHealthy: model.minHealthy,
    dualStack: model.dualStack,
  };
}

/** Every pool that the records reach, last resorts included, once. */
function poolsOf(records: RecordModel[]): PoolModel[] {
  const pools = new Set<PoolModel>();
  const visited = new Set<NodeModel>();
  const visit = (from: NodeModel): void => {
    if (visited.has(from)) return;
    visited.add(from);
    if (from.lastResort?.kind === "pool") pools.add(from.lastResort.pool);
    if (from.kind === "pool") pools.add(from.pool);
    else if ("keys" in from) for (const key of from.keys) visit(key.node);
    else for (const entry of from.of) visit(entry.node);
  };
  for (const { root, lastResort } of records) {
    visit(root);
    if (lastResort.kind === "pool") pools.add(lastResort.pool);
  }
  return [...pools];
}

function prepare(context: DecideContext, question: Question): void {
  const { client } = context;
  const resolver = question.resolver ?? "9.9.9.9";
  client.resolverFamily = resolver.includes(":") ? 6 : 4;
  client.resolverAddress.fill(0);
  client.resolverAddress.set(addressOctets(resolver));
  const [address, bits] = question.ecs?.split("/") ?? [resolver, "0"];
  client.family = address!.includes(":") ? 6 : 4;
  client.address.fill(0);
  client.address.set(addressOctets(address!));
  client.sourceBits = Number(bits);
  client.fromEcs = question.ecs === undefined ? 0 : 1;
  context.clockS[0] = question.second ?? 1_700_000_000;
}

function outcomeOf(answer: Answer, family: 4 | 6): Outcome {
  const names = new Map<number, Outcome["decision"]>([
    [DECIDED_ADDRESSES, "addresses"],
    [DECIDED_NODATA, "nodata"],
    [DECIDED_SERVFAIL, "servfail"],
  ]);
  const octets = family === 4 ? 4 : 16;
  return {
    decision: names.get(answer.decision) ?? "nothing",
    addresses: Array.from({ length: answer.addressCount }, (_, i) =>
      formatAddress(family, answer.addressOctets.subarray(i * octets)),
    ),
    rows: [...answer.addressRows.subarray(0, answer.addressCount)],
    ttl: answer.decisionTtl,
    scope: answer.scopeBits,
  };
}
