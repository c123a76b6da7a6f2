import { answerQuery, type Context, createContext } from "../../src/answer.ts";
import { allocateCounters } from "../../src/counters.ts";
import { allocateHealthRows } from "../../src/health/rows.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import { buildZones } from "../../src/zone/tree.ts";
import { parseZoneFile } from "../../src/zone/zone-file.ts";

/** Wire form of a name of plain labels. */
export function wireName(name: string): number[] {
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

/** Static zones from master-file text. */
export function staticSnapshot(zones: { origin: string; text: string }[]): Snapshot {
  const sources = zones.map(({ origin, text }) => {
    const { columns, findings } = parseZoneFile(Buffer.from(text), {
      origin: Uint8Array.from(wireName(origin)),
      file: origin,
      readInclude: () => ({ error: "no includes" }),
    });
    if (findings.length > 0) throw new Error(JSON.stringify(findings[0]));
    return { columns, dynamic: [] };
  });
  const none = (): Int32Array => new Int32Array(0);
  return {
    generation: 1,
    zones: buildZones(sources),
    policy: {
      records: none(),
      recordTables: none(),
      nodes: none(),
      entries: none(),
      pools: none(),
      endpoints: none(),
      addresses: none(),
    },
    tables: { cells: none(), tables: none(), chains: none() },
  };
}

export function contextOf(snapshot: Snapshot, rows = allocateHealthRows(64, 64)): Context {
  const context = createContext(snapshot, rows, allocateCounters());
  context.client.resolverFamily = 4;
  context.client.resolverAddress.set([192, 0, 2, 53]);
  context.clockS[0] = 1_800_000_000;
  return context;
}

/** Answers the packets one after the other, round and round; `packets` must be a power of two long. */
export function asker(context: Context, packets: readonly Uint8Array[]): (calls: number) => void {
  const out = new Uint8Array(OUT_OCTETS);
  const mask = packets.length - 1;
  if ((packets.length & mask) !== 0) throw new Error(`${packets.length} packets are no power of two`);
  for (const packet of packets) {
    if (answerQuery(packet, packet.length, context, out) === 0) throw new Error("a packet gets no reply");
  }
  let next = 0;
  return (calls) => {
    for (let call = 0; call < calls; call++) {
      const packet = packets[next++ & mask]!;
      answerQuery(packet, packet.length, context, out);
    }
  };
}
