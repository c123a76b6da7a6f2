import type { HealthClock } from "../health/probe.ts";
import type { Log } from "../serve/messages.ts";
import { type HealthEvent, isNews } from "./health-event.ts";
import { alertOf, fillTemplate, type Template } from "./notify-payload.ts";
import { earlier, Outbox, type OutboxCounts } from "./outbox.ts";
import type { Delivery, SendWebhook } from "./webhook.ts";

/** Who is told of changes, and how. */
export interface Receiver {
  name: string;
  type: "alertmanager" | "webhook";
  /** Of the request, with its path. */
  url: string;
  headers: Record<string, string>;
  /** Kinds of events. */
  on: readonly string[];
  timeoutMs: number;
  /** Of a webhook: the body for one event. */
  template: Template;
  /** Of Alertmanager: labels that every alert carries. */
  labels: Record<string, string>;
}

/** A receiver as metrics show it. */
export interface ReceiverState {
  name: string;
  queued: number;
  isFailing: boolean;
  counts: OutboxCounts;
}

export interface Notifier {
  /** Takes over the receivers of a configuration; those that stay keep what waits for them. */
  adopt(receivers: readonly Receiver[]): void;
  tell(event: HealthEvent): void;
  states(): ReceiverState[];
  /** Number of the oldest event that some receiver has not been told of; null: all were told of everything. */
  oldest(): number | null;
  stop(): void;
}

export interface NotifierOptions {
  clock: HealthClock;
  random: () => number;
  log: Log;
  send: SendWebhook;
  /** Everything that is wrong at the moment, however it came about. */
  current: () => HealthEvent[];
}

/** Alerts in one request: Alertmanager takes them as a list. */
const MAX_ALERTS = 500;
/** Alertmanager takes an alert for resolved when it does not hear of it for five minutes (`resolve_timeout`). */
const REPEAT_MS = 60_000;

/** Tells receivers of events, one request at a time for each, again and again until it is taken. */
export function createNotifier(options: NotifierOptions): Notifier {
  return new WebhookNotifier(options);
}

interface Told {
  receiver: Receiver;
  outbox: Outbox;
  timer: unknown;
  /** The log has said that it cannot be told. */
  isLogged: boolean;
}

class WebhookNotifier implements Notifier {
  private readonly options: NotifierOptions;
  private readonly told = new Map<string, Told>();
  private repeatTimer: unknown = null;
  private isStopped = false;

  constructor(options: NotifierOptions) {
    this.options = options;
  }

  adopt(receivers: readonly Receiver[]): void {
    const names = new Set(receivers.map(({ name }) => name));
    for (const [name, { timer }] of this.told) {
      if (names.has(name)) continue;
      if (timer !== null) this.options.clock.clearTimer(timer);
      this.told.delete(name);
    }
    for (const receiver of receivers) {
      const before = this.told.get(receiver.name);
      if (before !== undefined) before.receiver = receiver;
      else this.told.set(receiver.name, { receiver, outbox: new Outbox(), timer: null, isLogged: false });
    }
    const repeats = receivers.some(({ type }) => type === "alertmanager");
    if (repeats && this.repeatTimer === null) this.repeat();
  }

  tell(event: HealthEvent): void {
    if (!isNews(event)) return;
    for (const told of this.told.values()) {
      if (!told.receiver.on.includes(event.kind)) continue;
      told.outbox.push(event, this.options.clock.nowMs());
      this.schedule(told);
    }
  }

  states(): ReceiverState[] {
    return [...this.told.values()].map(({ receiver: { name }, outbox }) => {
      const { queued, isFailing, counts } = outbox;
      return { name, queued, isFailing, counts };
    });
  }

  oldest(): number | null {
    return [...this.told.values()].map(({ outbox }) => outbox.oldest).reduce(earlier, null);
  }

  stop(): void {
    this.isStopped = true;
    const timers = [this.repeatTimer, ...[...this.told.values()].map(({ timer }) => timer)];
    for (const timer of timers) if (timer !== null) this.options.clock.clearTimer(timer);
  }

  /** What is wrong is said again and again: also what was wrong before this worker, or this process, began. */
  private repeat(): void {
    for (const told of this.told.values()) {
      if (told.receiver.type !== "alertmanager" || told.outbox.isFailing) continue;
      for (const event of this.options.current())
        if (told.receiver.on.includes(event.kind)) told.outbox.push(event, this.options.clock.nowMs());
      this.schedule(told);
    }
    this.repeatTimer = this.options.clock.setTimer(() => this.repeat(), REPEAT_MS);
  }

  private schedule(told: Told): void {
    const { clock } = this.options;
    const dueInMs = told.outbox.dueInMs(clock.nowMs());
    if (dueInMs === null || told.timer !== null || this.isStopped) return;
    told.timer = clock.setTimer(() => {
      told.timer = null;
      void this.deliver(told);
    }, dueInMs);
  }

  private async deliver(told: Told): Promise<void> {
    const { receiver, outbox } = told;
    const { clock, random, send } = this.options;
    const events = outbox.take(receiver.type === "alertmanager" ? MAX_ALERTS : 1, clock.nowMs());
    const body = bodyOf(receiver, events);
    const delivery: Delivery =
      events.length === 0 || body === null
        ? { outcome: "sent" }
        : await send({ url: receiver.url, headers: receiver.headers, body, timeoutMs: receiver.timeoutMs });
    this.report(told, delivery);
    if (delivery.outcome === "sent") outbox.sent();
    else if (delivery.outcome === "refused") outbox.refused();
    else outbox.failed(clock.nowMs(), random, delivery.afterMs);
    this.schedule(told);
  }

  /** One line when a receiver begins to fail, and one when it works again. Neither its path nor its headers are shown. */
  private report(told: Told, delivery: Delivery): void {
    const { name, url } = told.receiver;
    const where = `notify ${name}: ${new URL(url).origin}`;
    const failed = delivery.outcome !== "sent";
    if (failed && !told.isLogged) {
      const next = delivery.outcome === "again" ? "; trying again" : "; it is not tried again";
      this.options.log("warn", `${where} was not told (${delivery.why})${next}`, {
        event: "notify",
        receiver: name,
      });
    } else if (!failed && told.isLogged)
      this.options.log("info", `${where} is told again`, { event: "notify", receiver: name });
    told.isLogged = failed;
  }
}

/** Null: nothing of it is for this receiver. */
function bodyOf({ type, template, labels }: Receiver, events: readonly HealthEvent[]): string | null {
  if (type === "webhook") {
    const [event] = events;
    return event === undefined ? null : JSON.stringify(fillTemplate(template, event));
  }
  const alerts = events.flatMap((event) => alertOf(event, labels) ?? []);
  return alerts.length === 0 ? null : JSON.stringify(alerts);
}
