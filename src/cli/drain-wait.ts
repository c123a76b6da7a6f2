import { setTimeout as sleep } from "node:timers/promises";
import { formatMatch, type OverrideMatch } from "../config/override-match.ts";
import type { DrainStatus } from "../control/commands.ts";
import { EXIT_FINDINGS, EXIT_OK, EXIT_TIMEOUT, EXIT_UNREACHED, Unreachable } from "./command.ts";
import type { ControlClient } from "./control-client.ts";
import { plural } from "./finding-lines.ts";
import { createProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

export interface WaitOptions {
  timeoutMs: number;
  isJson: boolean;
  /** Tests hand in their own. */
  nowMs?: () => number;
  pause?: (ms: number) => Promise<void>;
}

const POLL_MS = 250;
/** Without a terminal to write over, a line now and then says that it goes on. */
const LINE_MS = 10_000;
/** A drain takes effect within this long: a snapshot may have to be built for it, and the first verdicts awaited. */
const EFFECT_MS = 30_000;

interface Reply {
  nowMs: number;
  drains: DrainStatus[];
}

/**
 * Waits until no resolver that honours TTLs can have the addresses of a selector, showing how far that is; returns the
 * exit code. What is drained stays so, whatever ends the wait.
 */
export async function waitForDrain(
  client: Pick<ControlClient, "ask">,
  match: OverrideMatch,
  { timeoutMs, isJson, nowMs = () => performance.now(), pause = sleep }: WaitOptions,
  terminal: Terminal,
): Promise<number> {
  const beganMs = nowMs();
  const progress = createProgress(terminal, "draining", nowMs);
  let lineMs = Number.NEGATIVE_INFINITY;
  let longestMs = 1;
  for (;;) {
    let reply: Reply;
    try {
      reply = await client.ask<Reply>("drains", { match });
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      progress.end();
      terminal.err(`steerd: ${error.message}; the drain holds, but its end cannot be seen`);
      return EXIT_UNREACHED;
    }
    const { drains } = reply;
    const held = drains.filter(({ withheld, letGo }) => !withheld || letGo > reply.nowMs);
    const leftMs = Math.max(0, ...held.map(({ letGo }) => letGo - reply.nowMs));
    const spentMs = nowMs() - beganMs;
    if (held.length === 0 && drains.length > 0) {
      progress.end();
      return tellDone(match, drains, spentMs, isJson, terminal);
    }
    const given = drains.filter(({ withheld }) => !withheld).length;
    if (spentMs >= timeoutMs || (given > 0 && spentMs >= EFFECT_MS) || drains.length === 0) {
      progress.end();
      return tellEnd(match, drains, given, leftMs, isJson, terminal);
    }
    longestMs = Math.max(longestMs, spentMs + leftMs);
    const note =
      given > 0
        ? `still answered: ${given} of ${drains.length}`
        : `cached perhaps: ${held.length} of ${drains.length}, up to ${Math.ceil(leftMs / 1000)} s`;
    progress.show(longestMs - leftMs, longestMs, note);
    if (terminal.line === null && !isJson && spentMs - lineMs >= LINE_MS) {
      lineMs = spentMs;
      terminal.out(`draining: ${note}`);
    }
    await pause(POLL_MS);
  }
}

function tellDone(
  match: OverrideMatch,
  drains: DrainStatus[],
  spentMs: number,
  isJson: boolean,
  terminal: Terminal,
): number {
  const elsewhere = drains.filter(({ alsoAt }) => alsoAt.length > 0);
  const code = elsewhere.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  const seconds = Math.round(spentMs / 1000);
  const selector = formatMatch(match);
  if (isJson) {
    terminal.out(JSON.stringify({ ok: true, selector, drained: elsewhere.length === 0, seconds, drains }));
    return code;
  }
  const counted = plural(drains.length, "address", "addresses");
  terminal.out(`No resolver that honours TTLs has ${counted} of ${selector} any more, after ${seconds} s.`);
  for (const { address, alsoAt } of elsewhere.slice(0, MAX_LISTED))
    terminal.out(`But ${address} is answered still, at ${alsoAt.slice(0, 3).join(", ")}.`);
  return code;
}

const MAX_LISTED = 10;

function tellEnd(
  match: OverrideMatch,
  drains: DrainStatus[],
  given: number,
  leftMs: number,
  isJson: boolean,
  terminal: Terminal,
): number {
  const selector = formatMatch(match);
  const code = drains.length === 0 || given > 0 ? EXIT_FINDINGS : EXIT_TIMEOUT;
  if (isJson) {
    const seconds = Math.ceil(leftMs / 1000);
    terminal.out(
      JSON.stringify({ ok: false, selector, drained: false, answered: given, left: seconds, drains }),
    );
    return code;
  }
  if (drains.length === 0) terminal.err(`steerd: the server knows no endpoint that is called ${selector}`);
  else if (given > 0)
    terminal.err(
      `steerd: ${plural(given, "address is", "addresses are")} still answered: a later entry, or an alarm in the server's log, says why`,
    );
  else
    terminal.err(
      `steerd: --timeout has passed: addresses may be cached for ${Math.ceil(leftMs / 1000)} s more; the drain holds`,
    );
  return code;
}
