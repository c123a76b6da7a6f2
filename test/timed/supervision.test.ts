import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  CRASH_HANG,
  CRASH_MEMORY,
  CRASH_THROW,
  WORD_CRASH,
  WORD_GENERATION,
  WORD_HEARTBEAT,
  WORD_OPEN,
  WORD_RESTARTS,
} from "../../src/serve/blocks.ts";
import type { Listener } from "../../src/serve/listener.ts";
import type { Supervisor } from "../../src/serve/supervisor.ts";
import { askTcp, askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/**
 * Real worker threads, killed by their crash words. The supervisor runs in this process, so that the words can be
 * reached; the workers come from dist/.
 */
const ZONE = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\nwww 60 A 192.0.2.1\n";
const QUERY = buildQuery({ name: "www.example.test.", type: "A" });
const DYNAMIC =
  "checks: {web: {type: tcp, port: 9}}\npools: {eu: {check: web, endpoints: [127.0.0.1]}}\nrecords: {dyn: {policy: eu}}\n";

let supervisor: Supervisor;
let server: Listener;
let lines: string[];
let folder: string;

/** Least heap that a worker runs in, so that it is full soon. */
const SMALL_HEAP = { maxOldGenerationSizeMb: 64 };
/** Far more than anything here takes on a busy machine, far less than in service. */
const STALL_MS = 5000;

async function start(udpWorkers: number): Promise<void> {
  folder = temporaryFolder("supervision");
  mkdirSync(join(folder, "zones"));
  writeFileSync(
    join(folder, "steerd.yaml"),
    `listen: ["127.0.0.1:0"]\nworkers: ${udpWorkers}\napi: {listen: "127.0.0.1:0"}\n`,
  );
  writeFileSync(join(folder, "zones/example.test.zone"), ZONE);
  writeFileSync(join(folder, "zones/example.test.yaml"), DYNAMIC);
  const built = (name: string): string => join(ROOT, "dist/serve", name);
  if (!existsSync(built("supervisor.js"))) throw new Error("dist/ is missing: npm run build");
  const load = (name: string): Promise<unknown> => import(pathToFileURL(built(name)).href);
  const { startSupervisor } = (await load("supervisor.js")) as typeof import("../../src/serve/supervisor.ts");
  const { checkBatch } = (await load("batch-check.js")) as typeof import("../../src/serve/batch-check.ts");
  const { startThread } = (await load("threads.js")) as typeof import("../../src/serve/threads.ts");
  lines = [];
  server = await new Promise<Listener>((resolve, reject) => {
    supervisor = startSupervisor(
      {
        configPath: join(folder, "steerd.yaml"),
        printError: (line) => reject(new Error(line)),
        onReady: ([listener]) => resolve(listener!),
      },
      {
        startWorker: (kind, init) => startThread(kind, init, SMALL_HEAP),
        log: (level, message) => lines.push(`${level} ${message}`),
        cores: 2,
        supportsReusePort: async () => false,
        checkBatch,
        stallMs: { control: STALL_MS, probe: STALL_MS },
      },
    );
  });
}

afterEach(async () => {
  supervisor.stop();
  expect(await supervisor.finished).toBe(0);
});

const askBoth = async (): Promise<number[]> => {
  const udp = await askUdp(server, QUERY, 500);
  const tcp = await askTcp(server, QUERY).catch(() => null);
  return [udp, tcp].map((reply) => (reply === null ? 0 : readMessage(reply).answer.length));
};

/** Makes a worker throw; resolves with the milliseconds until it was replaced and `isBack`. */
async function crash(words: Int32Array, isBack: () => boolean, how = CRASH_THROW): Promise<number> {
  const startedMs = performance.now();
  const restarts = Atomics.load(words, WORD_RESTARTS);
  Atomics.store(words, WORD_CRASH, how);
  while (Atomics.load(words, WORD_RESTARTS) === restarts || !isBack()) {
    if (performance.now() - startedMs > 30_000) throw new Error(lines.join("\n"));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - startedMs;
}

/** Asks, from another port each time, until `work` is done; resolves with how many queries there were, and how many got no reply. */
async function askWhile(work: Promise<unknown>): Promise<{ asked: number; lost: number }> {
  const count = { asked: 0, lost: 0 };
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    count.asked++;
    if ((await askUdp(server, QUERY, 1500)) === null) count.lost++;
  }
  await work;
  return count;
}

describe("a worker that throws (row 71)", () => {
  beforeEach(() => start(1));

  test("UDP: back within 2 s on the same port; TCP goes on", async () => {
    const { words } = supervisor.blocks.udp[0]!;
    const back = crash(words, () => Atomics.load(words, WORD_OPEN) === 1);
    expect(readMessage(await askTcp(server, QUERY)).answer).toHaveLength(1);
    expect(await back).toBeLessThan(2000);
    expect(await askBoth()).toEqual([1, 1]);
    expect(lines).toContain("error udp worker 0 failed");
  });

  test("UDP: what is asked meanwhile waits in the same socket, and is answered", async () => {
    const { words, descriptors } = supervisor.blocks.udp[0]!;
    const before = descriptors[0]!;
    expect(before, "batches, or there is no descriptor").toBeGreaterThan(0);
    Atomics.store(words, WORD_CRASH, CRASH_THROW);
    await expect.poll(() => Atomics.load(words, WORD_RESTARTS), { interval: 1 }).toBe(1);
    expect(Atomics.load(words, WORD_OPEN)).toBe(0);
    expect(readMessage((await askUdp(server, QUERY, 2000))!).answer).toHaveLength(1);
    expect(descriptors[0]).toBe(before);
  });

  test("TCP: back within 2 s on the same port; UDP goes on", async () => {
    const { words } = supervisor.blocks.stream;
    const back = crash(words, () => Atomics.load(words, WORD_OPEN) === 1);
    expect(readMessage((await askUdp(server, QUERY))!).answer).toHaveLength(1);
    expect(await back).toBeLessThan(2000);
    expect(await askBoth()).toEqual([1, 1]);
  });

  test("twice: back again with the newest snapshot", async () => {
    const { words } = supervisor.blocks.udp[0]!;
    writeFileSync(join(folder, "zones/example.test.zone"), ZONE.replace("192.0.2.1", "192.0.2.2"));
    await expect.poll(() => Atomics.load(words, WORD_GENERATION), { timeout: 5000 }).toBe(2);
    await crash(words, () => Atomics.load(words, WORD_OPEN) === 1);
    const reply = readMessage((await askUdp(server, QUERY))!);
    expect(reply.answer[0]!.rdataOctets.join(".")).toBe("192.0.2.2");
  });
});

test("one UDP worker of two throws: the other takes its share, and no query is lost", async () => {
  await start(2);
  const [dying, other] = supervisor.blocks.udp;
  const sockets = [...dying!.descriptors, ...other!.descriptors];
  for (let turn = 0; turn < 3; turn++) {
    const back = crash(dying!.words, () => Atomics.load(dying!.words, WORD_OPEN) === 1);
    const { asked, lost } = await askWhile(back);
    expect(await back).toBeLessThan(2000);
    expect(lost, `of ${asked}`).toBe(0);
    expect(asked).toBeGreaterThan(5);
  }
  expect([...dying!.descriptors, ...other!.descriptors]).toEqual(sockets);
  expect(Atomics.load(other!.words, WORD_RESTARTS)).toBe(0);
  expect(Atomics.load(supervisor.blocks.stream.words, WORD_RESTARTS)).toBe(0);
});

describe("the control plane dies (row 74)", () => {
  beforeEach(() => start(1));

  test("control: answers go on without a gap, files are read again, the API comes back", async () => {
    const { control } = supervisor.blocks;
    await expect.poll(() => Atomics.load(control, WORD_OPEN)).toBe(1);
    const back = crash(control, () => Atomics.load(control, WORD_OPEN) === 1);
    expect(await askWhile(back)).toMatchObject({ lost: 0 });
    expect(Atomics.load(control, WORD_GENERATION)).toBe(2);
    writeFileSync(join(folder, "zones/example.test.zone"), ZONE.replace("192.0.2.1", "192.0.2.2"));
    await expect
      .poll(async () => readMessage((await askUdp(server, QUERY))!).answer[0]!.rdataOctets.join("."), {
        timeout: 5000,
      })
      .toBe("192.0.2.2");
  });

  test("control, with files that are wrong by now: the old configuration goes on", async () => {
    const { control } = supervisor.blocks;
    writeFileSync(join(folder, "zones/example.test.zone"), "@ 60 SOA\n");
    await expect.poll(() => lines.some((line) => line.includes("configuration rejected"))).toBe(true);
    await crash(control, () => lines.filter((line) => line.includes("configuration rejected")).length > 1);
    expect(await askBoth()).toEqual([1, 1]);
  });

  test("probes: answers go on, health is kept", async () => {
    const states = (): number[] => [...supervisor.blocks.rows.endpoints.subarray(0, 16)];
    const before = states();
    const starts = lines.length;
    await crash(supervisor.blocks.probe, () => true);
    expect(await askBoth()).toEqual([1, 1]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(states()[0]).toBe(before[0]);
    expect(lines.slice(starts).filter((line) => line.includes("first verdict"))).toEqual([]);
  });

  test.each([
    ["control", "stuck", CRASH_HANG],
    ["control", "out of memory", CRASH_MEMORY],
    ["probe", "stuck", CRASH_HANG],
    ["probe", "out of memory", CRASH_MEMORY],
  ] as const)("%s worker %s: answers go on, it is replaced, nothing else is", async (kind, what, how) => {
    const { blocks } = supervisor;
    const words = blocks[kind];
    let beats = -1;
    const isBack = () => {
      if (beats < 0) beats = Atomics.load(words, WORD_HEARTBEAT);
      return Atomics.load(words, WORD_HEARTBEAT) > beats;
    };
    const { lost, asked } = await askWhile(crash(words, isBack, how));
    expect(lost, `of ${asked}`).toBe(0);
    expect(asked).toBeGreaterThan(5);
    const name = `error ${kind} worker ${what === "stuck" ? "is stuck" : "failed"}`;
    expect(lines.filter((line) => line.startsWith("error"))).toEqual([
      name,
      `error ${kind} worker died and is being replaced`,
    ]);
    for (const other of [blocks.udp[0]!.words, blocks.stream.words, blocks.control, blocks.probe])
      expect(Atomics.load(other, WORD_RESTARTS)).toBe(other === words ? 1 : 0);
    expect(await askBoth()).toEqual([1, 1]);
  });
});
