import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import type { Remembered } from "../health/remembered.ts";
import { createStateWriter, readStateFile, replaceDurably, type StateWriter } from "./state-file.ts";

const remembered: Remembered = {
  endpoints: [
    {
      zone: "z.example",
      pool: "eu",
      address: "192.0.2.1",
      check: "web",
      asks: "{}",
      state: "down",
      reason: "refused",
      sinceS: 1_700_000_000,
      seenS: 1_700_000_100,
      run: 3,
      runSinceS: 1_700_000_050,
    },
  ],
  pools: [{ zone: "z.example", pool: "eu", failed: true, sinceS: 1_700_000_000 }],
  latches: [
    { zone: "z.example", policy: "www: policy", entries: ["eu", "us"], current: 1, sinceS: 1, seenS: 2 },
  ],
};

let folder: string;
let path: string;
let lines: string[];
const log = (level: string, message: string): void =>
  void lines.push(`${level} ${message.replace(path, "FILE")}`);

beforeEach(() => {
  folder = temporaryFolder("state");
  path = join(folder, "steerd.state.json");
  lines = [];
});

describe("what is read", () => {
  test("is what was written", async () => {
    const writer = createStateWriter({
      path,
      clock: new FakeClock(),
      log,
      remember: () => remembered,
      write: replaceDurably,
    });
    await writer.stop();
    expect(readStateFile(path, log)).toEqual(remembered);
    expect(readdirSync(folder)).toEqual(["steerd.state.json"]);
    expect(lines).toEqual([]);
  });

  test("no file is no fault: a first start", () => {
    expect(readStateFile(path, log)).toBeNull();
    expect(lines).toEqual([]);
  });

  test("a file that is cut anywhere, or damaged, is ignored, with one line", () => {
    const whole = `${JSON.stringify({ format: "steerd state 1", ...remembered })}\n`;
    const damaged = [
      ...Array.from({ length: whole.length - 2 }, (_, length) => whole.slice(0, length)),
      "null",
      "[]",
      "\0\0\0\0",
      whole.replace("state 1", "state 2"),
      whole.replace('"down"', '"sideways"'),
      whole.replace("1700000100", '"yesterday"'),
      whole.replace("1700000100", "-1"),
      whole.replace('"run":3', '"run":"three"'),
      whole.replace('"runSinceS":1700000050', '"runSinceS":-1'),
      whole.replace('["eu","us"]', "7"),
      whole.replace('"failed":true', '"failed":"yes"'),
      whole.replace('"pools":[{', '"pools":[null,{'),
    ];
    for (const text of damaged) {
      writeFileSync(path, text);
      lines = [];
      expect(readStateFile(path, log), JSON.stringify(text)).toBeNull();
      expect(lines).toEqual(["warn FILE is not used: it is damaged; the first results decide"]);
    }
    writeFileSync(path, whole);
    expect(readStateFile(path, log)).toEqual(remembered);
  });

  test("a folder in its place is ignored, with one line", () => {
    mkdirSync(path);
    expect(readStateFile(path, log)).toBeNull();
    expect(lines).toEqual(["warn FILE is not used: this is a folder; the first results decide"]);
  });
});

describe("when it is written", () => {
  let clock: FakeClock;
  let writes: number[];
  let fail: string | null;
  let durationMs: number;
  let writer: StateWriter;

  beforeEach(() => {
    clock = new FakeClock();
    writes = [];
    fail = null;
    durationMs = 0;
    writer = createStateWriter({
      path,
      clock,
      log,
      remember: () => remembered,
      write: async () => {
        writes.push(clock.nowMs());
        if (durationMs > 0) await new Promise<void>((done) => clock.setTimer(done, durationMs));
        if (fail !== null) throw Object.assign(new Error("no"), { code: fail });
      },
    });
  });

  /** Time passes in steps, so that writes can end between. */
  async function pass(ms: number, between: () => void = () => undefined): Promise<void> {
    for (let step = 0; step < ms / 100; step++) {
      between();
      clock.advance(100);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  }

  test("once a second under changes without end", async () => {
    await pass(10_000, () => writer.changed());
    expect(writes.length).toBeGreaterThanOrEqual(8);
    expect(writes.length).toBeLessThanOrEqual(10);
  });

  test("more seldom on a slow disk: at most a fiftieth of the time", async () => {
    durationMs = 200;
    await pass(60_000, () => writer.changed());
    expect(writes.length).toBeLessThanOrEqual(7);
    expect(writes.length).toBeGreaterThanOrEqual(5);
  });

  test("twice a minute while nothing changes, so that its age is the server's", async () => {
    await pass(120_000);
    expect(writes.length).toBe(4);
  });

  test.each(["ENOSPC", "EROFS", "EIO", "EACCES"])(
    "row 57: %s costs one line, and the server goes on",
    async (code) => {
      fail = code;
      await pass(300_000, () => writer.changed());
      const warning = `warn FILE cannot be written (${code}): a restart would know nothing of health`;
      expect(lines).toEqual([warning]);
      expect(writes.length).toBeLessThanOrEqual(12);
      fail = null;
      await pass(60_000);
      expect(lines).toEqual([warning, "info FILE is written again"]);
    },
  );

  test("a change while it is written is written after it", async () => {
    writer.changed();
    await pass(1_000);
    expect(writes.length).toBe(1);
    writer.changed();
    await pass(1_100);
    expect(writes.length).toBe(2);
    await pass(5_000);
    expect(writes.length).toBe(2);
  });

  test("at the end, once more", async () => {
    await writer.stop();
    expect(writes.length).toBe(1);
    await pass(100_000);
    expect(writes.length).toBe(1);
  });
});

test("row 57: a folder that takes no files leaves the old content", async () => {
  await replaceDurably(path, "old");
  chmodSync(folder, 0o500);
  try {
    // Root may write there all the same.
    await replaceDurably(path, "new").catch(() => undefined);
  } finally {
    chmodSync(folder, 0o700);
  }
  expect(["old", "new"]).toContain(readFileSync(path, "utf8"));
  await expect(replaceDurably(join(folder, "no/such/folder/file"), "x")).rejects.toThrow("ENOENT");
});
