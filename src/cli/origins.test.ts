import { EventEmitter } from "node:events";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { launchOrigin, type Origin, originCommand, stopOrigin } from "./origins.ts";

const fork = vi.hoisted(() => vi.fn<(entry: string, args: string[]) => unknown>());
vi.mock("node:child_process", () => ({ fork }));

class FakeChild extends EventEmitter {
  pid = 4711;
  kill = vi.fn(() => this.emit("exit"));
}

let child: FakeChild;
let origin: Origin;
beforeEach(() => {
  child = new FakeChild();
  fork.mockReset().mockReturnValue(child);
  origin = { name: "europe", address: "127.0.0.11", port: 5380, child: null };
});

describe("launchOrigin", () => {
  test("runs the compiled entry, and resolves once it listens", async () => {
    const launched = launchOrigin(origin);
    child.emit("message", { listening: true });
    expect(await launched).toBeNull();
    const [entry, args] = fork.mock.calls[0]!;
    expect(entry).toMatch(/\/dist\/cli\/origin-entry\.js$/);
    expect(args).toEqual(["europe", "127.0.0.11", "5380"]);
    expect(origin.child).toBe(child);
  });

  test("resolves with the reason when it does not", async () => {
    const launched = launchOrigin(origin);
    child.emit("message", { listening: false, code: "EADDRINUSE" });
    expect(await launched).toBe("EADDRINUSE");
  });

  test("an origin that ends is no longer there", async () => {
    const launched = launchOrigin(origin);
    child.emit("exit");
    expect(await launched).toBe("ended before it listened");
    expect(origin.child).toBeNull();
  });

  test("the end of an earlier process leaves the later one alone", async () => {
    void launchOrigin(origin);
    const later = new FakeChild();
    fork.mockReturnValue(later);
    void launchOrigin(origin);
    child.emit("exit");
    expect(origin.child).toBe(later);
  });
});

test("stopOrigin ends the process, and does nothing without one", async () => {
  await stopOrigin(origin);
  void launchOrigin(origin);
  await stopOrigin(origin);
  expect(child.kill).toHaveBeenCalledWith("SIGTERM");
  expect(origin.child).toBeNull();
});

test("the command that starts it again can be typed", () => {
  expect(originCommand(origin)).toMatch(
    /^node \S*dist\/cli\/origin-entry\.js europe 127\.0\.0\.11 5380 \d+$/,
  );
});
