import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as answering from "../../src/answer.ts";
import { createConfigCache } from "../../src/config/cache.ts";
import { compileConfig } from "../../src/config/compile.ts";
import { formatFinding } from "../../src/config/findings.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createRowRegistry } from "../../src/config/rows.ts";
import { allocateCounters, counterNames, readCounters } from "../../src/counters.ts";
import { allocateHealthRows } from "../../src/health/rows.ts";
import type { Snapshot } from "../../src/snapshot.ts";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../../src/wire/constants.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import type { RecordColumns } from "../../src/zone/record-columns.ts";
import { buildZones } from "../../src/zone/tree.ts";
import { parseZoneFile } from "../../src/zone/zone-file.ts";
import { addressOctets, nameOctets } from "./packet.ts";
import { removeFolder, temporaryFolder } from "./temporary-folder.ts";

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
  const resolvers = new Map<string, number[]>();
  const askPrefix: InProcess["askPrefix"] = (buffer, length, how = {}) => {
    const resolver = how.resolver ?? "192.0.2.200";
    context.transport = how.tcp === true ? TRANSPORT_TCP : TRANSPORT_UDP;
    context.client.resolverFamily = resolver.includes(":") ? 6 : 4;
    context.client.resolverAddress.fill(0);
    const address = resolvers.get(resolver) ?? addressOctets(resolver);
    resolvers.set(resolver, address);
    context.client.resolverAddress.set(address);
    // As the transports do: over UDP the reply is written over the query, over TCP beside it.
    if (how.tcp !== true) out.set(buffer);
    const size = answerQuery(how.tcp === true ? buffer : out, length, context, out);
    return size === 0 ? null : out.slice(0, size);
  };
  return {
    context,
    askPrefix,
    ask: (packet, how) => askPrefix(packet, packet.length, how),
    counter: (name) => {
      const slot = counterNames.indexOf(name);
      if (slot < 0) throw new Error(`no counter ${name}`);
      return readCounters([counters])[slot]!;
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

/**
 * A whole configuration as it stands in files: `steerd.yaml` may be among them, everything else is in the zones folder.
 * Its checked addresses are down until a test writes rows.
 */
export function serveFiles(files: Record<string, string>): InProcess {
  const folder = temporaryFolder("files");
  mkdirSync(join(folder, "zones"));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name === "steerd.yaml" ? name : `zones/${name}`), text);
  }
  if (files["steerd.yaml"] === undefined) writeFileSync(join(folder, "steerd.yaml"), "zones: ./zones\n");
  const rows = allocateHealthRows(256, 256);
  const loaded = loadConfig({ configFile: join(folder, "steerd.yaml"), cache: createConfigCache() });
  const compiled = compileConfig(loaded, {
    rows: createRowRegistry(rows, 1),
    previous: null,
    generation: 1,
  });
  removeFolder(folder);
  if (!("snapshot" in compiled)) throw new Error(compiled.findings.map(formatFinding).join("\n"));
  return serveSnapshot(compiled.snapshot, rows);
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
      entryPools: none(),
      nodes: none(),
      entries: none(),
      pools: none(),
      endpoints: none(),
      addresses: none(),
      hashCells: none(),
    },
    tables: { cells: none(), tables: none(), chains: none() },
  };
}
