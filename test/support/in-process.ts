import * as answering from "../../src/answer.ts";
import { allocateCounters, counterNames } from "../../src/counters.ts";
import { allocateHealthRows } from "../../src/health/rows.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../../src/wire/constants.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import type { RecordColumns } from "../../src/zone/record-columns.ts";
import { buildZones } from "../../src/zone/tree.ts";
import { parseZoneFile } from "../../src/zone/zone-file.ts";
import { addressOctets, nameOctets } from "./packet.ts";

/** The whole query path without sockets. */
export interface InProcess {
  context: answering.Context;
  /** The reply, or null where nothing is sent. */
  ask(packet: Uint8Array, how?: Asking): Uint8Array | null;
  /** As `ask`, with the first `length` octets of a larger buffer. */
  askPrefix(buffer: Uint8Array, length: number, how?: Asking): Uint8Array | null;
  /** Counter by its name in counters.ts, as `dropped.short`. */
  counter(name: string): number;
}

export interface Asking {
  tcp?: boolean;
  /** Address that the query comes from. */
  resolver?: string;
}

/** The two functions of src/answer.ts: those of a changed copy can stand in. */
export type Answering = Pick<typeof answering, "answerQuery" | "createContext">;

export function serveSnapshot(
  snapshot: Snapshot,
  rows = allocateHealthRows(64, 64),
  { answerQuery, createContext }: Answering = answering,
): InProcess {
  const counters = allocateCounters();
  const context = createContext(snapshot, rows, counters);
  const out = new Uint8Array(OUT_OCTETS);
  const askPrefix: InProcess["askPrefix"] = (buffer, length, how = {}) => {
    const resolver = how.resolver ?? "192.0.2.200";
    context.transport = how.tcp === true ? TRANSPORT_TCP : TRANSPORT_UDP;
    context.client.resolverFamily = resolver.includes(":") ? 6 : 4;
    context.client.resolverAddress.fill(0);
    context.client.resolverAddress.set(addressOctets(resolver));
    const size = answerQuery(buffer, length, context, out);
    return size === 0 ? null : out.slice(0, size);
  };
  return {
    context,
    askPrefix,
    ask: (packet, how) => askPrefix(packet, packet.length, how),
    counter: (name) => {
      const slot = counterNames.indexOf(name);
      if (slot < 0) throw new Error(`no counter ${name}`);
      return counters[slot]!;
    },
  };
}

/** A zone as the text of its master file; the last line ends with a newline. */
export interface ZoneText {
  origin: string;
  text: string;
}

/** Zones without any dynamic record; throws on a finding. */
export function staticZones(zones: ZoneText[]): Snapshot {
  return staticSnapshot(buildZones(zones.map((zone) => ({ columns: readZone(zone), dynamic: [] }))));
}

export function serveZones(zones: ZoneText[]): InProcess {
  return serveSnapshot(staticZones(zones));
}

function readZone({ origin, text }: ZoneText): RecordColumns {
  const { columns, findings } = parseZoneFile(new TextEncoder().encode(text), {
    origin: Uint8Array.from(nameOctets(origin.toLowerCase())),
    file: `${origin}zone`,
    readInclude: () => ({ error: "nothing can be included here" }),
  });
  const [first] = findings;
  if (first !== undefined) throw new Error(`${origin}: ${JSON.stringify(first)}`);
  return columns;
}

/** No policy at all: every record is static. */
export function staticSnapshot(zones: Snapshot["zones"]): Snapshot {
  const none = (): Int32Array => new Int32Array(0);
  return {
    generation: 1,
    zones,
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
