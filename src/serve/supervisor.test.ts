import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeThreads, type FakeThreads } from "../../test/support/fake-threads.ts";
import { staticSnapshot } from "../../test/support/in-process.ts";
import type { HealthPlan } from "../health/plan.ts";
import { WORD_GENERATION, WORD_HEARTBEAT } from "./blocks.ts";
import type { Listener } from "./listener.ts";
import type { DataInit, ServeSettings } from "./messages.ts";
import { type ServerOptions, type Supervisor, startSupervisor } from "./supervisor.ts";

const asked: Listener = { host: "127.0.0.1", port: 0, family: 4 };
const bound: Listener = { host: "127.0.0.1", port: 5300, family: 4 };
const pool = { row: 0, keyHigh: 1, keyLow: 1, zone: "z", pool: "p", endpoints: [[0]] };
const onePool: HealthPlan = {
  targets: [],
  pools: [{ ...pool, minHealthy: { count: 1 }, dualStack: "any" }],
};
const noPools: HealthPlan = { targets: [], pools: [] };

let threads: FakeThreads;
let supervisor: Supervisor;
let lines: string[];
let printed: string[];
let ready: Listener[][];
let code: number | null;

interface World {
  cores?: number;
  canShare?: boolean;
  batch?: boolean;
  options?: Partial<ServerOptions>;
}

function start(world: World = {}): void {
  threads = createFakeThreads();
  supervisor = startSupervisor(
    {
      configPath: null,
      printError: (line) => printed.push(line),
      onReady: (listeners) => ready.push(listeners),
      ...world.options,
    },
    {
      startWorker: threads.start,
      log: (level, message) => lines.push(`${level} ${message}`),
      cores: world.cores ?? 2,
      supportsReusePort: async () => world.canShare ?? false,
      checkBatch: async () => (world.batch === true ? null : "koffi is not there"),
    },
  );
  void supervisor.finished.then((result) => {
    code = result;
  });
}

async function publish(
  generation: number,
  plan: HealthPlan = noPools,
  udpWorkers: ServeSettings["udpWorkers"] = "auto",
): Promise<void> {
  const snapshot = { ...staticSnapshot({} as never), generation };
  threads
    .last("control")
    .say({ kind: "snapshot", snapshot, plan, settings: { listeners: [asked], udpWorkers } });
  await vi.advanceTimersByTimeAsync(0);
}

const generationsOf = (kind: "udp" | "stream"): unknown[] =>
  threads
    .last(kind)
    .toldOf("snapshot")
    .map((told) => (told.snapshot as { generation: number }).generation);

/** The data workers report open sockets. */
function openAll(): void {
  for (const kind of ["udp", "stream"] as const)
    for (const thread of threads.of(kind)) thread.say({ kind: "open", listeners: [bound] });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
  lines = [];
  printed = [];
  ready = [];
  code = null;
});
afterEach(async () => {
  supervisor.stop();
  vi.useRealTimers();
  await supervisor.finished;
});

describe("start", () => {
  it("opens the first UDP worker, then the stream worker on the port that it found", async () => {
    start();
    await publish(1);
    expect(threads.last("udp").told.map(({ kind }) => kind)).toEqual(["snapshot", "open"]);
    expect(threads.last("udp").toldOf("open")[0]!.listeners).toEqual([asked]);
    expect(threads.last("stream").toldOf("open")).toEqual([]);
    threads.last("udp").say({ kind: "open", listeners: [bound] });
    expect(threads.last("stream").toldOf("open")[0]!.listeners).toEqual([bound]);
    expect(ready).toEqual([]);
    threads.last("stream").say({ kind: "open", listeners: [bound] });
    expect(ready).toEqual([[bound]]);
    expect(lines).toContain("info answering on 127.0.0.1:5300");
    expect(threads.last("control").toldOf("answering")).toHaveLength(1);
    expect(threads.of("probe")).toEqual([]);
  });

  it("with checks, sockets open after the first round of probes", async () => {
    start();
    await publish(1, onePool);
    expect(threads.last("probe").told).toEqual([{ kind: "plan", plan: onePool, generation: 1 }]);
    expect(threads.last("udp").toldOf("open")).toEqual([]);
    threads.last("probe").say({ kind: "roundDone", generation: 1 });
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
    threads.last("probe").say({ kind: "roundDone", generation: 1 });
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
  });

  it("with checks that take long, sockets open after 1 s", async () => {
    start();
    await publish(1, onePool);
    threads.last("probe").say({ kind: "planned" });
    await vi.advanceTimersByTimeAsync(999);
    expect(threads.last("udp").toldOf("open")).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
  });

  it("nobody is answered what is drained because the probe worker starts slowly", async () => {
    start();
    await publish(1, onePool);
    await vi.advanceTimersByTimeAsync(3000);
    expect(threads.last("udp").toldOf("open")).toEqual([]);
    threads.last("probe").say({ kind: "planned" });
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
  });

  it("a probe worker that does not start at all holds up answers for 5 s", async () => {
    start();
    await publish(1, onePool);
    await vi.advanceTimersByTimeAsync(4999);
    expect(threads.last("udp").toldOf("open")).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(threads.last("udp").toldOf("open")).toHaveLength(1);
  });

  it("findings are printed, and the exit code is 1", async () => {
    start();
    threads.last("control").say({ kind: "rejected", lines: ["a.yaml:1:1 CFG_X what", "b"] });
    await supervisor.finished;
    expect(printed).toEqual(["a.yaml:1:1 CFG_X what", "b"]);
    expect(code).toBe(1);
    expect(threads.last("udp").told.map(({ kind }) => kind)).toEqual(["stop"]);
  });

  it("a control worker that dies before anything is compiled ends the start", async () => {
    start();
    threads.last("control").emit("error", new Error("boom"));
    threads.last("control").die(1);
    await supervisor.finished;
    expect(printed).toEqual(["the control worker failed before anything could be served"]);
    expect(lines[0]).toBe("error control worker failed");
    expect(code).toBe(1);
  });

  it("sockets that cannot be had are said, once, and the exit code is 1", async () => {
    start();
    await publish(1);
    const failure = { listener: asked, transport: "udp", code: "EADDRINUSE" };
    threads.last("udp").say({ kind: "openFailed", failures: [failure] });
    threads.last("udp").say({ kind: "openFailed", failures: [failure] });
    await supervisor.finished;
    expect(printed).toEqual([expect.stringMatching(/^listen 127\.0\.0\.1:0\/udp: address in use/)]);
    expect(code).toBe(1);
  });

  it.each<[string, World, ServeSettings["udpWorkers"], number, number]>([
    ["auto in batches", { cores: 8, batch: true }, "auto", 7, 0],
    ["a number in batches", { cores: 2, batch: true }, 4, 4, 0],
    ["auto where ports cannot be shared", { cores: 8 }, "auto", 1, 1],
    ["auto leaves a core", { cores: 8, canShare: true }, "auto", 7, 1],
    ["auto on one core", { cores: 1, canShare: true }, "auto", 1, 1],
    ["a number", { cores: 2, canShare: true }, 4, 4, 1],
    ["a number where ports cannot be shared", { cores: 2 }, 4, 1, 2],
    ["more than there are blocks for", { cores: 200, canShare: true }, "auto", 64, 1],
  ])("%s: how many UDP workers", async (_what, world, udpWorkers, count, warnings) => {
    start(world);
    await publish(1, noPools, udpWorkers);
    expect(threads.of("udp")).toHaveLength(count);
    expect(lines.filter((line) => line.startsWith("warn"))).toHaveLength(warnings);
    const isBatch = world.batch === true;
    const reason = "warn udp is answered one datagram at a time: koffi is not there";
    expect(lines.includes(reason)).toBe(!isBatch);
    openAll();
    expect(ready).toEqual([[bound]]);
    const told = threads.of("udp").map((thread) => thread.toldOf("open").map(({ udp }) => udp));
    expect(told).toEqual(Array(count).fill([{ reusePort: count > 1, batch: isBatch }]));
  });

  it("starts the first UDP worker beside the control worker, and the others with the first snapshot", async () => {
    start({ batch: true, cores: 4 });
    const indexes = (kind: "udp" | "stream") => threads.of(kind).map(({ init }) => (init as DataInit).index);
    expect([indexes("stream"), indexes("udp")]).toEqual([[], [1]]);
    expect(threads.last("udp").told).toEqual([]);
    await publish(1);
    expect([indexes("stream"), indexes("udp")]).toEqual([[0], [1, 2, 3]]);
    expect(threads.of("udp").map((thread) => thread.toldOf("snapshot").length)).toEqual([1, 1, 1]);
  });

  it("one that dies before the first snapshot is replaced, and gets it then", async () => {
    start();
    threads.last("udp").die(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(threads.of("udp")).toHaveLength(2);
    expect(threads.last("udp").told).toEqual([]);
    await publish(1);
    expect(threads.last("udp").told.map(({ kind }) => kind)).toEqual(["snapshot", "open"]);
  });

  it("a snapshot that comes while the ports are tried is the one that is served", async () => {
    start({ cores: 8 });
    const first = publish(1);
    await Promise.all([first, publish(2)]);
    expect(generationsOf("udp")).toEqual([2]);
  });
});

describe("reload", () => {
  it("asks the control worker", async () => {
    start();
    await publish(1);
    supervisor.reload();
    expect(threads.last("control").toldOf("reload")).toHaveLength(1);
  });

  it("without checks the next snapshot goes straight to the data workers", async () => {
    start();
    await publish(1);
    openAll();
    await publish(2);
    expect(generationsOf("udp")).toEqual([1, 2]);
    expect(generationsOf("stream")).toEqual([1, 2]);
  });

  it("with checks the first verdicts come first, and left rows are freed when all workers have moved on", async () => {
    start();
    await publish(1, onePool);
    threads.last("probe").say({ kind: "roundDone", generation: 1 });
    openAll();
    await publish(2, onePool);
    expect(generationsOf("udp")).toEqual([1]);
    threads.last("probe").say({ kind: "roundDone", generation: 1 });
    expect(generationsOf("udp")).toEqual([1]);
    threads.last("probe").say({ kind: "roundDone", generation: 2 });
    expect(generationsOf("udp")).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(threads.last("probe").toldOf("release")).toEqual([]);
    for (const { words } of [supervisor.blocks.stream, supervisor.blocks.udp[0]!]) words[WORD_GENERATION] = 2;
    await vi.advanceTimersByTimeAsync(1000);
    expect(threads.last("probe").toldOf("release")).toHaveLength(1);
  });

  it("a probe worker that does not come to verdicts holds a snapshot up for 1 s", async () => {
    start();
    await publish(1, onePool);
    openAll();
    await publish(2, onePool);
    await vi.advanceTimersByTimeAsync(999);
    expect(generationsOf("udp")).toEqual([1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(generationsOf("udp")).toEqual([1, 2]);
    threads.last("probe").say({ kind: "roundDone", generation: 2 });
    expect(generationsOf("udp")).toEqual([1, 2]);
  });

  it("the first check of all starts the probe worker", async () => {
    start();
    await publish(1);
    openAll();
    await publish(2, onePool);
    expect(threads.last("probe").told).toEqual([
      { kind: "plan", plan: onePool, generation: 2 },
      { kind: "answering" },
    ]);
    threads.last("probe").say({ kind: "roundDone", generation: 2 });
    expect(generationsOf("udp")).toEqual([1, 2]);
  });

  it("findings change nothing; other listeners wait for the next start", async () => {
    start();
    await publish(1);
    openAll();
    threads.last("control").say({ kind: "rejected", lines: ["a"] });
    expect(printed).toEqual([]);
    await publish(2, noPools, 3);
    expect(lines).toContain("warn listen, workers and state take effect when the server is started again");
    expect(threads.of("udp")).toHaveLength(1);
  });
});

describe("supervision", () => {
  async function running(): Promise<void> {
    start();
    await publish(1, onePool);
    threads.last("probe").say({ kind: "roundDone", generation: 1 });
    openAll();
    await publish(2, onePool);
    threads.last("probe").say({ kind: "roundDone", generation: 2 });
  }

  it.each(["udp", "stream"] as const)(
    "a dead %s worker comes back on the same port with the newest snapshot",
    async (kind) => {
      await running();
      threads.last(kind).die(1);
      await vi.advanceTimersByTimeAsync(100);
      expect(threads.of(kind)).toHaveLength(2);
      expect(generationsOf(kind)).toEqual([2]);
      expect(threads.last(kind).toldOf("open")[0]!.listeners).toEqual([bound]);
      threads.last(kind).say({ kind: "open", listeners: [bound] });
      expect(ready).toHaveLength(1);
      expect(code).toBeNull();
    },
  );

  it("sockets that cannot be had again are tried again", async () => {
    await running();
    const failure = { listener: bound, transport: "udp", code: "EADDRINUSE" };
    threads.last("udp").say({ kind: "openFailed", failures: [failure] });
    expect(lines.at(-2)).toMatch(/^error listen 127\.0\.0\.1:5300\/udp: address in use.*trying again$/);
    await vi.advanceTimersByTimeAsync(100);
    expect(threads.of("udp")).toHaveLength(2);
    expect(printed).toEqual([]);
  });

  it("a dead probe worker comes back with the newest plan", async () => {
    await running();
    threads.last("probe").die(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(threads.last("probe").told).toEqual([
      { kind: "plan", plan: onePool, generation: 2 },
      { kind: "answering" },
    ]);
  });

  it("a dead control worker comes back and opens its API; answers go on", async () => {
    await running();
    const happens = (message: string): void =>
      threads.last("probe").say({ kind: "log", level: "warn", message, fields: { event: "endpoint" } });
    happens("before");
    threads.last("control").die(1);
    happens("meanwhile");
    await vi.advanceTimersByTimeAsync(100);
    expect(threads.of("control")).toHaveLength(2);
    const [past, ...told] = threads.last("control").told as [{ kind: string; events: unknown[] }];
    expect(past).toMatchObject({
      kind: "past",
      events: [
        { message: "before", sequence: 1 },
        { message: "meanwhile", sequence: 2 },
      ],
    });
    expect(told).toEqual([{ kind: "answering" }]);
    happens("after");
    expect(threads.last("control").told.at(-1)).toMatchObject({ kind: "event", event: { sequence: 3 } });
    expect(threads.of("udp")).toHaveLength(1);
    expect(code).toBeNull();
  });

  it("workers whose hearts stand still are replaced", async () => {
    await running();
    const { blocks } = supervisor;
    const beats = setInterval(() => {
      for (const words of [blocks.control, blocks.stream.words]) words[WORD_HEARTBEAT]!++;
    }, 100);
    await vi.advanceTimersByTimeAsync(11_000);
    clearInterval(beats);
    expect(threads.of("udp")).toHaveLength(2);
    expect(threads.of("probe")).toHaveLength(2);
    expect(threads.of("stream")).toHaveLength(1);
    expect(threads.of("control")).toHaveLength(1);
  });

  it("what workers log is logged", async () => {
    await running();
    for (const kind of ["control", "probe", "udp"] as const)
      threads.last(kind).say({ kind: "log", level: "info", message: `from ${kind}`, fields: {} });
    expect(lines.slice(-3)).toEqual(["info from control", "info from probe", "info from udp"]);
  });

  it("stop asks every worker, and ends with 0", async () => {
    await running();
    supervisor.stop();
    supervisor.stop();
    await supervisor.finished;
    for (const kind of ["control", "probe", "udp", "stream"] as const)
      expect(threads.last(kind).toldOf("stop")).toHaveLength(1);
    await publish(3, onePool);
    expect(threads.of("udp")).toHaveLength(1);
    await Promise.resolve();
    expect(code).toBe(0);
  });
});
