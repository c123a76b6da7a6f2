import type { Reader } from "maxmind";
import { queryPacket } from "../support/server.ts";
import type { Generator, RunOptions, RunResult } from "./generator.ts";
import type { Server } from "./peers.ts";
import { processorTime } from "./processor.ts";
import { addressNumber, ELSEWHERE, expectedRegion, ORIGIN, REGIONS, type Workload } from "./workloads.ts";

/** A server that has shown to answer by region. */
export interface Target {
  server: Server;
  /** What it answers without a client subnet, to 127.0.0.1. */
  resolverAddress: number;
}

const TYPE_A = 1;
const READY_MS = 60_000;

/** The address of the one A record that ends the answer section of an unchecked reply, or null. */
function answered(reply: Uint8Array | null, questionEnd: number): string | null {
  if (reply === null || (reply[3]! & 15) !== 0 || reply[7] !== 1) return null;
  return reply.subarray(questionEnd + 12, questionEnd + 16).join(".");
}

/**
 * Waits until a server answers, and holds it against the database: a prefix of each region must get that region's
 * address, and the reply's scope must say that it is for this prefix only. A server that takes a database which it
 * cannot read, and then answers everyone alike, ends here.
 */
export async function learnTarget(
  generator: Generator,
  server: Server,
  reader: Reader<never>,
): Promise<Target> {
  generator.aim(server.port);
  const plain = queryPacket(`www.${ORIGIN}`, TYPE_A, null);
  const end = endOfQuestion(plain);
  let local: string | null = null;
  let ended = false;
  void server.child.exited.then(() => {
    ended = true;
  });
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline && local === null && !ended; ) {
    local = answered(generator.ask(plain), end);
    if (local === null) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const addresses = [...Object.values(REGIONS), ELSEWHERE];
  if (local === null || !addresses.includes(local))
    throw new Error(
      `${server.name} answers no region: ${local}\n${server.child.stdout()}\n${server.child.stderr()}`,
    );
  const missing = new Set(addresses);
  for (let third = 0; third < 4096 && missing.size > 0; third++) {
    const prefix = `${11 + (third % 89)}.${third & 255}.${(third * 7) & 255}.0`;
    const expected = expectedRegion(reader, prefix);
    if (!missing.delete(expected)) continue;
    const query = queryPacket(`www.${ORIGIN}`, TYPE_A, `${prefix}/24`);
    const reply = generator.ask(query);
    const got = answered(reply, end);
    if (got !== expected)
      throw new Error(`${server.name} answers ${got} to ${prefix}/24: expected ${expected}`);
    // Knot says nothing of a scope with the address for everywhere else, which is an ordinary record there.
    if (got !== ELSEWHERE && scopeOf(reply!) === 0)
      throw new Error(`${server.name} says that ${got} is for everyone`);
  }
  if (missing.size > 0) throw new Error("the database lacks a region");
  return { server, resolverAddress: addressNumber(local) };
}

function endOfQuestion(packet: Uint8Array): number {
  let end = 12;
  while (packet[end] !== 0) end += 1 + packet[end]!;
  return end + 5;
}

/** SCOPE PREFIX-LENGTH of the client subnet option that ends a reply: option 8, family 1. */
function scopeOf(reply: Uint8Array): number {
  for (let at = reply.length - 7; at > 12; at--) {
    if (reply[at] === 0 && reply[at + 1] === 8 && reply[at + 4] === 0 && reply[at + 5] === 1)
      return reply[at + 7] ?? 0;
  }
  return 0;
}

/** A run with what it cost the server. */
export interface Measured extends RunResult {
  queriesPerSecond: number;
  /** Of the server's core: its own processor time by the clock. */
  busy: number;
  /** Microseconds of processor time a query. */
  userUs: number;
  systemUs: number;
  totalUs: number;
}

/** Measures one run against a target. */
export function measureRun(
  generator: Generator,
  { server, resolverAddress }: Target,
  workload: Workload,
  { warmUpMs, durationMs }: Pick<RunOptions, "warmUpMs" | "durationMs">,
  run: (options: RunOptions) => RunResult,
): Measured {
  const samples: { at: number; time: ReturnType<typeof processorTime> }[] = [];
  generator.aim(server.port);
  const result = run({
    workload,
    resolverAddress,
    warmUpMs,
    durationMs,
    atBoundary: () => samples.push({ time: processorTime(server.pid), at: performance.now() }),
  });
  const [before, after] = [samples[0]!, samples[1]!];
  const totalNs = after.time.totalNs - before.time.totalNs;
  const user = after.time.userTicks - before.time.userTicks;
  const system = after.time.systemTicks - before.time.systemTicks;
  const totalUs = totalNs / 1000 / result.replies;
  const elapsedMs = after.at - before.at;
  return {
    ...result,
    queriesPerSecond: (result.replies / elapsedMs) * 1000,
    busy: totalNs / 1e6 / elapsedMs,
    totalUs,
    userUs: (totalUs * user) / (user + system),
    systemUs: (totalUs * system) / (user + system),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** `1.05 (0.98-1.11)`: median, least and most. */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "-";
  const ends = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits)).join("-");
  return `${median(values).toFixed(digits)} (${ends})`;
}
