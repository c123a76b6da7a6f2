import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { ServerOptions } from "../serve/supervisor.ts";
import { runCommandLine } from "./program.ts";

const runServer = vi.hoisted(() => vi.fn<(options: ServerOptions) => Promise<number>>());
vi.mock("../serve/run-server.ts", () => ({ runServer }));
vi.mock("./origins.ts", () => ({
  launchOrigin: async () => null,
  stopOrigin: async () => undefined,
  originCommand: () => "node origin",
}));

beforeEach(() => {
  runServer.mockReset();
});

test.each([
  [[], "127.0.0.1:5300", "127.0.0.1:8053"],
  [["--port", "5999"], "127.0.0.1:5999", "127.0.0.1:0"],
])(
  "demo %j serves the package's zones with a configuration that is removed afterwards",
  async (args, listen, api) => {
    let written = "";
    let path = "";
    runServer.mockImplementation(async ({ configPath, onReady, onLogged }) => {
      path = configPath!;
      written = readFileSync(path, "utf8");
      onReady?.([{ host: "127.0.0.1", port: 5300, family: 4 }]);
      onLogged?.("metrics and health on http://127.0.0.1:8053");
      return 0;
    });
    const terminal = recordedTerminal();
    expect(await runCommandLine(["demo", ...args], terminal)).toBe(0);
    expect(written).toContain(`listen: ["${listen}"]\n`);
    expect(written).toMatch(/^zones: ".*\/zones"$/m);
    expect(written).toContain(`api: {listen: "${api}"}\n`);
    expect(terminal.stdout).toContain("steerd demo: zones/ on 127.0.0.1:5300");
    expect(existsSync(dirname(path))).toBe(false);
  },
);

test("a port that is none is a usage error", async () => {
  const terminal = recordedTerminal();
  expect(await runCommandLine(["demo", "--port", "70000"], terminal)).toBe(2);
  expect(terminal.stderr).toContain("--port: expected a port from 0 to 65535");
  expect(runServer).not.toHaveBeenCalled();
});

test("a port that another server has draws the option that names another one", async () => {
  const refuse = (line: string) =>
    runServer.mockImplementation(async ({ printError }) => {
      printError?.(line);
      return 1;
    });
  refuse("listen 127.0.0.1:5300/udp: address in use: another server listens there");
  let terminal = recordedTerminal();
  expect(await runCommandLine(["demo"], terminal)).toBe(1);
  expect(terminal.stderr).toContain("The demo can take another port: bin/steerd demo --port 5301\n");
  refuse("listen 127.0.0.1:53/udp: permission denied");
  terminal = recordedTerminal();
  await runCommandLine(["demo", "--port", "53"], terminal);
  expect(terminal.stderr).not.toContain("--port");
});
