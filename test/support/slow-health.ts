import type { Timing } from "../../src/health/returns.ts";

/**
 * The rules of health as they are told to people, over the list of all results so far, looked through anew each time:
 * slow, and written without a look at the fold.
 */

export interface Seen {
  ok: boolean;
  atMs: number;
  luck: number;
  /** The budget allows a withdrawal. */
  allowed: boolean;
}

export interface Asked {
  seen: Seen[];
  timing: Timing;
  /** `trial`: added to a live pool. Both began at 0 ms. */
  kind: "unknown" | "trial";
}

/** A published change; the first one is the first verdict. */
export interface Change {
  index: number;
  up: boolean;
  atMs: number;
  flaps: number;
  luck: number;
}

const text = (seen: Seen[]): string => seen.map(({ ok }) => (ok ? "+" : "-")).join("");

/** Failures that count: those after the last `ok_reset` successes in a row. */
function failures(seen: Seen[], timing: Timing): number {
  const pieces = text(seen).split("+".repeat(timing.okReset ?? 1));
  return pieces.at(-1)!.replaceAll("+", "").length;
}

export function changesOf(asked: Asked): Change[] {
  const changes: Change[] = [];
  for (let next = firstChange(asked); next !== null; next = nextChange(asked, changes)) changes.push(next);
  return changes;
}

/** The first verdict: any result after the grace, within it a success; a trial is down until its first success. */
function firstChange({ seen, timing, kind }: Asked): Change | null {
  const index = seen.findIndex(
    ({ ok, atMs }) => ok || (kind === "unknown" && atMs >= (timing.startGraceMs ?? 0)),
  );
  if (index >= 0) {
    const { ok, atMs, luck } = seen[index]!;
    // A trial that failed first is known to be down since then.
    return { index, up: ok, atMs, flaps: 0, luck };
  }
  const known = kind === "trial" ? seen.findIndex(({ atMs }) => atMs >= (timing.startGraceMs ?? 0)) : -1;
  return known < 0
    ? null
    : { index: seen.length, up: false, atMs: seen[known]!.atMs, flaps: 0, luck: seen[known]!.luck };
}

function nextChange(asked: Asked, changes: Change[]): Change | null {
  const last = changes.at(-1)!;
  for (let end = last.index + 1; end < asked.seen.length; end++) {
    const part = asked.seen.slice(last.index + 1, end + 1);
    const { atMs, luck } = asked.seen[end]!;
    if (last.up && withdraws(part, asked.timing))
      return { index: end, up: false, atMs, flaps: flapsWith(asked, changes, atMs), luck };
    if (!last.up && returns(part, last, asked.timing)) return { ...last, index: end, up: true, atMs };
  }
  return null;
}

function withdraws(part: Seen[], timing: Timing): boolean {
  const last = part.at(-1)!;
  return !last.ok && last.allowed && failures(part, timing) >= timing.fall;
}

function returns(part: Seen[], { atMs: downMs, flaps, luck }: Change, timing: Timing): boolean {
  const nowMs = part.at(-1)!.atMs;
  const successes = /\+*$/.exec(text(part))![0].length;
  const spreadMs = luck * (timing.returnJitterMs ?? 0);
  const extra = Math.floor(spreadMs / (timing.fastIntervalMs ?? timing.intervalMs));
  if (successes < timing.rise + extra) return false;
  const waits = [
    [downMs, timing.holdDownMs ?? 0],
    [downMs, flaps === 0 ? 0 : Math.min(timing.dampingMs ?? 0, 60_000 * 2 ** (flaps - 1))],
    [part.at(-successes)!.atMs, timing.holdHealthyMs ?? 0],
  ] as const;
  return waits.every(([fromMs, waitMs]) => waitMs === 0 || nowMs >= fromMs + waitMs + spreadMs);
}

/** Alternations after a withdrawal now: one more if it had come back less than a minute ago, one less per five minutes. */
function flapsWith({ kind }: Asked, changes: Change[], nowMs: number): number {
  const last = changes.at(-1)!;
  const upMs = nowMs - last.atMs;
  const left = Math.max(0, last.flaps - Math.floor(upMs / 300_000));
  const cameBack = changes.length > 1 || kind === "trial";
  return cameBack && upMs < 60_000 ? Math.min(12, left + 1) : left;
}

export function sparedByBudget({ seen, timing }: Asked, changes: Change[]): boolean {
  const last = changes.at(-1);
  if (last === undefined || !last.up) return false;
  const since = seen.slice(last.index + 1);
  const latest = since.findLastIndex(({ ok }) => !ok);
  return latest >= 0 && failures(since, timing) >= timing.fall;
}

/**
 * Milliseconds until the state flips when every result from now on is against it, on the pace of the rules, within
 * `most` results; null: it is settled; Infinity: it takes more of them.
 */
export function horizonBySearch(asked: Asked, most: number): number | null {
  const { seen, timing } = asked;
  const changes = changesOf(asked);
  const last = changes.at(-1);
  const isUnknown = last === undefined || (asked.kind === "trial" && !changes.some(({ up }) => up));
  const up = last?.up ?? false;
  if (up && failures(seen.slice(last!.index + 1), timing) === 0) return null;
  const fastMs = timing.fastIntervalMs ?? timing.intervalMs;
  const extra = Math.floor(((last?.luck ?? 0) * (timing.returnJitterMs ?? 0)) / fastMs);
  const future = [...seen];
  for (let n = 0; n < most; n++) {
    const part = isUnknown ? [] : future.slice(last!.index + 1);
    const successes = /\+*$/.exec(text(part))![0].length;
    const isChanging = up || (successes > 0 && successes < timing.rise + extra);
    const gapMs = isChanging && !isUnknown ? fastMs : timing.intervalMs;
    future.push({ ok: !up, atMs: future.at(-1)!.atMs + gapMs, luck: 0, allowed: true });
  }
  const flip = changesOf({ ...asked, seen: future })[
    changes.filter(({ index }) => index < seen.length).length
  ];
  return flip === undefined ? Number.POSITIVE_INFINITY : flip.atMs - seen.at(-1)!.atMs;
}

/** Sums of parts end a little beside 1. */
const WHOLE = 1 - 1e-9;

/** Part of its weight that an address takes now, 0 to 1. */
export function rampByHistory(asked: Asked): number {
  const { seen, timing, kind } = asked;
  const slowMs = timing.slowStartMs ?? 0;
  const changes = changesOf(asked);
  if (slowMs === 0) return 1;
  let level = 0;
  let part = 1;
  for (const [k, change] of changes.entries()) {
    if (!change.up) continue;
    const end = changes[k + 1]?.index ?? seen.length;
    const isSlow = k > 0 || kind === "trial";
    part = isSlow ? 0 : 1;
    let fromMs = change.atMs;
    for (const { ok, atMs } of seen.slice(change.index + 1, end)) {
      if (part < WHOLE) part += (atMs - fromMs) / (slowMs * 2 ** level);
      fromMs = atMs;
      if (!ok && part < WHOLE) part /= 2;
    }
    const next = changes[k + 1];
    if (next === undefined) break;
    if (part < WHOLE) part += (next.atMs - fromMs) / (slowMs * 2 ** level);
    level = isSlow && part < WHOLE ? Math.min(4, level + 1) : 0;
  }
  return changes.at(-1)?.up === true ? Math.min(1, part) : 1;
}
