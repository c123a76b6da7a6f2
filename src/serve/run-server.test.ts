import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeThreads, type FakeThreads } from "../../test/support/fake-threads.ts";
import { runServer } from "./run-server.ts";

describe("runServer", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async function run(onHangUp?: "stop"): Promise<{ threads: FakeThreads; finished: Promise<number> }> {
    const fakes = createFakeThreads();
    const finished = runServer(
      { configPath: null, pretty: false, logLevel: "error", ...(onHangUp && { onHangUp }) },
      fakes.start,
    );
    while (fakes.of("control").length === 0) await turn();
    return { threads: fakes, finished };
  }

  it.each(["SIGTERM", "SIGINT"] as const)("SIGHUP reads the files again, %s stops with 0", async (signal) => {
    const before = process.listenerCount(signal);
    const { threads: fakes, finished } = await run();
    process.emit("SIGHUP");
    expect(fakes.last("control").toldOf("reload")).toHaveLength(1);
    process.emit(signal);
    expect(await finished).toBe(0);
    expect(process.listenerCount(signal)).toBe(before);
  });

  it("a hang-up stops a server that belongs to a terminal", async () => {
    const { threads: fakes, finished } = await run("stop");
    process.emit("SIGHUP");
    expect(fakes.last("control").toldOf("reload")).toHaveLength(0);
    expect(await finished).toBe(0);
    expect(process.listenerCount("SIGHUP")).toBe(0);
  });

  describe("a second signal", () => {
    let nowMs = 0;
    beforeEach(() => {
      nowMs = 1000;
      vi.spyOn(performance, "now").mockImplementation(() => nowMs);
    });
    afterEach(() => void vi.restoreAllMocks());

    it("half a second later ends it at once with 1, whatever the workers do", async () => {
      const { threads: fakes, finished } = await run();
      fakes.last("control").postMessage = () => undefined;
      process.emit("SIGTERM");
      nowMs += 500;
      process.emit("SIGINT");
      expect(await finished).toBe(1);
      fakes.last("control").die(0);
    });

    it("in the same moment is the same wish, as of timeout: it still ends with 0", async () => {
      const { finished } = await run();
      process.emit("SIGTERM");
      nowMs += 499;
      process.emit("SIGTERM");
      expect(await finished).toBe(0);
    });
  });
});
