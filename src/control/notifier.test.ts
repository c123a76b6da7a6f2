import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { eventOf, type HealthEvent } from "./health-event.ts";
import { createNotifier, type Notifier, type Receiver } from "./notifier.ts";
import { DEFAULT_TEMPLATE, fillTemplate, type Template, unknownFields } from "./notify-payload.ts";
import { createTransitionBook } from "./transition-book.ts";
import type { Delivery, WebhookRequest } from "./webhook.ts";

const down = eventOf(
  {
    message: "eu/lb1 192.0.2.1 is down: refused, after 42 s up",
    fields: {
      event: "endpoint",
      zone: "z.example",
      pool: "eu",
      endpoint: "lb1",
      address: "192.0.2.1",
      from: "up",
      to: "down",
      reason: "refused",
      durationMs: 42_000,
    },
  },
  1_700_000_000_000,
)!;
const up: HealthEvent = {
  ...down,
  from: "down",
  to: "up",
  reason: "ok",
  summary: "is up",
  atMs: down.atMs + 5000,
};
const failed: HealthEvent = {
  ...down,
  kind: "pool",
  endpoint: "",
  address: "",
  from: "healthy",
  to: "failed",
};

const chat: Receiver = {
  name: "chat",
  type: "webhook",
  url: "https://hooks.example/secret-path",
  headers: { authorization: "Bearer secret" },
  on: ["endpoint", "pool"],
  timeoutMs: 5000,
  template: { text: "{{summary}}" },
  labels: {},
};
const alerts: Receiver = {
  ...chat,
  name: "alerts",
  type: "alertmanager",
  url: "http://127.0.0.1:9093/api/v2/alerts",
  template: null,
  labels: { team: "edge" },
};

let clock: FakeClock;
let requests: WebhookRequest[];
let outcomes: Delivery[];
let lines: string[];
let troubles: HealthEvent[];
let notifier: Notifier;

beforeEach(() => {
  clock = new FakeClock();
  requests = [];
  outcomes = [];
  lines = [];
  troubles = [];
  notifier = createNotifier({
    clock,
    random: () => 1,
    log: (level, message) => lines.push(`${level} ${message}`),
    send: async (request) => {
      requests.push(request);
      return outcomes.shift() ?? { outcome: "sent" };
    },
    current: () => troubles,
  });
});

async function pass(ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 500) {
    clock.advance(Math.min(500, ms - step));
    for (let turn = 0; turn < 6; turn++) await Promise.resolve();
  }
}

const bodies = (): unknown[] => requests.map(({ body }) => JSON.parse(body) as unknown);

describe("a webhook", () => {
  test("gets one request for each event, with its headers, from its template", async () => {
    notifier.adopt([chat]);
    notifier.tell(down);
    notifier.tell(failed);
    await pass(1000);
    expect(requests[0]).toMatchObject({ url: chat.url, headers: chat.headers, timeoutMs: 5000 });
    expect(bodies()).toEqual([{ text: down.summary }, { text: down.summary }]);
    expect(notifier.states()).toMatchObject([{ name: "chat", queued: 0, counts: { sent: 2 } }]);
  });

  test("only of the kinds that it asks for, and not of the first good verdict", async () => {
    notifier.adopt([{ ...chat, on: ["pool"] }]);
    notifier.tell(down);
    notifier.tell({ ...failed, from: "unknown", to: "healthy" });
    await pass(1000);
    expect(requests).toEqual([]);
  });

  test("that fails is asked again, later and later; the log says so once, without path or headers", async () => {
    notifier.adopt([chat]);
    const again: Delivery = { outcome: "again", why: "status 503" };
    outcomes = [again, again, again];
    notifier.tell(down);
    await pass(500);
    expect(requests.length).toBe(1);
    await pass(1000);
    expect(requests.length).toBe(2);
    await pass(1500);
    expect(requests.length).toBe(2);
    await pass(6500);
    expect(requests.length).toBe(4);
    expect(lines).toEqual([
      "warn notify chat: https://hooks.example was not told (status 503); trying again",
      "info notify chat: https://hooks.example is told again",
    ]);
  });

  test("that refuses is not asked again, and others are told all the same", async () => {
    notifier.adopt([chat, { ...chat, name: "other" }]);
    outcomes = [{ outcome: "refused", why: "status 400" }];
    notifier.tell(down);
    await pass(100_000);
    expect(requests.length).toBe(2);
    expect(lines).toEqual([
      "warn notify chat: https://hooks.example was not told (status 400); it is not tried again",
    ]);
    expect(notifier.states().map(({ counts }) => [counts.sent, counts.refused])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  test("keeps what waits for it over a reload; one that is gone gets nothing more", async () => {
    notifier.adopt([chat]);
    outcomes = [{ outcome: "again", why: "ECONNREFUSED" }];
    notifier.tell(down);
    await pass(500);
    notifier.adopt([{ ...chat, template: "{{to}}" }]);
    await pass(2000);
    expect(bodies()).toEqual([{ text: down.summary }, "down"]);
    notifier.adopt([]);
    notifier.tell(up);
    await pass(2000);
    expect(requests.length).toBe(2);
    expect(notifier.states()).toEqual([]);
  });
});

describe("Alertmanager", () => {
  const labels = {
    team: "edge",
    alertname: "SteerdEndpointDown",
    zone: "z.example",
    pool: "eu",
    endpoint: "lb1",
    address: "192.0.2.1",
  };

  test("gets alerts in one list, with the same labels when they fire and when they are resolved", async () => {
    notifier.adopt([alerts]);
    notifier.tell(down);
    notifier.tell(failed);
    await pass(500);
    expect(bodies()[0]).toEqual([
      {
        labels,
        annotations: { summary: down.summary, reason: "refused" },
        startsAt: "2023-11-14T22:13:20.000Z",
      },
      {
        labels: { team: "edge", alertname: "SteerdPoolFailed", zone: "z.example", pool: "eu" },
        annotations: { summary: down.summary, reason: "refused" },
        startsAt: "2023-11-14T22:13:20.000Z",
      },
    ]);
    notifier.tell(up);
    await pass(500);
    expect(bodies()[1]).toEqual([
      { labels, annotations: { summary: "is up", reason: "ok" }, endsAt: "2023-11-14T22:13:25.000Z" },
    ]);
  });

  test("hears of what is wrong every minute, however it came about, and not while it fails", async () => {
    troubles = [down];
    notifier.adopt([alerts, chat]);
    await pass(180_000);
    expect(requests.map(({ url }) => url)).toEqual([alerts.url, alerts.url, alerts.url, alerts.url]);
    expect(bodies()[3]).toMatchObject([{ labels, startsAt: "2023-11-14T22:13:20.000Z" }]);
    requests = [];
    outcomes = Array.from({ length: 100 }, () => ({ outcome: "again", why: "status 500" }));
    await pass(600_000);
    // 1, 2, 4 ... 256 s apart: never more often than that.
    expect(requests.length).toBeLessThanOrEqual(11);
    expect(notifier.states()[0]!.queued).toBe(1);
  });

  test("stops with the worker", async () => {
    troubles = [down];
    notifier.adopt([alerts]);
    notifier.stop();
    await pass(120_000);
    expect(requests).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe("templates", () => {
  test.each<[Template, Template]>([
    ["{{summary}}", down.summary],
    [{ a: ["{{ to }} from {{from}}", 7, null, true] }, { a: ["down from up", 7, null, true] }],
    ["{{duration_ms}}", 42_000],
    ["after {{duration_ms}} ms", "after 42000 ms"],
    ["{{status}} {{at}}", "firing 2023-11-14T22:13:20.000Z"],
    ["no field", "no field"],
    ["{{policy}}", ""],
  ])("%j", (template, expected) => {
    expect(fillTemplate(template, down)).toEqual(expected);
  });

  test("a text from elsewhere stays a text", () => {
    const odd = { ...down, summary: '"}, {{zone}} $& \\n' };
    expect(fillTemplate({ text: "x {{summary}}" }, odd)).toEqual({ text: `x ${odd.summary}` });
  });

  test("the one without a template has every field", () => {
    expect(fillTemplate(DEFAULT_TEMPLATE, down)).toEqual({
      kind: "endpoint",
      status: "firing",
      zone: "z.example",
      pool: "eu",
      endpoint: "lb1",
      address: "192.0.2.1",
      policy: "",
      from: "up",
      to: "down",
      reason: "refused",
      summary: down.summary,
      duration_ms: 42_000,
      at: "2023-11-14T22:13:20.000Z",
    });
    expect(unknownFields(DEFAULT_TEMPLATE)).toEqual([]);
    expect(unknownFields({ a: ["{{poool}}", { b: "{{ zone }} {{x}}" }] })).toEqual(["poool", "x"]);
  });
});

describe("lines of the log as events", () => {
  test("freezes, latches and forced states", () => {
    const line = (fields: Record<string, unknown>) => eventOf({ message: "m", fields }, 5);
    expect(line({ event: "freeze", frozen: true })).toMatchObject({
      kind: "freeze",
      from: "following",
      to: "frozen",
    });
    expect(line({ event: "freeze", frozen: false })).toMatchObject({ from: "frozen", to: "following" });
    expect(line({ event: "latch", policy: "www: policy", from: "eu", to: "us" })).toMatchObject({
      policy: "www: policy",
    });
    expect(line({ event: "latch", policy: "www: policy" })).toBeNull();
    expect(line({ event: "forced", from: null, to: "drain" })).toMatchObject({
      kind: "forced",
      from: "",
      to: "drain",
    });
    for (const fields of [{}, { event: "canary" }, { event: 7 }]) expect(line(fields)).toBeNull();
  });
});

describe("counted transitions", () => {
  test("by endpoint, state and reason, in bounded memory", () => {
    const book = createTransitionBook(3);
    for (const event of [
      down,
      up,
      down,
      failed,
      { ...down, reason: "status-503" },
      { ...down, reason: "status-504" },
    ])
      book.count(event);
    book.count({ ...down, kind: "freeze" });
    expect(
      [...book.series()].map(({ endpoint, to, reason, count }) => `${endpoint} ${to} ${reason} ${count}`),
    ).toEqual(["lb1 down refused 2", "lb1 up ok 1", " failed refused 1", "others down others 2"]);
  });
});
