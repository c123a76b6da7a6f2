import { judgeLast } from "../config/judge-overrides.ts";
import type { KnownNames } from "../config/known-names.ts";
import { matchesPlace, type OverrideMatch } from "../config/override-match.ts";
import { oneOf } from "../config/problem.ts";
import { everyTarget, type LatchPlan } from "../health/plan.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_CURRENT,
  LATCH_ROW_WORDS,
  POOL_ROW_WORDS,
  ROW_STATE,
  STATE_PROBED_UP,
  STATE_WITHHELD,
} from "../health/rows.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../policy/data.ts";
import { type SharedBlocks, WORD_FROZEN, WORD_GENERATION, WORD_UNWRITTEN } from "../serve/blocks.ts";
import type { FromControl } from "../serve/messages.ts";
import { listed } from "../wire/listing.ts";
import type { EventBook } from "./event-book.ts";
import type { Expiries } from "./expiries.ts";
import { poolStatuses } from "./live-status.ts";
import type { Overrides, OverridesInUse } from "./overrides.ts";
import { drainsRequest, eventsRequest, failbackRequest, judgeRequest, taking } from "./requests.ts";
import { type Handler, RequestRefused } from "./socket-server.ts";
import type { ControlStatus } from "./status.ts";

export interface CommandSources {
  blocks: SharedBlocks;
  status: ControlStatus;
  overrides: Overrides;
  expiries: Expiries;
  events: EventBook;
  known: () => KnownNames;
  post: (message: FromControl) => void;
  version: string;
  startedMs: number;
}

/** What `steerd drain --wait` is told of one address. */
export interface DrainStatus {
  zone: string;
  pool: string;
  endpoint: string;
  address: string;
  /** Nobody is given it any more. */
  withheld: boolean;
  /** From when on no resolver that honours TTLs has it, if nobody is given it from now on: milliseconds since 1970. */
  letGo: number;
  /** Other endpoints with the same address that are answered. */
  alsoAt: string[];
}

/** Rows of health as `steerd explain` takes them over: words, by the identity that each row carries. */
export interface LiveRows {
  generation: number;
  endpoints: number[][];
  pools: number[][];
  latches: number[][];
  /** Addresses of names that are looked up. */
  known: [name: string, addresses: readonly string[]][];
}

/** What commands of this user may ask on the control socket. */
export function createCommands(sources: CommandSources): Record<string, Handler> {
  const { blocks, status, overrides, events, post } = sources;
  const inUse = (): OverridesInUse => {
    const now = overrides.inUse();
    if (now === null) throw new RequestRefused("the server has no configuration yet");
    return now;
  };
  return {
    status: () => ({
      version: sources.version,
      startedMs: sources.startedMs,
      nowMs: Date.now(),
      generation: status.generation,
      reloadOk: status.lastReloadOk,
      frozen: Atomics.load(blocks.probe, WORD_FROZEN) === 1,
      stateFileOk: Atomics.load(blocks.probe, WORD_UNWRITTEN) === 0,
      overrides: overridesStatus(inUse()),
      pools: poolStatuses(inUse(), blocks.rows, sources.expiries),
    }),
    rows: () => liveRows(blocks, status, sources.known()),
    judge: taking(judgeRequest, ({ entries }) => {
      const { loaded, ground } = inUse();
      return judgeLast(loaded.entries ?? [], entries, ground, Date.now(), (address) =>
        isProbedUp(blocks.rows, ground.policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!),
      );
    }),
    overrides: () => ({ findings: overrides.reload(), ...overridesStatus(inUse()) }),
    drains: taking(drainsRequest, ({ match }) => ({
      nowMs: Date.now(),
      drains: drains(inUse(), match, sources),
    })),
    failback: taking(failbackRequest, ({ name }) => {
      const latch = findLatch(status.plan.failback?.latches ?? [], name);
      const { zone, policy, entries } = latch;
      const current = Atomics.load(blocks.rows.latches, latch.row * LATCH_ROW_WORDS + LATCH_ROW_CURRENT);
      // At the first entry there is nothing to release, and nothing to log.
      if (current !== 0) post({ kind: "releaseLatch", zone, policy });
      return { zone, policy, current: entries[current]?.name ?? "", first: entries[0]!.name };
    }),
    thaw: () => {
      const frozen = Atomics.load(blocks.probe, WORD_FROZEN) === 1;
      if (frozen) post({ kind: "thaw" });
      return { frozen };
    },
    events: taking(eventsRequest, ({ last, follow }, send, onClose) => {
      if (follow) onClose(events.follow((event) => send({ event })));
      return { events: events.last(last) };
    }),
  };
}

/** Without a row an address is always up. */
function isProbedUp(rows: HealthRows, row: number): boolean {
  return (
    row < 0 || (Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + ROW_STATE) & STATE_PROBED_UP) !== 0
  );
}

function overridesStatus({ loaded, resolved, isSound }: OverridesInUse) {
  return {
    file: loaded.path,
    isSound,
    entries: loaded.entries?.length ?? 0,
    ignored: [...resolved.ignored.keys()],
  };
}

function liveRows({ rows, control }: SharedBlocks, { plan }: ControlStatus, known: KnownNames): LiveRows {
  const read = (words: Int32Array, size: number, list: { row: number }[]): number[][] =>
    list.map(({ row }) => Array.from({ length: size }, (_, i) => Atomics.load(words, row * size + i)));
  return {
    generation: Atomics.load(control, WORD_GENERATION),
    endpoints: read(rows.endpoints, ENDPOINT_ROW_WORDS, everyTarget(plan)),
    pools: read(rows.pools, POOL_ROW_WORDS, plan.pools),
    latches: read(rows.latches, LATCH_ROW_WORDS, plan.failback?.latches ?? []),
    known: [...known],
  };
}

/** The addresses that a selector is about, and how far each of them is drained. */
function drains(
  { ground }: OverridesInUse,
  match: OverrideMatch,
  { blocks, expiries }: CommandSources,
): DrainStatus[] {
  const { names, policy } = ground;
  const isWithheld = (address: number): boolean => {
    const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
    if (row < 0) return false;
    return (Atomics.load(blocks.rows.endpoints, row * ENDPOINT_ROW_WORDS + ROW_STATE) & STATE_WITHHELD) !== 0;
  };
  const called = names.addresses.map(({ endpoint: at }) => {
    if (at < 0) return null;
    const { pool: poolAt, name: endpoint } = names.endpoints[at]!;
    const { zone, name: pool, region } = names.pools[poolAt]!;
    return { zone, pool, region, endpoint };
  });
  const answered = new Map<string, string[]>();
  for (const [address, { text }] of names.addresses.entries()) {
    if (isWithheld(address)) continue;
    const place = called[address];
    const name = place == null ? "a last resort" : `pool:${place.zone}/${place.pool}/${place.endpoint}`;
    answered.set(text, [...(answered.get(text) ?? []), name]);
  }
  return names.addresses.flatMap(({ text }, address) => {
    const place = called[address];
    if (place == null || !matchesPlace(match, place)) return [];
    const { zone, pool, endpoint } = place;
    const withheld = isWithheld(address);
    const alsoAt = withheld ? (answered.get(text) ?? []) : [];
    return [{ zone, pool, endpoint, address: text, withheld, letGo: expiries.letGoMs(address), alsoAt }];
  });
}

/** By the policy's name, the record's, or what findings call it; with the zone before it where that is needed. */
function findLatch(latches: readonly LatchPlan[], name: string): LatchPlan {
  const found = latches.filter((latch) => namesOf(latch).includes(name.replace(/\.$/, "")));
  const [latch] = found;
  if (latch !== undefined && found.length === 1) return latch;
  if (latch === undefined) {
    throw new RequestRefused(
      latches.length === 0
        ? "no failover of the server waits for a failback: it is auto everywhere"
        : `no failover that waits for a failback is called "${name}": expected ${oneOf(name, latches.map(calledOf))}`,
    );
  }
  const choices = found.map(({ zone, policy }) => `"${zone}/${policy}"`);
  throw new RequestRefused(`${found.length} are called "${name}": expected one of ${listed(choices)}`);
}

/** As people would write it: a policy by its name, a record by its own in full. */
function calledOf({ zone, policy }: LatchPlan): string {
  const owner = /^([^:]+): /.exec(policy)?.[1];
  if (owner !== undefined) return owner === "@" ? zone : `${owner}.${zone}`;
  return /^policies\.([^.[]+)$/.exec(policy)?.[1] ?? policy;
}

function namesOf({ zone, policy }: LatchPlan): string[] {
  const policyName = /^policies\.([^.[]+)/.exec(policy)?.[1];
  const owner = /^([^:]+): /.exec(policy)?.[1];
  const short = [policyName, owner].flatMap((word) => word ?? []);
  const full = owner === undefined ? [] : [owner === "@" ? zone : `${owner}.${zone}`];
  return [policy, ...short, ...full, ...[policy, ...short].map((word) => `${zone}/${word}`)];
}
