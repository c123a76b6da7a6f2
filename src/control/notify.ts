import type { HealthClock } from "../health/probe.ts";
import { type SharedBlocks, WORD_TOLD_S } from "../serve/blocks.ts";
import type { ControlEvent, Log } from "../serve/messages.ts";
import { changesSince, currentTroubles } from "./current-health.ts";
import { eventOf } from "./health-event.ts";
import { createNotifier, type Receiver } from "./notifier.ts";
import type { ControlStatus } from "./status.ts";
import { type SendWebhook, sendWebhook } from "./webhook.ts";

/** Counts changes of health and tells others of them. */
export interface Notify {
  /** The first time also tells of what a control worker before this one had not told, by what the rows say. */
  adopt(receivers: readonly Receiver[]): void;
  tell(event: ControlEvent): void;
  stop(): void;
}

/** How often is noted until when all has been told; what waits in the worker's queue of messages is younger than that. */
const NOTE_MS = 1000;

/** The notifier of a server, shown in its metrics. */
export function startNotify(
  blocks: SharedBlocks,
  status: ControlStatus,
  clock: HealthClock,
  log: Log,
  send: SendWebhook = sendWebhook,
): Notify {
  const notifier = createNotifier({
    clock,
    random: Math.random,
    log,
    send,
    current: () => currentTroubles(blocks, status, clock.wallMs()),
  });
  status.receivers = () => notifier.states();
  let timer: unknown = null;
  const note = (): void => {
    const toldMs = Math.min(notifier.oldestMs() ?? Number.POSITIVE_INFINITY, clock.wallMs() - NOTE_MS);
    Atomics.store(blocks.control, WORD_TOLD_S, Math.floor(toldMs / 1000));
    timer = clock.setTimer(note, NOTE_MS);
  };
  /** Rows know what a worker that died took with it: what changed last, of each address and pool. */
  const catchUp = (): void => {
    const sinceS = Atomics.load(blocks.control, WORD_TOLD_S);
    if (sinceS === 0) return;
    for (const event of changesSince(blocks, status, sinceS, clock.wallMs())) notifier.tell(event);
  };
  return {
    adopt: (receivers) => {
      notifier.adopt(receivers);
      if (timer !== null) return;
      catchUp();
      note();
    },
    tell: (said) => {
      const event = eventOf(said, said.timeMs);
      if (event === null) return;
      status.transitions.count(event);
      notifier.tell(event);
    },
    stop: () => {
      if (timer !== null) clock.clearTimer(timer);
      notifier.stop();
    },
  };
}
