import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { ServerAddress } from "./dns-client.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A server as users run it: `bin/steerd serve` in a process of its own. */
export interface Steerd extends ServerAddress {
  host: string;
  port: number;
  /** `http://127.0.0.1:port` of the API listener. */
  api: string;
  /** What the API answers; waits for it while its worker is being replaced, as after a restart. */
  get(path: string): Promise<Response>;
  /** Folder with steerd.yaml and zones/. */
  folder: string;
  child: Child;
  write(name: string, text: string): void;
  /** SIGHUP; resolves when the next configuration has been accepted. */
  reload(): Promise<void>;
  stop(): Promise<number>;
}

export interface SteerdOptions {
  /** Lines added to steerd.yaml. */
  server?: string;
  lifetimeMs?: number;
  nodeFlags?: string[];
}

export const ROOT = join(import.meta.dirname, "../..");

const API_OPEN = /metrics and health on (http:\/\/[\d.]+:\d+)\D/;
/** A control worker is back within this, on a busy machine too. */
const API_MS = 10_000;

/** Asks the API where it listens now: on another free port after its worker was replaced. Says what the server wrote when it fails. */
async function askApi(child: Child, path: string): Promise<Response> {
  const endMs = performance.now() + API_MS;
  for (;;) {
    const [, api] = [...child.stdout().matchAll(new RegExp(API_OPEN, "g"))].at(-1)!;
    try {
      return await fetch(`${api}${path}`);
    } catch (error) {
      if (performance.now() > endMs)
        throw new Error(`${api}${path} is not answered\n${child.stdout()}${child.stderr()}`, {
          cause: error,
        });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts a server on free loopback ports over `files` in its zones folder; needs dist/. */
export async function startSteerd(
  files: Record<string, string>,
  options: SteerdOptions = {},
): Promise<Steerd> {
  const folder = temporaryFolder("serve");
  mkdirSync(join(folder, "zones"));
  const server = [
    'listen: ["127.0.0.1:0"]',
    "zones: ./zones",
    'api: {listen: "127.0.0.1:0"}',
    "nameservers: [ns1.example.net., ns2.example.net.]",
    options.server ?? "",
  ];
  writeFileSync(join(folder, "steerd.yaml"), `${server.join("\n")}\n`);
  const write = (name: string, text: string): void => writeFileSync(join(folder, "zones", name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const child = startChild(
    process.execPath,
    [
      ...(options.nodeFlags ?? []),
      join(ROOT, "bin/steerd"),
      "serve",
      "--config",
      join(folder, "steerd.yaml"),
    ],
    { lifetimeMs: options.lifetimeMs ?? 60_000, env: { NO_COLOR: "1" } },
  );
  const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)\D/);
  const [, api] = await child.waitFor(API_OPEN);
  let accepted = 1;
  return {
    host: "127.0.0.1",
    port: Number(port),
    api: api!,
    get: (path) => askApi(child, path),
    folder,
    child,
    write,
    reload: async () => {
      accepted++;
      child.signal("SIGHUP");
      await child.waitFor(new RegExp(`configuration ${accepted} accepted`));
    },
    stop: () => child.stop(),
  };
}
