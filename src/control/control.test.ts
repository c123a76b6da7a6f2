import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakePort, type FakePort, isKind } from "../../test/support/fake-port.ts";
import { removeFolder, temporaryFolder } from "../../test/support/temporary-folder.ts";
import { connectControl } from "../cli/control-client.ts";
import type { KnownNames } from "../config/known-names.ts";
import { ENDPOINT_ROW_WORDS, ROW_KEY_HIGH, ROW_KEY_LOW } from "../health/rows.ts";
import {
  allocateBlocks,
  type SharedBlocks,
  WORD_GENERATION,
  WORD_HEARD,
  WORD_STOP,
} from "../serve/blocks.ts";
import type { Listener } from "../serve/listener.ts";
import type { ControlEvent, FromControl, ToControl } from "../serve/messages.ts";
import { createBuild } from "./build.ts";
import type { ControlOptions } from "./control.ts";
import type { LookUp } from "./look-up.ts";
import { runControlWorker } from "./run-control.ts";
import type { ControlStatus } from "./status.ts";

const ZONE = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
const POOLS =
  "checks: {web: {type: tcp, port: 80}}\n" +
  "pools: {eu: {check: web, endpoints: [192.0.2.7]}}\n" +
  "records: {www: {policy: eu}}\n";

let folder: string;
let blocks: SharedBlocks;
let port: FakePort<ToControl, FromControl>;
let status: ControlStatus | null;
let opened: Listener[];
let collections: number;

beforeEach(() => {
  folder = temporaryFolder("control");
  mkdirSync(join(folder, "zones"));
  write("steerd.yaml", 'api: {listen: "127.0.0.1:0"}\n');
  write("zones/a.example.zone", ZONE);
  blocks = allocateBlocks(1);
  port = createFakePort();
  status = null;
  opened = [];
  collections = 0;
});
afterEach(() => {
  port.deliver({ kind: "stop" });
  removeFolder(folder);
});

function write(path: string, text: string): void {
  writeFileSync(join(folder, path), text);
}

function run(
  build: ControlOptions["build"] = createBuild(join(folder, "steerd.yaml"), blocks),
  more: { lookUp?: LookUp; known?: KnownNames } = {},
): void {
  const { lookUp, known } = more;
  runControlWorker({ configPath: null, blocks, startedMs: 0, ...(known && { known }) }, port, {
    build,
    ...(lookUp && { lookUp }),
    collect: () => collections++,
    openApi: async (listener, shown) => {
      status = shown;
      opened.push(listener);
      return { listener, close: async () => undefined };
    },
  });
}

const snapshots = () => port.posted.filter(isKind<FromControl, "snapshot">("snapshot"));
const logged = () =>
  port.posted.filter(isKind<FromControl, "log">("log")).map(({ level, message }) => `${level} ${message}`);

describe("the control worker", () => {
  it("takes over what one before it knew of: events are kept, and those that nobody heard of counted and marked", async () => {
    write("zones/b.example.yaml", POOLS);
    write("steerd.yaml", "nameservers: [ns.a.example.]\n");
    const happened = (sequence: number, to: string) => ({
      ...{ sequence, timeMs: sequence, level: "warn" as const, message: `${sequence}` },
      fields: { event: "endpoint", zone: "b.example", pool: "eu", endpoint: "lb", to },
    });
    Atomics.store(blocks.control, WORD_HEARD, 1);
    run();
    port.deliver({ kind: "past", events: [happened(1, "down"), happened(2, "up"), happened(3, "down")] });
    port.deliver({ kind: "answering" });
    port.deliver({ kind: "event", event: happened(4, "up") });
    await expect.poll(() => status).not.toBeNull();
    expect([...status!.transitions.series()].map(({ to, count }) => `${to} ${count}`)).toEqual([
      "up 2",
      "down 1",
    ]);
    expect(blocks.control[WORD_HEARD]).toBe(4);
    const path = join(folder, "steerd.sock");
    await expect.poll(() => existsSync(path)).toBe(true);
    const client = await connectControl(path);
    const { events } = await client.ask<{ events: ControlEvent[] }>("events", { last: 10, follow: false });
    client.close();
    expect(events.map(({ message, fields }) => [message, fields.late ?? false])).toEqual([
      ["1", false],
      ["2", true],
      ["3", true],
      ["4", false],
    ]);
  });

  it("publishes what the files compile to, and opens the API when the sockets are open", async () => {
    write("zones/b.example.yaml", POOLS);
    write("steerd.yaml", 'listen: ["127.0.0.1:53"]\nworkers: 3\nnameservers: [ns.a.example.]\n');
    run();
    const [first] = snapshots();
    expect(first!.snapshot.generation).toBe(1);
    expect(first!.settings).toEqual({
      listeners: [{ host: "127.0.0.1", port: 53, family: 4 }],
      udpWorkers: 3,
      state: expect.objectContaining({ maxAgeMs: 300_000 }),
    });
    expect(first!.plan.targets.map(({ address }) => address)).toEqual(["192.0.2.7"]);
    expect(blocks.control[WORD_GENERATION]).toBe(1);
    expect(collections).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toEqual([]);
    port.deliver({ kind: "answering" });
    await expect.poll(() => opened).toEqual([{ host: "127.0.0.1", port: 8053, family: 4 }]);
    expect(status).toMatchObject({
      generation: 1,
      zones: 2,
      dynamicRecords: 1,
      accepted: 1,
      lastReloadOk: true,
    });
    expect(status!.snapshotOctets).toBeGreaterThan(100);
  });

  it("posts findings of the first attempt, and logs nothing", () => {
    write("zones/a.example.zone", "@ 60 SOA\n");
    run();
    const [rejected] = port.posted.filter(isKind<FromControl, "rejected">("rejected"));
    expect(rejected!.lines[0]).toMatch(/a\.example\.zone:1/);
    expect(logged()).toEqual([]);
    expect(blocks.control[WORD_GENERATION]).toBe(0);
  });

  it("reads again when asked: what is wrong is logged and changes nothing, what is right is next", () => {
    run();
    write("zones/a.example.zone", "@ 60 SOA\n");
    port.deliver({ kind: "reload" });
    expect(snapshots()).toHaveLength(1);
    expect(logged().some((line) => /^error .*a\.example\.zone:1/.test(line))).toBe(true);
    expect(logged().at(-1)).toBe("error configuration rejected, 1 stays in use");
    expect(blocks.control[WORD_GENERATION]).toBe(1);
    write("zones/a.example.zone", `${ZONE}www 60 A 192.0.2.2\n`);
    port.deliver({ kind: "reload" });
    expect(snapshots().map(({ snapshot }) => snapshot.generation)).toEqual([1, 2]);
    expect(logged().at(-1)).toBe("info configuration 2 accepted");
  });

  it("reads again by itself when a file changes, also after errors", async () => {
    run();
    write("zones/a.example.zone", "@ 60 SOA\n");
    await expect
      .poll(() => logged().at(-1), { timeout: 5000 })
      .toBe("error configuration rejected, 1 stays in use");
    write("zones/a.example.zone", `${ZONE}www 60 A 192.0.2.2\n`);
    await expect.poll(() => snapshots().length, { timeout: 5000 }).toBe(2);
  });

  it("follows steerd.yaml to another folder", async () => {
    run();
    mkdirSync(join(folder, "other"));
    write("other/b.example.zone", ZONE);
    write("steerd.yaml", "zones: other\n");
    await expect.poll(() => snapshots().length, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
    const before = snapshots().length;
    write("other/c.example.zone", ZONE);
    await expect.poll(() => snapshots().length, { timeout: 5000 }).toBeGreaterThan(before);
  });

  it("logs warnings of what it accepts", () => {
    write("zones/note.yml", "");
    run();
    expect(logged()[0]).toMatch(/^warn .*note\.yml CFG_FILE_IGNORED/);
    expect(snapshots()).toHaveLength(1);
  });

  it("a successor counts on, and finds the rows of endpoints again", () => {
    write("zones/b.example.yaml", POOLS);
    write("steerd.yaml", "nameservers: [ns.a.example.]\n");
    run();
    const [target] = snapshots()[0]!.plan.targets;
    port.deliver({ kind: "stop" });
    // What the prober wrote, in a row that a registry without a past would not have begun with.
    const row = 5 * ENDPOINT_ROW_WORDS;
    blocks.rows.endpoints[row + ROW_KEY_HIGH] = target!.keyHigh;
    blocks.rows.endpoints[row + ROW_KEY_LOW] = target!.keyLow;
    port = createFakePort();
    run();
    const [next] = snapshots();
    expect(next!.snapshot.generation).toBe(2);
    expect(target!.row).toBe(0);
    expect(next!.plan.targets[0]!.row).toBe(5);
  });

  it("a compiler that throws leaves what is in use; at the start it ends the worker", () => {
    let broken = false;
    const build = createBuild(join(folder, "steerd.yaml"), blocks);
    run((...how) => {
      if (broken) throw new RangeError("Array buffer allocation failed");
      return build(...how);
    });
    broken = true;
    port.deliver({ kind: "reload" });
    expect(logged().at(-1)).toBe("error reading the configuration failed, 1 stays in use");
    expect(snapshots()).toHaveLength(1);
    port.deliver({ kind: "stop" });
    blocks = allocateBlocks(1);
    port = createFakePort();
    expect(() => run(never)).toThrow("at the start");
  });

  it.each([
    ["the message", () => port.deliver({ kind: "stop" })],
    ["the word", () => Atomics.store(blocks.control, WORD_STOP, 1)],
  ])("stops on %s", async (_what, stop) => {
    run();
    stop();
    await port.expect(isKind<FromControl, "stopped">("stopped"));
    expect(port.closed).toBe(true);
  });
});

function never(): never {
  throw new Error("at the start");
}

describe("names that are looked up", () => {
  const YAML =
    "checks: {web: {type: tcp, port: 80}}\n" +
    "pools: {eu: {check: web, endpoints: [{resolve: lb.example, interval: 1s}]}}\n" +
    "records: {www: {policy: eu}}\n";
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const targets = (index: number) =>
    snapshots()[index]!.plan.targets.map(({ address, row }) => `${address} ${row}`);
  let found: string[];
  const lookUp: LookUp = async () => ({ ipv4: found, ipv6: { code: "ENODATA", isAnswer: true } });

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    found = ["192.0.2.2", "192.0.2.1"];
    write("steerd.yaml", 'api: {listen: "127.0.0.1:0"}\nnameservers: [ns.a.example.]\n');
    write("zones/b.example.yaml", YAML);
  });
  afterEach(() => void vi.useRealTimers());

  it("are waited for at the start", async () => {
    run(undefined, { lookUp });
    expect(snapshots()).toEqual([]);
    await settle();
    expect(targets(0)).toEqual(["192.0.2.1 0", "192.0.2.2 1"]);
    expect(snapshots()).toHaveLength(1);
  });

  it("but for a second at most", async () => {
    run(undefined, { lookUp: () => new Promise(() => undefined) });
    await vi.advanceTimersByTimeAsync(999);
    expect(snapshots()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(targets(0)).toEqual([]);
    expect(status).toBeNull();
  });

  it("make a snapshot when they change, of the files as they were accepted", async () => {
    run(undefined, { lookUp });
    await settle();
    write("zones/b.example.yaml", "pools: broken\n");
    found = ["192.0.2.3", "192.0.2.2"];
    await vi.advanceTimersByTimeAsync(1000);
    expect(targets(1)).toEqual(["192.0.2.2 1", "192.0.2.3 2"]);
    expect(snapshots()[1]!.snapshot.generation).toBe(2);
    await vi.advanceTimersByTimeAsync(3000);
    expect(snapshots()).toHaveLength(2);
  });

  it("are known to the next control worker at once", async () => {
    run(undefined, { lookUp });
    await settle();
    const { known } = snapshots()[0]!;
    port.deliver({ kind: "stop" });
    port = createFakePort();
    run(undefined, { lookUp: () => new Promise(() => undefined), known });
    expect(targets(0).map((target) => target.split(" ")[0])).toEqual(["192.0.2.1", "192.0.2.2"]);
  });
});
