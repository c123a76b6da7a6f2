import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { alignColumns, format, publish } from "./support/report.ts";
import { queryPacket } from "./support/server.ts";

/**
 * From the start of the process to its first answer: `steerd serve` with one static zone and one that steers by the
 * embedded country database, without checks. Beside it, in turn, a Node.js process that does nothing.
 */
const { values: options } = parseArgs({
  options: { starts: { type: "string", default: "20" }, write: { type: "boolean", default: false } },
});
const starts = Number(options.starts);
const HEAD = "@ 60 SOA ns1 hostmaster 1 3600 600 86400 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n";
const POLICY = `pools:
  us: {endpoints: [192.0.2.10, 192.0.2.11]}
  eu: {endpoints: [198.51.100.10]}
records:
  www: {policy: {geo: {EU: eu, NA: us, default: us}}}
`;
const TYPE_A = 1;
const ENVIRONMENT = { PATH: process.env.PATH };
/** How often a client asks that waits for the first answer. */
const ASK_MS = 1;

const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "zones"));
writeFileSync(join(folder, "zones/static.example.zone"), HEAD);
writeFileSync(join(folder, "zones/geo.example.zone"), HEAD);
writeFileSync(join(folder, "zones/geo.example.yaml"), POLICY);

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const exitOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once("exit", () => resolve()));

/** Milliseconds until a question is answered with the code 0 and an address. */
function firstAnswer(socket: Socket, port: number, packet: Uint8Array, beginMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (performance.now() - beginMs > 30_000) reject(new Error("no answer within 30 s"));
      else socket.send(packet, port, "127.0.0.1");
    }, ASK_MS);
    socket.on("message", (reply) => {
      clearInterval(timer);
      if ((reply[3]! & 15) !== 0 || reply[7] === 0) reject(new Error("the first answer is none"));
      resolve(performance.now() - beginMs);
    });
  });
}

async function start(): Promise<number> {
  const port = await freePort();
  writeFileSync(
    join(folder, "steerd.yaml"),
    `listen: ["127.0.0.1:${port}"]\nzones: ./zones\napi: {listen: "127.0.0.1:0"}\n`,
  );
  const socket = createSocket("udp4");
  const packet = queryPacket("www.geo.example.", TYPE_A, "193.0.6.0/24");
  const beginMs = performance.now();
  const child = spawn(process.execPath, ["bin/steerd", "serve", "--config", join(folder, "steerd.yaml")], {
    stdio: ["ignore", "ignore", "inherit"],
    env: ENVIRONMENT,
  });
  const exit = exitOf(child);
  try {
    return await firstAnswer(socket, port, packet, beginMs);
  } finally {
    socket.close();
    child.kill("SIGTERM");
    await exit;
  }
}

/** A process that is started and ends. */
async function nothing(): Promise<number> {
  const beginMs = performance.now();
  await exitOf(spawn(process.execPath, ["-e", ""], { stdio: "ignore", env: ENVIRONMENT }));
  return performance.now() - beginMs;
}

const firsts: number[] = [];
const floors: number[] = [];
// The first one reads everything into the page cache.
await start();
for (let turn = 0; turn < starts; turn++) {
  floors.push(await nothing());
  firsts.push(await start());
}
const sorted = (numbers: number[]): number[] => [...numbers].sort((left, right) => left - right);
const median = (numbers: number[]): number => sorted(numbers)[numbers.length >> 1]!;
const row = (name: string, numbers: number[]): string[] => [
  name,
  format(median(numbers)),
  format(sorted(numbers)[0]!),
  format(sorted(numbers).at(-1)!),
];
publish(
  "start",
  alignColumns([
    [`ms, ${starts} starts`, "median", "least", "most"],
    row("steerd serve, to the first answer", firsts),
    row("node -e '', to its end", floors),
  ]),
  [{ name: "first answer, median", measured: median(firsts), limit: 400, unit: "ms" }],
  { firsts, floors },
);
