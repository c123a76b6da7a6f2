import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerMessage, answerQuery, type Context, createContext } from "../../src/answer.ts";
import { createConfigCache } from "../../src/config/cache.ts";
import { compileConfig } from "../../src/config/compile.ts";
import { formatFinding } from "../../src/config/findings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createRowRegistry } from "../../src/config/rows.ts";
import { allocateCounters } from "../../src/counters.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_STATE,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_UP,
} from "../../src/health/rows.ts";
import type { Kernel } from "../../src/serve/kernel.ts";
import { lookAhead } from "../../src/serve/look-ahead.ts";
import { createMessageBlock, SLOTS, setReceivedLength } from "../../src/serve/message-block.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import { copyOctets, viewOf } from "../../src/wire/octets.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import type { TimedCase } from "./timing.ts";

/** Wire form of a name of plain labels. */
function wireName(name: string): number[] {
  const labels = name.split(".").filter((label) => label !== "");
  return [...labels.flatMap((label) => [label.length, ...Buffer.from(label)]), 0];
}

/** A query; `subnet` as `198.51.100.0/24` adds a client subnet option, null an OPT without one, undefined no OPT. */
export function queryPacket(name: string, type: number, subnet?: string | null): Uint8Array {
  const octets = [0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, subnet === undefined ? 0 : 1];
  octets.push(...wireName(name), type >> 8, type & 255, 0, 1);
  if (subnet === undefined) return Uint8Array.from(octets);
  octets.push(0, 0, 41, 4, 208, 0, 0, 0, 0);
  if (subnet === null) octets.push(0, 0);
  else {
    const [address = "", bits = ""] = subnet.split("/");
    const prefix = address
      .split(".")
      .map(Number)
      .slice(0, Math.ceil(Number(bits) / 8));
    octets.push(0, 8 + prefix.length, 0, 8, 0, 4 + prefix.length, 0, 1, Number(bits), 0, ...prefix);
  }
  return Uint8Array.from(octets);
}

/** What `files` in a zones folder compile to, `steerd.yaml` beside it, with every checked address up. */
function compiledSnapshot(files: Record<string, string>): { snapshot: Snapshot; rows: HealthRows } {
  const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
  try {
    mkdirSync(join(folder, "zones"));
    const { "steerd.yaml": server = "zones: ./zones\n", ...zones } = files;
    for (const [name, text] of Object.entries(zones)) writeFileSync(join(folder, "zones", name), text);
    writeFileSync(join(folder, "steerd.yaml"), server);
    const rows = allocateHealthRows(1024, 1024);
    const loaded = loadConfig({ configFile: join(folder, "steerd.yaml"), cache: createConfigCache() });
    const compiled = compileConfig(loaded, {
      rows: createRowRegistry(rows, 1),
      previous: null,
      generation: 1,
    });
    if (!("snapshot" in compiled)) throw new Error(compiled.findings.map(formatFinding).join("\n"));
    for (let at = 0; at < rows.endpoints.length; at += ENDPOINT_ROW_WORDS) {
      rows.endpoints[at + ROW_STATE] = STATE_UP | STATE_PROBED_UP | STATE_KNOWN;
    }
    return { snapshot: compiled.snapshot, rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A worker's context over `files`. All contexts come from here: snapshots of other shapes would slow the code down. */
export function contextOf(files: Record<string, string>): Context {
  const { snapshot, rows } = compiledSnapshot(files);
  const context = createContext(snapshot, rows, allocateCounters());
  context.client.resolverFamily = 4;
  context.client.resolverAddress.set([192, 0, 2, 53]);
  context.clockS[0] = 1_800_000_000;
  return context;
}

/** Octets of a query that differ from call to call. */
export interface Variation {
  offset: number;
  width: number;
  /** `width` octets for each of a power of two of queries. */
  octets: Uint8Array;
}

/** A case without its name. */
export type Asker = Omit<TimedCase, "name">;

/**
 * Answers a query over and over from one buffer, as a worker reads every packet into the same memory; with a variation
 * some of its octets are others every time. Packets of their own would miss the processor's caches, which real ones,
 * fresh from the kernel, do not.
 */
export function asker(context: Context, query: Uint8Array, variation: Variation | null = null): Asker {
  const { length } = query;
  // Larger than what V8 keeps within its heap, as receive buffers are.
  const packet = new Uint8Array(1232);
  packet.set(query);
  const out = new Uint8Array(OUT_OCTETS);
  if (answerQuery(packet, length, context, out) === 0) throw new Error("the query gets no reply");
  if (variation === null) {
    return {
      run: (calls) => {
        for (let call = 0; call < calls; call++) answerQuery(packet, length, context, out);
      },
    };
  }
  const view = viewOf(packet);
  const vary = varier(variation);
  return {
    run: (calls) => {
      for (let call = 0; call < calls; call++) {
        vary(view);
        answerQuery(packet, length, context, out);
      }
    },
    besides: (calls) => {
      for (let call = 0; call < calls; call++) vary(view);
    },
  };
}

/** Writes the octets of the next variation into a query. */
function varier({ offset, width, octets }: Variation): (query: DataView) => void {
  const count = octets.length / width;
  if ((count & (count - 1)) !== 0) throw new Error(`${count} variations are no power of two`);
  let next = 0;
  return (query) => {
    const from = (next++ & (count - 1)) * width;
    for (let at = 0; at < width; at++) query.setUint8(offset + at, octets[from + at]!);
  };
}

/** Memory of our own: nothing is received or sent. */
const allocator = {
  allocate: (octets: number) => ({ address: 0n, buffer: new ArrayBuffer(octets) }),
} as unknown as Kernel;

/**
 * As `asker`, in batches as a UDP worker answers them: what a whole batch will read is fetched before its first answer,
 * and each reply is written over its query. Putting the next queries there is the kernel's work.
 */
export function batchAsker(context: Context, query: Uint8Array, variation: Variation): Asker {
  const { length } = query;
  const block = createMessageBlock(allocator, 16, false);
  for (let slot = 0; slot < SLOTS; slot++) setReceivedLength(block, slot, length);
  const from = viewOf(query);
  const vary = varier(variation);
  const receive = (count: number): void => {
    for (let slot = 0; slot < count; slot++) {
      const packet = block.messages[slot]!;
      copyOctets(from, 0, length, packet, 0);
      vary(packet);
    }
  };
  return {
    run: (calls) => {
      for (let call = 0; call < calls; call += SLOTS) {
        const count = Math.min(SLOTS, calls - call);
        receive(count);
        lookAhead(block, count, context);
        for (let slot = 0; slot < count; slot++) {
          const message = block.messages[slot]!;
          answerMessage(message, length, context, message);
        }
      }
    },
    besides: (calls) => {
      for (let call = 0; call < calls; call += SLOTS) receive(Math.min(SLOTS, calls - call));
    },
  };
}
