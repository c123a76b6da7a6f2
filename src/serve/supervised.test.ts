import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  allocateWords,
  WORD_BELL,
  WORD_HEARTBEAT,
  WORD_OPEN,
  WORD_RESTARTS,
  WORD_STARTED_S,
  WORD_STOP,
} from "./blocks.ts";
import { restartDelayMs, type Supervised, superviseWorker, type WorkerHandle } from "./supervised.ts";

class FakeWorker extends EventEmitter implements WorkerHandle {
  posted: unknown[] = [];
  terminated = false;
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  async terminate(): Promise<void> {
    if (this.terminated) return;
    this.terminated = true;
    this.emit("exit", 1);
  }
}

let workers: FakeWorker[] = [];
let lines: string[] = [];
let deaths = 0;
const words = allocateWords();

function start(onDeath?: () => void): Supervised<string> {
  return superviseWorker<string, string>({
    name: "test worker",
    words,
    log: (level, message) => lines.push(`${level} ${message}`),
    stallMs: 1000,
    start: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    onMessage: (message) => lines.push(`got ${message}`),
    onStart: (post) => post("begin"),
    onDeath: onDeath ?? (() => deaths++),
  });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  workers = [];
  lines = [];
  deaths = 0;
  words.fill(0);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("superviseWorker", () => {
  it("starts a worker, brings it up to date and passes messages on", () => {
    const supervised = start();
    supervised.post("more");
    workers[0]!.emit("message", "hello");
    expect(workers[0]!.posted).toEqual(["begin", "more"]);
    expect(words[WORD_BELL]).toBe(2);
    expect(lines).toEqual(["got hello"]);
    expect(words[WORD_STARTED_S]).toBeGreaterThan(1_600_000_000);
  });

  it("replaces a worker that died, within 100 ms at first, and brings the next one up to date", () => {
    const supervised = start();
    words[WORD_OPEN] = 1;
    workers[0]!.emit("error", Object.assign(new Error("boom"), { code: "ERR_WORKER_OUT_OF_MEMORY" }));
    workers[0]!.emit("exit", 1);
    expect(words[WORD_OPEN]).toBe(0);
    supervised.post("lost");
    vi.advanceTimersByTime(100);
    expect(workers).toHaveLength(2);
    expect(workers[1]!.posted).toEqual(["begin"]);
    expect(words[WORD_RESTARTS]).toBe(1);
    expect(lines).toEqual(["error test worker failed", "error test worker died and is being replaced"]);
    expect(deaths).toBe(1);
  });

  it("waits longer after each quick death, and forgets them after a minute of life", () => {
    start();
    const waits: number[] = [];
    for (let i = 0; i < 4; i++) {
      const before = workers.length;
      workers.at(-1)!.emit("exit", 1);
      let waited = 0;
      while (workers.length === before) {
        vi.advanceTimersByTime(10);
        waited += 10;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([100, 200, 400, 800]);
    vi.advanceTimersByTime(60_000);
    workers.at(-1)!.emit("exit", 1);
    vi.advanceTimersByTime(100);
    expect(workers).toHaveLength(6);
  });

  it("ends and replaces a worker whose heart stands still", () => {
    const supervised = start();
    supervised.check(0);
    words[WORD_HEARTBEAT] = 1;
    supervised.check(900);
    supervised.check(1899);
    expect(workers[0]!.terminated).toBe(false);
    supervised.check(1900);
    expect(workers[0]!.terminated).toBe(true);
    expect(lines[0]).toBe("error test worker is stuck");
    vi.advanceTimersByTime(100);
    // The new one started at 100 ms.
    supervised.check(1099);
    expect(workers).toHaveLength(2);
    expect(workers[1]!.terminated).toBe(false);
  });

  it("replaces on request", () => {
    const supervised = start();
    supervised.replace();
    vi.advanceTimersByTime(100);
    expect(workers).toHaveLength(2);
  });

  it("stops: asks, waits, and starts nothing any more", async () => {
    const supervised = start();
    const stopped = supervised.stop(2000);
    expect(words[WORD_STOP]).toBe(1);
    expect(workers[0]!.posted.at(-1)).toEqual({ kind: "stop" });
    workers[0]!.emit("exit", 0);
    await stopped;
    vi.advanceTimersByTime(60_000);
    expect(workers).toHaveLength(1);
    expect(deaths).toBe(0);
  });

  it("ends a worker that does not stop by itself", async () => {
    const supervised = start();
    const stopped = supervised.stop(2000);
    vi.advanceTimersByTime(1999);
    expect(workers[0]!.terminated).toBe(false);
    vi.advanceTimersByTime(1);
    await stopped;
    expect(workers[0]!.terminated).toBe(true);
  });

  it("stops while a replacement is due", async () => {
    const supervised = start();
    workers[0]!.emit("exit", 1);
    await supervised.stop(2000);
    vi.advanceTimersByTime(60_000);
    expect(workers).toHaveLength(1);
  });

  it("a death that ends the server starts nothing", async () => {
    const supervised: Supervised<string> = start(() => void supervised.stop(10));
    workers[0]!.emit("exit", 1);
    vi.advanceTimersByTime(60_000);
    expect(workers).toHaveLength(1);
  });
});

it("restarts come after 100 ms, doubling up to 30 s", () => {
  expect([1, 2, 3, 9, 10, 100].map(restartDelayMs)).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
});
