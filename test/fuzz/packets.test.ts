import { expect, test } from "vitest";
import { serveFiles, serveZones } from "../support/in-process.ts";
import { type Message, readMessage } from "../support/message.ts";
import { buildQuery, ecsOption, type OptionOctets, optRecord, record } from "../support/packet.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { decodePacket } from "../support/second-opinion.ts";
import {
  type GeneratedQuery,
  generateClusters,
  generateQueries,
  zoneText,
} from "../support/zone-universe.ts";

const SEED = Number(process.env.STEERD_SEED ?? 7);
const PACKETS = process.env.STEERD_LONG === undefined ? 200_000 : 10_000_000;

const clusters = generateClusters(SEED, 4);
const zones = clusters.flatMap((cluster) => cluster.zones);
const servers = [
  serveZones(zones.map((zone) => ({ origin: zone.origin, text: zoneText(zone) }))),
  serveFiles({
    "dyn.test.zone": `@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.53
alias 300 IN CNAME www
old 300 IN DNAME dyn.test.
`,
    "dyn.test.yaml": `
pools:
  one: {endpoints: [203.0.113.1, "2001:db8::1"]}
  many: {endpoints: [${Array.from({ length: 60 }, (_, index) => `203.0.113.${index}`).join(", ")}], select: all}
  spread: {endpoints: [{address: 203.0.113.7, weight: 2}, {address: 203.0.113.8, weight: 1}]}
records:
  "@": {policy: one}
  "*.any": {policy: spread}
  www: {policy: {geo: {EU: {failover: [one, many]}, default: many}}}
  net: {policy: {subnets: {10.0.0.0/8: one, "2001:db8::/32": many, default: spread}}}
`,
  }),
] as const;
const DYNAMIC_NAMES = [
  "dyn.test.",
  "www.dyn.test.",
  "alias.dyn.test.",
  "x.any.dyn.test.",
  "net.dyn.test.",
  "www.old.dyn.test.",
];
const queries = clusters.flatMap((cluster) => generateQueries(cluster, seededRandom(SEED), 100));
for (const name of DYNAMIC_NAMES) {
  for (const type of ["A", "AAAA", "ANY", "TXT"])
    for (let times = 0; times < 25; times++) queries.push({ name, type });
}

/** A well-formed query with whatever may be in one. */
function plausible(random: Random): Uint8Array {
  const query: GeneratedQuery = random.pick(queries);
  const options: OptionOctets[] = [];
  if (random.chance(0.4)) {
    options.push(
      ecsOption(
        random.chance(0.5)
          ? `198.51.${random.below(256)}.0/${random.below(33)}`
          : `2001:db8::/${random.below(129)}`,
      ),
    );
  }
  if (random.chance(0.2))
    options.push({ code: 10, data: new Array(random.below(48)).fill(random.below(256)) });
  if (random.chance(0.2))
    options.push({ code: random.below(65_536), data: new Array(random.below(20)).fill(1) });
  const edns = {
    udpSize: random.pick([0, 512, 600, 1232, 4096, 65_535]),
    version: random.chance(0.05) ? random.below(256) : 0,
    dnssecOk: random.chance(0.5),
    options,
  };
  return buildQuery({
    id: random.below(65_536),
    flags: random.chance(0.8) ? random.below(2) << 8 : random.below(65_536),
    name: query.name,
    type: random.chance(0.9) ? query.type : random.below(65_536),
    class: random.chance(0.95) ? 1 : random.below(65_536),
    edns: random.chance(0.7) ? edns : undefined,
    additional: random.chance(0.1) ? [record([0xc0, 12], random.below(300), 0, [1, 2, 3])] : [],
    answer: random.chance(0.03) ? [optRecord({})] : [],
  });
}

/** One to four hostile changes. */
function mutate(random: Random, packet: Uint8Array): Uint8Array {
  let octets = Uint8Array.from(packet);
  for (let change = random.below(4); change >= 0; change--) {
    const at = random.below(Math.max(1, octets.length));
    switch (random.below(7)) {
      case 0:
        octets = octets.slice(0, at);
        break;
      case 1:
        octets[at]! ^= 1 << random.below(8);
        break;
      case 2:
        octets[at] = random.pick([0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff]);
        break;
      case 3:
        octets = Uint8Array.from([...octets.slice(0, at), random.below(256), ...octets.slice(at)]);
        break;
      case 4:
        octets[4 + random.below(8)] = random.pick([0, 1, 2, 0xff]);
        break;
      case 5:
        octets.set([0xc0, random.below(Math.min(256, octets.length + 2))].slice(0, octets.length - at), at);
        break;
      default: {
        const other = plausible(random);
        octets = Uint8Array.from([...octets.slice(0, at), ...other.slice(random.below(other.length))]);
      }
    }
  }
  return octets;
}

function generate(random: Random): Uint8Array {
  const roll = random.below(10);
  if (roll < 2) return plausible(random);
  if (roll < 9) return mutate(random, plausible(random));
  return Uint8Array.from({ length: random.below(120) }, () => random.below(256));
}

/** dns-packet gives up on these, rightly or not: other readers decide. */
function isExotic(message: Message, packet: Uint8Array): boolean {
  const records = [...message.answer, ...message.authority, ...message.additional];
  // It counts a name's limit without the root, reads labels as UTF-8 and demands at least one string in a TXT.
  return (
    packet.length > 12 &&
    (records.some((found) => found.rdataOctets.length === 0) || names(message).some(isLong))
  );
}

const names = (message: Message): string[] => [
  message.qname ?? "",
  ...[...message.answer, ...message.authority].flatMap((found) => [found.owner, ...found.rdata.split(" ")]),
];
const isLong = (name: string): boolean => name.length > 250;

/** vitest's expect takes longer than all that is tested here. */
function must(condition: boolean, sentence: string): void {
  if (!condition) throw new Error(sentence);
}

/** Everything that holds for any reply to any packet; the reply, read. */
function checkReply(packet: Uint8Array, reply: Uint8Array, limit: number): Message {
  must(reply.length <= limit, `${reply.length} octets are over the limit of ${limit}`);
  const message = readMessage(reply);
  must(message.id === ((packet[0]! << 8) | packet[1]!), "the id is another one");
  must((message.flags & 0x80f0) === 0x8000, "QR is not set, or a bit that is not ours");
  must(message.opcode === ((packet[2]! >> 3) & 15), "the opcode is another one");
  must(message.trailing === 0, "octets follow the last record");
  if (message.qname === null)
    must([1, 4, 5].includes(message.rcode), `no question, but rcode ${message.rcode}`);
  else {
    const end = questionEnd(reply);
    must(
      Buffer.compare(reply.subarray(12, end), packet.subarray(12, end)) === 0,
      "the question is another one",
    );
  }
  return message;
}

function isSame(left: Uint8Array | null, right: Uint8Array | null): boolean {
  return left === null || right === null ? left === right : Buffer.compare(left, right) === 0;
}

function questionEnd(reply: Uint8Array): number {
  let at = 12;
  while (reply[at] !== 0) at += reply[at]! + 1;
  return at + 5;
}

/** What the reply may be long, from the query's first OPT record as a careful reader finds it. */
function udpLimit(message: Message, packet: Uint8Array): number {
  if (message.opt === null) return 512;
  try {
    return Math.min(1232, Math.max(512, readMessage(packet).opt?.udpSize ?? 1232));
  } catch {
    return 1232;
  }
}

test(`${PACKETS} hostile packets: no exception, nothing read behind the end, replies well formed and within limits`, () => {
  const random = seededRandom(SEED);
  const rcodes = new Map<number | string, number>();
  const roomy = new Uint8Array(4096);
  for (let count = 0; count < PACKETS; count++) {
    const packet = generate(random);
    const context = (): string => `packet ${count} of seed ${SEED}: ${Buffer.from(packet).toString("hex")}`;
    try {
      const tcp = (count & 7) === 0;
      const server = servers[Buffer.from(packet).includes("dyn") ? 1 : 0]!;
      // Dice that choose within a pool may fall otherwise the second time.
      const dice = server.context.dice[0]!;
      const reply = server.ask(packet, { tcp });
      server.context.dice[0] = dice;
      // The same octets with others behind them: an answer that changes has read beyond the length that it was given.
      roomy.fill(count & 1 ? 0xff : 0x01);
      roomy.set(packet.subarray(0, 4096));
      const again = server.askPrefix(roomy, Math.min(packet.length, 4096), { tcp });
      if (packet.length <= 4096) must(isSame(reply, again), "the reply depends on octets behind the packet");
      rcodes.set("drop", (rcodes.get("drop") ?? 0) + (reply === null ? 1 : 0));
      if (reply === null) {
        must(packet.length < 12 || packet[2]! >= 0x80, "no reply");
        continue;
      }
      const message = checkReply(packet, reply, tcp ? 65_535 : 1232);
      if (!tcp) must(reply.length <= udpLimit(message, packet), "longer than was asked for");
      rcodes.set(message.rcode, (rcodes.get(message.rcode) ?? 0) + 1);
      if (count % 5 === 0 && !isExotic(message, reply)) decodePacket(reply);
    } catch (error) {
      throw new Error(`${context()}\n${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  console.log(`rcodes: ${[...rcodes].map(([rcode, n]) => `${rcode}: ${n}`).join(", ")}`);
  // The mill must not only produce chaff.
  for (const rcode of [0, 1, 3, 4, 5, 6, 16]) expect(rcodes.get(rcode), `rcode ${rcode}`).toBeGreaterThan(50);
});
