import type { ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { ServerOptions } from "../serve/supervisor.ts";
import { type DemoParts, runDemo } from "./demo.ts";
import type { Origin } from "./origins.ts";

const ZONE = `checks:
  web: {type: http, port: 8080, path: /healthz, interval: 1s, timeout: 500ms, fall: 2}
  port: {type: tcp, port: 8080}
pools:
  here: {check: web, endpoints: [127.0.0.2]}
  both: {check: web, endpoints: [127.0.0.2, 127.0.0.3]}
  elsewhere: {check: web, endpoints: [192.0.2.1]}
  database: {check: port, endpoints: [127.0.0.4]}
records:
  www: {policy: {failover: [here, both, elsewhere, database]}}
`;

function writeConfig(zone = ZONE): string {
  const folder = temporaryFolder("demo");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/d.example.yaml"), zone);
  const path = join(folder, "steerd.yaml");
  writeFileSync(path, 'listen: ["127.0.0.1:0"]\nnameservers: [ns1.example.net.]\n');
  return path;
}

/** Origins that are only written down; the server runs until it is told to end. */
function fakeParts(failures: Record<string, string> = {}, isApiOpen = true) {
  const calls: string[] = [];
  let end: (code: number) => void = () => undefined;
  let options: ServerOptions | null = null;
  const parts: DemoParts = {
    launch: async (origin: Origin) => {
      calls.push(`launch ${origin.name}`);
      if (failures[origin.name] !== undefined) return failures[origin.name]!;
      origin.child = { pid: 100 + origin.port } as ChildProcess;
      return null;
    },
    stop: async (origin: Origin) => {
      calls.push(`stop ${origin.name}`);
      origin.child = null;
    },
    serve: (given) => {
      options = given;
      given.onReady?.([{ host: "127.0.0.1", port: 5399, family: 4 }]);
      if (isApiOpen) given.onLogged?.("metrics and health on http://127.0.0.1:8053");
      return new Promise((resolve) => {
        end = resolve;
      });
    },
  };
  return { parts, calls, end: (code: number) => end(code), options: () => options };
}

/** A keyboard: remembers whether single key presses are on. */
function keyboard() {
  const keys = Object.assign(new PassThrough(), {
    raw: false,
    setRawMode: (raw: boolean) => {
      keys.raw = raw;
    },
  });
  return keys;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("demo", () => {
  test("origins first, then the server; the screen when it answers; the origins end with it", async () => {
    const { parts, calls, end, options } = fakeParts();
    const terminal = recordedTerminal();
    const path = writeConfig();
    const done = runDemo(path, terminal, parts);
    await vi.waitFor(() => expect(options()).not.toBeNull());
    expect(calls).toEqual(["launch here", "launch both"]);
    expect(options()).toMatchObject({ configPath: path, pretty: true });
    expect(terminal.stdout).toContain("on 127.0.0.1:5399\n");
    expect(terminal.stdout).toContain("  2  both  127.0.0.3:8080  process 8180\n");
    expect(terminal.stdout).toContain("change within 2.5 s");
    end(0);
    expect(await done).toBe(0);
    expect(calls.slice(2)).toEqual(["stop here", "stop both"]);
  });

  test.each([
    [
      "what is said of the API",
      (options: ServerOptions) => options.onLogged?.("no metrics and no API: in use"),
    ],
    ["two seconds without it", () => vi.advanceTimersByTime(2000)],
  ])("the screen stands below %s, once", async (_, happen) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { parts, end, options } = fakeParts({}, false);
    const terminal = recordedTerminal();
    const done = runDemo(writeConfig(), terminal, parts);
    for (let i = 0; i < 100 && options() === null; i++) await new Promise(setImmediate);
    options()!.onLogged?.("pool here is healthy");
    expect(terminal.stdout).toBe("");
    happen(options()!);
    expect(terminal.stdout).toContain("Ctrl-C ends everything.");
    const { length } = terminal.stdout;
    options()!.onLogged?.("metrics and health on http://127.0.0.1:8053");
    vi.advanceTimersByTime(10_000);
    expect(terminal.stdout).toHaveLength(length);
    end(0);
    await done;
  });

  test("number keys stop and start an origin; Ctrl-C and q are an interrupt", async () => {
    const { parts, calls, end, options } = fakeParts();
    const keys = keyboard();
    const kill = vi.spyOn(process, "kill").mockReturnValue(true);
    const terminal = { ...recordedTerminal(), keys: keys as unknown as NodeJS.ReadStream };
    const lines: string[] = [];
    terminal.out = (line) => void lines.push(line);
    const done = runDemo(writeConfig(), terminal, parts);
    await vi.waitFor(() => expect(options()).not.toBeNull());
    expect(keys.raw).toBe(true);

    keys.write("1");
    await vi.waitFor(() => expect(lines.at(-1)).toBe("here is stopped"));
    keys.write("1");
    await vi.waitFor(() => expect(lines.at(-1)).toBe("here is started"));
    keys.write("9");
    keys.write("x");
    for (const key of ["q", "\u0003"]) {
      keys.write(key);
      await vi.waitFor(() => expect(kill).toHaveBeenCalledWith(process.pid, "SIGINT"));
      kill.mockClear();
    }
    expect(calls.slice(2)).toEqual(["stop here", "launch here"]);
    end(0);
    await done;
    expect(keys.raw).toBe(false);
  });

  test("an origin that cannot start again is told", async () => {
    const failures: Record<string, string> = {};
    const { parts, end, options } = fakeParts(failures);
    const keys = keyboard();
    const terminal = { ...recordedTerminal(), keys: keys as unknown as NodeJS.ReadStream };
    const errors: string[] = [];
    terminal.err = (line) => void errors.push(line);
    const done = runDemo(writeConfig(), terminal, parts);
    await vi.waitFor(() => expect(options()).not.toBeNull());
    keys.write("2");
    failures.both = "EADDRINUSE";
    keys.write("2");
    await vi.waitFor(() => expect(errors[0]).toMatch(/^origin both: 127\.0\.0\.3:8080 is in use/));
    end(1);
    expect(await done).toBe(1);
  });

  test.each([
    ["EADDRINUSE", "is in use: stop what listens there"],
    [
      "EADDRNOTAVAIL",
      "is not an address of this machine: on macOS add it with: sudo ifconfig lo0 alias 127.0.0.3",
    ],
    ["EACCES", "is not permitted: ports below 1024 need a privilege"],
    ["EMFILE", "127.0.0.3:8080: EMFILE"],
  ])(
    "an origin that cannot listen (%s): a sentence, exit code 1, nothing is served",
    async (code, sentence) => {
      const { parts, calls, options } = fakeParts({ both: code });
      const terminal = recordedTerminal();
      expect(await runDemo(writeConfig(), terminal, parts)).toBe(1);
      expect(terminal.stderr).toContain(sentence);
      expect(options()).toBeNull();
      expect(calls).toContain("stop here");
    },
  );

  test("a configuration with errors starts nothing", async () => {
    const { parts, calls } = fakeParts();
    const terminal = recordedTerminal();
    expect(await runDemo(writeConfig("polls: {}\n"), terminal, parts)).toBe(1);
    expect(terminal.stderr).toContain("polls");
    expect(calls).toEqual([]);
  });
});
