import type { FreezeMove } from "../health/doubt.ts";
import type { ForcedWord } from "../health/forced.ts";
import type { LatchMove } from "../health/latches.ts";
import type { Prober, ProberOptions } from "../health/prober.ts";
import { isWarning, reasonText } from "../health/reasons.ts";
import type {
  EndpointTransition,
  EndpointWarning,
  ForcedTransition,
  PoolTransition,
} from "../health/transitions.ts";
import { WORD_FROZEN } from "./blocks.ts";
import { createCollection } from "./collect.ts";
import { readWords } from "./control-words.ts";
import type { HealthMemory } from "./health-memory.ts";
import type { FromProbe, Log, ProbeInit, ToProbe, WorkerPort } from "./messages.ts";

/** How soon the worker sees its control words. */
const BEAT_MS = 100;
/** What the start, or a plan that was replaced, leaves behind is collected when the first round is over. */
const SETTLE_MS = 2_500;

type CreateProber = (
  options: Pick<
    ProberOptions,
    | "rows"
    | "onTransition"
    | "onPoolTransition"
    | "onWarning"
    | "onRunTurn"
    | "onForced"
    | "onLatchMove"
    | "onFreeze"
    | "onRoundDone"
  >,
) => Prober;

/** Runs the probe worker on `port` until it is told to stop: every change of health becomes one line of the log. */
export function runProbeWorker(
  init: ProbeInit,
  port: WorkerPort<ToProbe, FromProbe>,
  createProber: CreateProber,
  /** Null: a restart knows nothing. */
  createMemory: (log: Log) => HealthMemory | null = () => null,
): void {
  const log: Log = (level, message, fields = {}) => port.postMessage({ kind: "log", level, message, fields });
  const memory = createMemory(log);
  const settling = createCollection(SETTLE_MS);
  let generation = 0;
  Atomics.store(init.words, WORD_FROZEN, 0);
  const prober = createProber({
    rows: init.rows,
    onTransition: (transition) => {
      logEndpoint(log, transition);
      memory?.changed();
    },
    onPoolTransition: (transition) => {
      logPool(log, transition);
      memory?.changed();
    },
    onWarning: (warning) => logWarning(log, warning),
    onRunTurn: () => memory?.changed(),
    onForced: (transition) => logForced(log, transition),
    onLatchMove: (move) => {
      logLatch(log, move);
      memory?.changed();
    },
    onFreeze: (move) => {
      Atomics.store(init.words, WORD_FROZEN, move.frozen ? 1 : 0);
      logFreeze(log, move);
    },
    onRoundDone: () => port.postMessage({ kind: "roundDone", generation }),
  });
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(beat);
    settling.cancel();
    prober.stop();
    const end = (): void => {
      port.postMessage({ kind: "stopped" });
      port.close();
    };
    if (memory === null) end();
    else void memory.stop().then(end);
  };
  const beat = setInterval(() => {
    if (readWords(init.words)) stop();
  }, BEAT_MS);
  port.on("message", (message) => {
    if (message.kind === "plan") {
      generation = message.generation;
      memory?.adopt(message.plan, message.discovered ?? new Map());
      prober.setPlan(message.plan);
      port.postMessage({ kind: "planned" });
      settling.request();
    } else if (message.kind === "answering") memory?.begin();
    else if (message.kind === "release") prober.releaseRetired();
    else if (message.kind === "forced") prober.setForced(message.forced);
    else if (message.kind === "releaseLatch") {
      const { zone, policy } = message;
      const released = prober.releaseLatch(zone, policy);
      log(
        released ? "info" : "warn",
        released ? `${policy} was released by hand` : `${policy} has no latch`,
        {
          event: "latch",
          zone,
          policy,
        },
      );
    } else if (message.kind === "thaw") {
      if (!prober.thaw()) log("warn", "thaw: states are not frozen", { event: "freeze" });
    } else stop();
  });
}

function logEndpoint(log: Log, transition: EndpointTransition): void {
  const { zone, pool, endpoint, address, from, to, durationMs, held, forced, part } = transition;
  const reason = reasonText(transition.reason);
  const after = from === "unknown" ? "first verdict" : `after ${formatDuration(durationMs)} ${from}`;
  const probed = held ? "kept up" : to;
  const is = forced === undefined ? `is ${probed}` : `is ${FORCED[forced]}, and its probes say ${probed}`;
  const who = address === "" ? pool : `${pool}/${endpoint} ${address}`;
  const by = part === undefined ? "" : ` by ${part}`;
  log(to === "up" ? "info" : "warn", `${who} ${is}${by}: ${reason}, ${after}`, {
    event: eventOf(transition),
    zone,
    pool,
    endpoint,
    address,
    from,
    to,
    reason,
    durationMs: Math.round(durationMs),
    ...(forced === undefined ? {} : { forced }),
    ...(part === undefined ? {} : { check: part }),
  });
}

/** What the log calls a change of something that is probed or calculated. */
function eventOf({ zone, address, part }: EndpointTransition): string {
  if (zone === "") return "canary";
  if (address === "") return "region";
  return part === undefined ? "endpoint" : "part";
}

function logWarning(log: Log, { zone, pool, endpoint, address, reason }: EndpointWarning): void {
  const isOn = isWarning(reason);
  const what = isOn ? `is up with a warning: ${reasonText(reason)}` : "is up without a warning again";
  log(isOn ? "warn" : "info", `${pool}/${endpoint} ${address} ${what}`, {
    event: "warning",
    zone,
    pool,
    endpoint,
    address,
    reason: reasonText(reason),
  });
}

function logForced(log: Log, transition: ForcedTransition): void {
  const { zone, pool, endpoint, address, from, to, probed } = transition;
  const what =
    to === null
      ? `is ${probed} as its probes say: no longer ${FORCED[from!]}`
      : `is ${FORCED[to]}: its probes say ${probed}`;
  const fields = { event: "forced", zone, pool, endpoint, address, from, to, probed };
  log("warn", `${pool}/${endpoint} ${address} ${what}`, fields);
}

const FORCED: Record<ForcedWord, string> = { up: "forced up", down: "forced down", drain: "drained" };

function logPool(log: Log, transition: PoolTransition): void {
  const { zone, pool, from, to, up, usable, withheld, durationMs } = transition;
  const after = from === "unknown" ? "first verdict" : `after ${formatDuration(durationMs)} ${from}`;
  const what = withheld
    ? "is taken out by hand, all of it drained or forced down"
    : `${to === "healthy" ? "is healthy" : "has failed"}: ${up} of ${usable} up`;
  log(to === "healthy" ? "info" : "warn", `pool ${pool} ${what}, ${after}`, {
    event: "pool",
    zone,
    pool,
    from,
    to,
    up,
    usable,
    ...(withheld ? { withheld } : {}),
    durationMs: Math.round(durationMs),
  });
}

const THAWED: Record<FreezeMove["cause"], string> = {
  "": "",
  canary: "a canary passes",
  recovered: "endpoints answer again",
  operator: "an operator said so",
};

function logFreeze(log: Log, move: FreezeMove): void {
  const { frozen, cause, failing, live, regions, canaries, restored, durationMs } = move;
  const fail = `${failing} of ${live} addresses fail`;
  const others = canaries === "failing" ? "and so do all canaries" : `in ${regions.length} regions at once`;
  const text = frozen
    ? `states are frozen: ${fail}, ${others}; the network of this server is in doubt`
    : `states follow the probes again, after ${formatDuration(durationMs)}: ${THAWED[cause]}`;
  log(frozen ? "error" : "warn", text, {
    event: "freeze",
    frozen,
    cause,
    failing,
    live,
    regions,
    canaries,
    restored,
    durationMs: Math.round(durationMs),
  });
}

function logLatch(log: Log, { zone, policy, from, to }: LatchMove): void {
  log("warn", `${policy} goes from ${from} to ${to}`, { event: "latch", zone, policy, from, to });
}

const UNITS: [name: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** For people, in the largest unit that fits at least twice: `42 s`, `3 h`, `250 ms`. */
export function formatDuration(ms: number): string {
  for (const [name, unitMs] of UNITS) if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)} ${name}`;
  return `${Math.round(ms)} ms`;
}
