import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { shownPath } from "../config/shown-path.ts";
import type { ProbeTarget } from "../health/plan.ts";
import type { Listener } from "../serve/listener.ts";
import { runServer } from "../serve/run-server.ts";
import type { ServerOptions } from "../serve/supervisor.ts";
import { portOption } from "./arguments.ts";
import { defineCommand, EXIT_FINDINGS } from "./command.ts";
import { requireConfiguration } from "./configuration.ts";
import { type DemoScene, demoScreen } from "./demo-screen.ts";
import { explainOriginFailure, launchOrigin, type Origin, stopOrigin } from "./origins.ts";
import type { Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    port: {
      type: "number",
      requiresArg: true,
      default: 5300,
      describe: "Port on 127.0.0.1 to answer DNS on; with --config the file decides",
    },
  },
  examples: [
    ["demo", "The example zones on 127.0.0.1:5300"],
    ["demo --port 5353", "On another port"],
  ],
  async run(given, terminal) {
    if (given.config !== undefined) return await runDemo(given.config, terminal, PARTS);
    const folder = mkdtempSync(join(tmpdir(), "steerd-demo-"));
    try {
      const port = portOption("port", given.port);
      return await runDemo(writeDemoConfig(folder, port), terminal, PARTS, portHint(port));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

/** Zones and latency tables of the package: from dist/cli and from src/cli it is two folders up. */
const ZONES = fileURLToPath(new URL("../../zones", import.meta.url));
const TABLES = fileURLToPath(new URL("../../geo", import.meta.url));

/**
 * A port other than the usual one means that a second demo runs: its API takes any free port too. The example zones
 * name tables as `geo/NAME.csv`, which is looked up beside steerd.yaml, so the folder stands there too.
 */
function writeDemoConfig(folder: string, port: number): string {
  const path = join(folder, "steerd.yaml");
  const api = port === 5300 ? "127.0.0.1:8053" : "127.0.0.1:0";
  const lines = [
    `listen: ["127.0.0.1:${port}"]`,
    `zones: ${JSON.stringify(ZONES)}`,
    `api: {listen: "${api}"}`,
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  symlinkSync(TABLES, join(folder, "geo"));
  return path;
}

function portHint(port: number): string {
  return `The demo can take another port: bin/steerd demo --port ${port < 65_535 ? port + 1 : 5300}`;
}

/** Whether a server was refused its port because of another one that has it. */
function isListening(line: string): boolean {
  return /^listen .*: address in use/.test(line);
}

/** What the demo does to the world. */
export interface DemoParts {
  launch(origin: Origin): Promise<string | null>;
  stop(origin: Origin): Promise<void>;
  /** Serves until a signal ends it. */
  serve(options: ServerOptions): Promise<number>;
}

const PARTS: DemoParts = { launch: launchOrigin, stop: stopOrigin, serve: runServer };

/** Starts the origins, serves, and takes the origins along when the server ends. Returns the exit code. */
export async function runDemo(
  configPath: string,
  terminal: Terminal,
  parts: DemoParts,
  hint: string | null = null,
): Promise<number> {
  const compiled = requireConfiguration(configPath, terminal);
  if (compiled === null) return EXIT_FINDINGS;
  const targets = compiled.plan.targets.filter(isLocal);
  const origins = demoOrigins(targets);
  try {
    const failures = await Promise.all(origins.map((origin) => parts.launch(origin)));
    const complaints = origins.flatMap((origin, i) =>
      failures[i] === null ? [] : [explainOriginFailure(origin, failures[i]!)],
    );
    for (const complaint of complaints) terminal.err(complaint);
    if (complaints.length > 0) return EXIT_FINDINGS;

    const scene: Omit<DemoScene, "host" | "port"> = {
      zones: `${shownPath(compiled.server.zones)}/`,
      origins,
      withdrawalMs: withdrawalMs(targets),
    };
    let releaseKeys = (): void => undefined;
    const screen = afterApi((listener) => {
      for (const line of demoScreen({ ...scene, ...listener }, terminal)) terminal.out(line);
      releaseKeys = watchKeys(origins, terminal, parts);
    });
    try {
      return await parts.serve({
        configPath,
        pretty: true,
        onHangUp: "stop",
        printError: (line) => terminal.err(hint !== null && isListening(line) ? `${line}\n${hint}` : line),
        onReady: ([listener]) => screen.onReady(listener!),
        onLogged: screen.onLogged,
      });
    } finally {
      screen.cancel();
      releaseKeys();
    }
  } finally {
    await Promise.all(origins.map((origin) => parts.stop(origin)));
  }
}

/** The screen waits this long for the API, which is opened once queries are answered. */
const API_MS = 2000;

/** Shows the screen below the last line that the start writes to the log, once: sockets first, then the API. */
function afterApi(show: (listener: Listener) => void) {
  let ready: Listener | null = null;
  let isOpen = false;
  let timer: NodeJS.Timeout | undefined;
  const showOnce = (): void => {
    clearTimeout(timer);
    if (ready !== null) show(ready);
    ready = null;
  };
  return {
    onReady: (listener: Listener): void => {
      ready = listener;
      if (isOpen) showOnce();
      else timer = setTimeout(showOnce, API_MS);
    },
    onLogged: (message: string): void => {
      if (!/^(no )?metrics and /.test(message)) return;
      isOpen = true;
      showOnce();
    },
    cancel: () => clearTimeout(timer),
  };
}

/** Whether a local HTTP server can be what a target probes. */
function isLocal({ address, check }: ProbeTarget): boolean {
  return check.type === "http" && /^(127\.|::1$)/.test(address);
}

/** One origin for each loopback address and port that is probed over HTTP, named after the first pool with it. */
function demoOrigins(targets: ProbeTarget[]): Origin[] {
  const origins = new Map<string, Origin>();
  for (const { address, check, pool } of targets) {
    if (check.type !== "http") continue;
    const key = `${address} ${check.port}`;
    if (!origins.has(key)) origins.set(key, { name: pool, address, port: check.port, child: null });
  }
  return [...origins.values()];
}

/** Longest time from an origin's end to its withdrawal, without the jitter. */
function withdrawalMs(targets: ProbeTarget[]): number {
  return Math.max(0, ...targets.map(({ check }) => check.fall * check.intervalMs + check.timeoutMs));
}

/** Ctrl-C: with single key presses the terminal no longer turns it into a signal. */
const INTERRUPT = "\u0003";

/** Lets number keys stop and start origins; returns what gives the keyboard back. */
function watchKeys(origins: Origin[], terminal: Terminal, parts: DemoParts): () => void {
  const { keys } = terminal;
  if (keys === null) return () => undefined;
  const press = (data: Buffer): void => {
    const key = data.toString();
    if (key === INTERRUPT || key === "q") process.kill(process.pid, "SIGINT");
    const origin = origins[Number(key) - 1];
    if (origin !== undefined) void toggle(origin, terminal, parts);
  };
  // A terminal that has hung up takes no mode back, and there is nobody to tell.
  keys.on("error", () => undefined);
  keys.setRawMode(true);
  keys.on("data", press);
  keys.resume();
  return () => {
    keys.off("data", press);
    keys.setRawMode(false);
    keys.pause();
  };
}

async function toggle(origin: Origin, terminal: Terminal, parts: DemoParts): Promise<void> {
  if (origin.child !== null) {
    await parts.stop(origin);
    terminal.out(`${origin.name} is stopped`);
    return;
  }
  const failure = await parts.launch(origin);
  if (failure === null) terminal.out(`${origin.name} is started`);
  else terminal.err(explainOriginFailure(origin, failure));
}
