import { beforeEach, describe, expect, it } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { type ServerStatus, statusLines } from "../cli/status-text.ts";
import { type CompiledConfig, compileConfig } from "../config/compile.ts";
import { parseMatch } from "../config/override-match.ts";
import { createRowRegistry } from "../config/rows.ts";
import { applyOffline } from "../health/offline.ts";
import type { CalculatedTarget, ProbeTarget } from "../health/plan.ts";
import { LATCH_ROW_CURRENT, LATCH_ROW_WORDS } from "../health/rows.ts";
import { allocateBlocks, type SharedBlocks, WORD_FROZEN } from "../serve/blocks.ts";
import type { FromControl } from "../serve/messages.ts";
import { createCommands, type DrainStatus } from "./commands.ts";
import { createEventBook, type EventBook } from "./event-book.ts";
import { createExpiries } from "./expiries.ts";
import { createOverrides } from "./overrides.ts";
import { BadRequest, type Handler } from "./socket-server.ts";
import { createStatus, describeSnapshot } from "./status.ts";

const ZONE = `
checks: {web: {type: http}}
regions: {dublin: {}}
pools:
  eu: {region: dublin, check: web, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: 192.0.2.2}]}
  us: {check: web, endpoints: [{name: lb1, address: 198.51.100.1}, {name: twin, address: 192.0.2.1}]}
  fixed: {endpoints: [203.0.113.1]}
policies:
  home: {failover: {of: [eu, us], failback: manual}}
records:
  www: {policy: home}
  "@": {policy: {failover: {of: [us, eu], failback: manual}}}
  last: {policy: eu, last_resort: {addresses: [192.0.2.2]}}
  fixed: {policy: fixed}
`;

let folder: ConfigFolder;
let blocks: SharedBlocks;
let posted: FromControl[];
let events: EventBook;
let commands: Record<string, Handler>;
let config: CompiledConfig;

beforeEach(() => start({ "zones/example.com.yaml": ZONE }));

function start(files: Record<string, string>): void {
  folder = configFolder(files);
  blocks = allocateBlocks(1);
  posted = [];
  events = createEventBook();
  const rows = createRowRegistry(blocks.rows, 0);
  const compiled = compileConfig(folder.load(), { rows, previous: null, generation: 1 });
  if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.findings));
  config = compiled;
  applyOffline(blocks.rows, config.plan, () => false);
  const status = createStatus();
  status.lastReloadOk = true;
  describeSnapshot(status, config.snapshot, config.plan, []);
  const overrides = createOverrides({
    clock: new FakeClock(),
    log: () => undefined,
    onForced: () => undefined,
    onRowsWanted: () => undefined,
    watch: { quietMs: 1000, patienceMs: 1000, pollMs: 60_000 },
  });
  overrides.adopt(config);
  overrides.stop();
  const expiries = createExpiries(blocks, () => Date.now());
  expiries.adopt(config);
  const post = (message: FromControl): void => void posted.push(message);
  const known = () => new Map([["api.example.", ["192.0.2.7"]]]);
  const sources = {
    blocks,
    status,
    overrides,
    expiries,
    events,
    known,
    post,
    startedMs: Date.now() - 3_600_000,
  };
  commands = createCommands({ ...sources, version: "0.0.0" });
}

async function ask<T>(op: string, request: Record<string, unknown> = {}): Promise<T> {
  return (await commands[op]!(
    { op, ...request },
    () => undefined,
    () => undefined,
  )) as T;
}

/** As the prober does when the entries before it have failed. */
function latchOn(zone: string, policy: string, entry: number): void {
  const { row } = config.plan.failback!.latches.find((each) => each.zone === zone && each.policy === policy)!;
  blocks.rows.latches[row * LATCH_ROW_WORDS + LATCH_ROW_CURRENT] = entry;
}

describe("failback", () => {
  const home = { zone: "example.com", policy: "policies.home", first: "eu" };

  it.each([["home"], ["policies.home"], ["example.com/home"]])("knows a policy as %s", async (name) => {
    latchOn("example.com", "policies.home", 1);
    expect(await ask("failback", { name })).toEqual({ ...home, current: "us" });
    expect(posted).toEqual([{ kind: "releaseLatch", zone: "example.com", policy: "policies.home" }]);
  });

  it("releases nothing that is at its first entry", async () => {
    expect(await ask("failback", { name: "home" })).toEqual({ ...home, current: "eu" });
    expect(posted).toEqual([]);
  });

  it.each([["@: policy"], ["@"], ["example.com"], ["example.com."], ["example.com/@"]])(
    "knows a record as %s",
    async (name) => {
      expect(await ask("failback", { name })).toMatchObject({ policy: "@: policy" });
    },
  );

  it("names those that there are", async () => {
    await expect(ask("failback", { name: "nope" })).rejects.toThrow(
      'no failover that waits for a failback is called "nope": expected one of home, example.com',
    );
    start({ "zones/a.example.yaml": ZONE, "zones/b.example.yaml": ZONE });
    await expect(ask("failback", { name: "home" })).rejects.toThrow(
      '2 are called "home": expected one of "a.example/policies.home", "b.example/policies.home"',
    );
    latchOn("b.example", "policies.home", 1);
    expect(await ask("failback", { name: "b.example/home" })).toMatchObject({ zone: "b.example" });
    expect(posted).toHaveLength(1);
  });
});

describe("drains", () => {
  it("say what is withheld, and where else the same address is answered", async () => {
    start({
      "zones/example.com.yaml": ZONE,
      "overrides.yaml": "overrides: [{match: pool:eu, state: drain, force: true}]",
    });
    const { drains } = await ask<{ drains: DrainStatus[] }>("drains", { match: parseMatch("region:dublin") });
    expect(
      drains.map(({ endpoint, address, withheld, alsoAt }) => [endpoint, address, withheld, alsoAt]),
    ).toEqual([
      ["lb1", "192.0.2.1", true, ["pool:example.com/us/twin"]],
      ["lb2", "192.0.2.2", true, ["a last resort"]],
    ]);
    for (const { letGo } of drains) expect(letGo).toBeGreaterThan(Date.now());
  });
});

describe("status", () => {
  /** As `steerd status` shows it, with what a run of the test cannot know beforehand set. */
  async function shown(): Promise<string> {
    const status = await ask<ServerStatus>("status");
    const since = Math.floor(status.nowMs / 1000) - 300;
    for (const pool of status.pools)
      for (const endpoint of pool.endpoints) {
        if (endpoint.since !== null) endpoint.since = since;
        if (endpoint.entry?.since != null) endpoint.entry.since = status.nowMs - 7_200_000;
        if (endpoint.drainedUntil !== null) endpoint.drainedUntil = status.nowMs - 1;
      }
    const lines = statusLines(status, recordedTerminal());
    for (const line of lines) expect(line.indexOf("  why")).toBeLessThanOrEqual(75);
    return lines.join("\n");
  }

  it("says what a calculated address is down for, and no more than fits a line", async () => {
    start({
      "zones/example.com.yaml": `
checks:
  web: {type: tcp, port: 80}
  cache: {type: tcp, port: 81}
  both: {all: [web, cache, "pool:eu/a", "pool:eu/b", "pool:eu/c", "pool:eu/d"]}
pools:
  eu:
    check: web
    endpoints: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}, {name: c, address: 192.0.2.3}, {name: d, address: 192.0.2.4}]
  us: {check: both, endpoints: [{name: lb1, address: 198.51.100.1}]}
records:
  www: {policy: {failover: [us, eu]}}
`,
    });
    const because = async (isDown: (target: Pick<ProbeTarget, "address" | "isPart">) => boolean) => {
      applyOffline(blocks.rows, config.plan, (target) => target.check.name !== "both" && isDown(target));
      const { pools } = await ask<ServerStatus>("status");
      const { reason, because } = pools.find(({ pool }) => pool === "us")!.endpoints[0]!;
      return `${reason}: ${because}`;
    };
    expect(await because(() => false)).toBe("ok: ");
    expect(await because(({ address }) => address === "192.0.2.2")).toBe(
      "calculated: pool:eu/b is down: assumed",
    );
    expect(await because(() => true)).toBe(
      "calculated: web is down: assumed, cache is down: assumed, pool:eu/a is down: assumed, " +
        "pool:eu/b is down: assumed, and 2 more",
    );
    const lines = statusLines(await ask<ServerStatus>("status"), recordedTerminal()).join("\n");
    expect(lines).toContain("calculated (web is down: assumed, cache is down: assumed");
  });

  it("is told in tables", async () => {
    start({
      "zones/example.com.yaml": ZONE,
      "overrides.yaml": `overrides:
  - {match: pool:eu/lb1, state: drain, author: anna, reason: kernel upgrade, since: 2026-03-01T18:00:00Z}
  - {match: pool:us, weight: 12.5%}
  - {match: pool:us/twin, state: up, weight: 50%, until: 2999-11-21T12:00:00Z}
  - {match: "pool:eu/*", state: down, until: 2020-01-01T00:00:00Z}
`,
    });
    Atomics.store(blocks.probe, WORD_FROZEN, 1);
    expect(await shown()).toBe(`steerd 0.0.0, up for 60 min, configuration 1
States are frozen: failures are in doubt. steerd thaw ends it.

example.com/eu  dublin  healthy: 1 of 1 up and 1 drained
  endpoint  address       probed    forced     until        weight  cached  why
  lb1       192.0.2.1     up 5 min  drain 2 h  -            100%    let go  pool:eu/lb1 by anna: kernel upgrade
  lb2       192.0.2.2     up 5 min  -          -            100%    -

example.com/us  healthy: 2 of 2 up
  endpoint  address       probed    forced     until        weight  cached  why
  lb1       198.51.100.1  up 5 min  weight     -            12.5%   -       pool:us
  twin      192.0.2.1     up 5 min  up         21 Nov 2999  50%     -       pool:us/twin

example.com/fixed  up: no check: always up
  endpoint  address       probed    forced     until        weight  cached  why
  -         203.0.113.1   no check  -          -            100%    -`);
  });

  it("has no columns that say nothing", async () => {
    expect(await shown()).toContain("  endpoint  address       probed    weight  why\n");
  });

  it("calls a pool drained that is, with what its probes say", async () => {
    start({
      "zones/example.com.yaml": ZONE,
      "overrides.yaml": "overrides: [{match: pool:us, state: drain}]",
    });
    expect(await shown()).toContain("example.com/us  drained: by hand; its probes say 2 of 2 up");
    start({
      "zones/example.com.yaml": ZONE,
      "overrides.yaml": "overrides: [{match: pool:us, state: down}]",
    });
    expect(await shown()).toContain("example.com/us  failed: by hand; its probes say 2 of 2 up");
  });
});

describe("the rest", () => {
  it("thaws only what is frozen", async () => {
    expect(await ask("thaw")).toEqual({ frozen: false });
    expect(posted).toEqual([]);
    Atomics.store(blocks.probe, WORD_FROZEN, 1);
    expect(await ask("thaw")).toEqual({ frozen: true });
    expect(posted).toEqual([{ kind: "thaw" }]);
  });

  it("has rows of calculated states too", async () => {
    const [first] = config.plan.targets;
    const check = { ...first!.check, type: "calculated", name: "both" } as const;
    const target = { ...first!, row: 63, check } as unknown as CalculatedTarget;
    config.plan.calculated = [{ target, rule: { row: first!.row } as never }];
    expect((await ask<{ endpoints: number[][] }>("rows")).endpoints).toHaveLength(5);
  });

  it("gives rows by their identity, and what is known of names", async () => {
    const live = await ask<{ endpoints: number[][]; known: unknown }>("rows");
    expect(live.endpoints).toHaveLength(4);
    expect(live.endpoints[0]).toHaveLength(16);
    expect(live.known).toEqual([["api.example.", ["192.0.2.7"]]]);
  });

  it("keeps the last thousand events, and tells followers of the next ones until they go", async () => {
    const event = (i: number) => ({ timeMs: i, level: "info" as const, message: `event ${i}`, fields: {} });
    for (let i = 0; i < 5000; i++) events.add(event(i));
    expect((await ask<{ events: unknown[] }>("events", { last: 100_000 })).events).toHaveLength(1000);
    expect(await ask("events", { last: 2 })).toEqual({ events: [event(4998), event(4999)] });
    const seen: unknown[] = [];
    let end = (): void => undefined;
    await commands.events!(
      { op: "events", follow: true },
      (line) => seen.push(line),
      (stop) => {
        end = stop;
      },
    );
    events.add(event(1));
    end();
    events.add(event(2));
    expect(seen).toEqual([{ event: event(1) }]);
  });
});

describe("requests that are none", () => {
  it.each<[string, Record<string, unknown>, string]>([
    ["judge", {}, "judge: entries: "],
    ["judge", { entries: [] }, "judge: entries: "],
    ["judge", { entries: [null] }, "judge: entries.0: "],
    ["judge", { entries: [{ match: { kind: "region" }, force: false }] }, "judge: entries.0.match.region: "],
    ["judge", { entries: [{ match: { kind: "x" }, force: false }] }, "judge: entries.0.match.kind: "],
    ["drains", {}, "drains: match: "],
    ["drains", { match: { kind: "region", region: 7 } }, "drains: match.region: "],
    [
      "drains",
      { match: { kind: "pool", zone: null, pool: "a b", endpoint: null } },
      "drains: match: expected",
    ],
    ["failback", { name: { toString: 1 } }, "failback: name: "],
    ["events", { last: "all" }, "events: last: "],
    ["events", { last: -1 }, "events: last: "],
    ["events", { follow: "yes" }, "events: follow: "],
  ])("%s %j is refused with what is wrong", async (op, request, words) => {
    const refused = await ask(op, request).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refused).toBeInstanceOf(BadRequest);
    expect((refused as Error).message).toContain(words);
    expect(posted).toEqual([]);
  });
});
