import type { Reader } from "maxmind";
import { seededRandom } from "../../test/support/random.ts";
import { queryPacket } from "../support/server.ts";

/** Every query has an id of its own, so that a reply says which answer is expected. */
export const IDS = 65_536;
/** Room for a query, a multiple of four so that it can be copied by words. */
export const QUERY_OCTETS = 96;

/** IDS queries in the order in which they are sent, and what is to come back. */
export interface Workload {
  name: string;
  octets: Uint8Array;
  words: Int32Array;
  lengths: Uint8Array;
  /** End of the question section. */
  questionEnds: Uint8Array;
  rcodes: Uint8Array;
  /** The one A record expected, as a number of 32 bits; 0: no answer record; BY_RESOLVER: what the server says of 127.0.0.1. */
  addresses: Uint32Array;
}

export const BY_RESOLVER = 1;

export const ORIGIN = "bench.test.";
export const STATIC_NAMES = 1_000;
const TYPE_A = 1;
const NOERROR = 0;
const NXDOMAIN = 3;

/** The regions of the geo record, by continent code, and where everyone else goes. */
export const REGIONS: Record<string, string> = {
  EU: "198.51.100.1",
  NA: "198.51.100.2",
  AS: "198.51.100.3",
};
export const ELSEWHERE = "198.51.100.4";

export function staticName(index: number): string {
  return `host-${String(index).padStart(7, "0")}`;
}

export function staticAddress(index: number): string {
  return `192.0.${2 + ((index >> 8) & 127)}.${index & 255}`;
}

export function addressNumber(text: string): number {
  return text.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

interface Ask {
  packet: Uint8Array;
  rcode: number;
  address: number;
}

/** IDS queries, each as `ask` says. */
export function buildWorkload(name: string, ask: (id: number) => Ask): Workload {
  const octets = new Uint8Array(IDS * QUERY_OCTETS);
  const workload: Workload = {
    name,
    octets,
    words: new Int32Array(octets.buffer),
    lengths: new Uint8Array(IDS),
    questionEnds: new Uint8Array(IDS),
    rcodes: new Uint8Array(IDS),
    addresses: new Uint32Array(IDS),
  };
  for (let id = 0; id < IDS; id++) {
    const { packet, rcode, address } = ask(id);
    packet[0] = id >> 8;
    packet[1] = id & 255;
    octets.set(packet, id * QUERY_OCTETS);
    workload.lengths[id] = packet.length;
    let end = 12;
    while (packet[end] !== 0) end += 1 + packet[end]!;
    workload.questionEnds[id] = end + 5;
    workload.rcodes[id] = rcode;
    workload.addresses[id] = address;
  }
  return workload;
}

/** The continents that the database knows of a prefix decide, read by a reader that is not ours. */
export function expectedRegion(reader: Reader<never>, address: string): string {
  const found = reader.get(address) as { continent?: { code?: string } } | null;
  return REGIONS[found?.continent?.code ?? ""] ?? ELSEWHERE;
}

/** Public /24 prefixes; the generator's seed makes the same ones every time. */
function randomPrefix(random: { next(): number }): string {
  return `${11 + (random.next() % 89)}.${random.next() & 255}.${random.next() & 255}.0`;
}

function geoAsk(reader: Reader<never>, random: { next(): number }): Ask {
  const prefix = randomPrefix(random);
  const address = addressNumber(expectedRegion(reader, prefix));
  return { packet: queryPacket(`www.${ORIGIN}`, TYPE_A, `${prefix}/24`), rcode: NOERROR, address };
}

const plainAsk = (): Ask => ({
  packet: queryPacket(`www.${ORIGIN}`, TYPE_A, null),
  rcode: NOERROR,
  address: BY_RESOLVER,
});

function staticAsk(names: number, random: { next(): number }): Ask {
  const index = random.next() % names;
  const packet = queryPacket(`${staticName(index)}.${ORIGIN}`, TYPE_A, null);
  return { packet, rcode: NOERROR, address: addressNumber(staticAddress(index)) };
}

function absentAsk(random: { next(): number }): Ask {
  const label = random.next().toString(36).padStart(7, "x");
  return { packet: queryPacket(`${label}.${ORIGIN}`, TYPE_A, null), rcode: NXDOMAIN, address: 0 };
}

/** What all servers are asked. */
export function makeWorkloads(reader: Reader<never>): Workload[] {
  const random = seededRandom(1);
  return [
    buildWorkload("geo, random ECS", () => geoAsk(reader, random)),
    buildWorkload("geo, no ECS", plainAsk),
    buildWorkload("static names", () => staticAsk(STATIC_NAMES, random)),
    buildWorkload("NXDOMAIN", () => absentAsk(random)),
    buildWorkload("mixed", (id) => {
      // In runs of a kind, which the generator can send at once.
      const kind = (id >> 3) % 10;
      if (kind < 5) return geoAsk(reader, random);
      if (kind < 7) return plainAsk();
      return kind < 9 ? staticAsk(STATIC_NAMES, random) : absentAsk(random);
    }),
  ];
}

/** Names drawn from a zone that has `names` of them. */
export function makeNamesWorkload(names: number): Workload {
  const random = seededRandom(names);
  return buildWorkload(`1 of ${names} names`, () => staticAsk(names, random));
}

/** Hosts of the example zone, for a server that runs it. */
export function makeExampleWorkload(): Workload {
  const random = seededRandom(16);
  return buildWorkload("hosts of the example zone", () => {
    const host = 1 + (random.next() & 15);
    const packet = queryPacket(`host-${host}.gslb.example.`, TYPE_A, null);
    return { packet, rcode: NOERROR, address: addressNumber(`192.0.2.${host}`) };
  });
}
