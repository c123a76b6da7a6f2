import type { HealthClock } from "../health/probe.ts";
import { type SharedBlocks, WORD_HEARD, WORD_TOLD } from "../serve/blocks.ts";
import { isAfter, type NumberedEvent } from "../serve/event-tail.ts";
import type { ControlEvent, Log } from "../serve/messages.ts";
import { currentTroubles } from "./current-health.ts";
import { eventOf, type HealthEvent, lateEvent } from "./health-event.ts";
import { createNotifier, type Receiver } from "./notifier.ts";
import type { ControlStatus } from "./status.ts";
import { type SendWebhook, sendWebhook } from "./webhook.ts";

/** Counts changes of health and tells others of them. */
export interface Notify {
  /** Nobody is told of anything before receivers are known. */
  adopt(receivers: readonly Receiver[]): void;
  tell(event: ControlEvent): void;
  /** Once, before any event of the probe worker: what the control worker before this one did not count or tell is made up for. */
  recall(past: readonly NumberedEvent[]): void;
  stop(): void;
}

/** How often is noted up to where all has been told: what is sent within it may be sent again by the next worker. */
const NOTE_MS = 1000;
/** Events that wait for receivers to be known: more than the names of a configuration give time for. */
const MAX_EARLY = 1000;

/** The notifier of a server, shown in its metrics. */
export function startNotify(
  { control, ...blocks }: SharedBlocks,
  status: ControlStatus,
  clock: HealthClock,
  log: Log,
  send: SendWebhook = sendWebhook,
): Notify {
  const current = (): HealthEvent[] => currentTroubles(blocks, status, clock.wallMs());
  const notifier = createNotifier({ clock, random: Math.random, log, send, current });
  status.receivers = () => notifier.states();
  let early: HealthEvent[] | null = [];
  let isAdopted = false;
  let isRecalled = false;
  let isIncomplete = false;
  let timer: unknown = null;
  const note = (): void => {
    const oldest = notifier.oldest();
    Atomics.store(control, WORD_TOLD, oldest === null ? Atomics.load(control, WORD_HEARD) : oldest - 1);
    timer = clock.setTimer(note, NOTE_MS);
  };
  const begin = (): void => {
    if (!isAdopted || !isRecalled || early === null) return;
    if (isIncomplete) for (const event of current()) notifier.tell(event);
    for (const event of early) notifier.tell(event);
    early = null;
    note();
  };
  const tell = (event: HealthEvent): void => {
    if (early === null) notifier.tell(event);
    else if (early.push(event) > MAX_EARLY) early.shift();
  };
  return {
    adopt: (receivers) => {
      notifier.adopt(receivers);
      isAdopted = true;
      begin();
    },
    tell: (said) => {
      if (said.sequence !== undefined) Atomics.store(control, WORD_HEARD, said.sequence);
      const event = eventOf(said, said.timeMs);
      if (event === null) return;
      status.transitions.count(event);
      tell(event);
    },
    recall: (past) => {
      const heard = Atomics.load(control, WORD_HEARD);
      const told = Atomics.load(control, WORD_TOLD);
      for (const said of past) {
        const event = eventOf(said, said.timeMs);
        if (event === null || !isAfter(said.sequence, told)) continue;
        if (isAfter(said.sequence, heard)) status.transitions.count(event);
        tell(lateEvent(event));
      }
      const [first] = past;
      // More than are kept: what is wrong now is told in place of what came before them.
      isIncomplete = first !== undefined && isAfter(first.sequence, told + 1);
      if (isIncomplete) log("warn", "more has changed than is kept: receivers are told what is wrong now");
      if (past.length > 0) Atomics.store(control, WORD_HEARD, past.at(-1)!.sequence);
      isRecalled = true;
      begin();
    },
    stop: () => {
      if (timer !== null) clock.clearTimer(timer);
      notifier.stop();
    },
  };
}
