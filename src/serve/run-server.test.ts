import { describe, expect, it } from "vitest";
import { createFakeThreads, type FakeThreads } from "../../test/support/fake-threads.ts";
import { runServer } from "./supervisor.ts";

describe("runServer", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async function run(): Promise<{ threads: FakeThreads; finished: Promise<number> }> {
    const fakes = createFakeThreads();
    const finished = runServer({ configPath: null, pretty: false, logLevel: "error" }, fakes.start);
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

  it("a second signal ends it at once with 1, whatever the workers do", async () => {
    const { threads: fakes, finished } = await run();
    fakes.last("control").postMessage = () => undefined;
    process.emit("SIGTERM");
    process.emit("SIGINT");
    expect(await finished).toBe(1);
    fakes.last("control").die(0);
  });
});
