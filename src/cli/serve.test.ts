import { beforeEach, expect, test, vi } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { ServerOptions } from "../serve/supervisor.ts";
import { runCommandLine } from "./program.ts";

const runServer = vi.hoisted(() => vi.fn<(options: ServerOptions) => Promise<number>>());
vi.mock("../serve/run-server.ts", () => ({ runServer }));

beforeEach(() => {
  runServer.mockReset().mockResolvedValue(0);
});

test("without options: the default file, and the server's exit code", async () => {
  runServer.mockResolvedValue(1);
  expect(await runCommandLine(["serve"], recordedTerminal())).toBe(1);
  expect(runServer.mock.calls[0]![0]).toMatchObject({ configPath: null, logLevel: "info" });
});

test("--config and --log-level reach the server, and its complaints reach standard error", async () => {
  const terminal = recordedTerminal();
  runServer.mockImplementation(async ({ printError }) => {
    printError?.("listen 127.0.0.1:53/udp: permission denied");
    return 1;
  });
  expect(await runCommandLine(["serve", "--config", "a.yaml", "--log-level", "debug"], terminal)).toBe(1);
  expect(runServer.mock.calls[0]![0]).toMatchObject({ configPath: "a.yaml", logLevel: "debug" });
  expect(terminal.stderr).toBe("listen 127.0.0.1:53/udp: permission denied\n");
});

test("a level that is none is a usage error", async () => {
  const terminal = recordedTerminal();
  expect(await runCommandLine(["serve", "--log-level", "loud"], terminal)).toBe(2);
  expect(terminal.stderr).toContain("loud");
  expect(runServer).not.toHaveBeenCalled();
});
