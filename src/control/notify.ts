import type { HealthClock } from "../health/probe.ts";
import type { SharedBlocks } from "../serve/blocks.ts";
import type { ControlEvent, Log } from "../serve/messages.ts";
import { currentTroubles } from "./current-health.ts";
import { eventOf } from "./health-event.ts";
import { createNotifier, type Receiver } from "./notifier.ts";
import type { ControlStatus } from "./status.ts";
import { sendWebhook } from "./webhook.ts";

/** Counts changes of health and tells others of them. */
export interface Notify {
  adopt(receivers: readonly Receiver[]): void;
  tell(event: ControlEvent): void;
  stop(): void;
}

/** The notifier of a server, shown in its metrics. */
export function startNotify(
  blocks: SharedBlocks,
  status: ControlStatus,
  clock: HealthClock,
  log: Log,
): Notify {
  const notifier = createNotifier({
    clock,
    random: Math.random,
    log,
    send: sendWebhook,
    current: () => currentTroubles(blocks, status, clock.wallMs()),
  });
  status.receivers = () => notifier.states();
  return {
    adopt: (receivers) => notifier.adopt(receivers),
    tell: (said) => {
      const event = eventOf(said, said.timeMs);
      if (event === null) return;
      status.transitions.count(event);
      notifier.tell(event);
    },
    stop: () => notifier.stop(),
  };
}
