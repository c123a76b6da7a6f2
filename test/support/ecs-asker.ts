import { answerQuery, createContext } from "../../src/answer.ts";
import { allocateCounters } from "../../src/counters.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import { buildZones } from "../../src/zone/tree.ts";
import type { ServiceModel } from "../../src/zone/zone-data.ts";
import { columnsOf } from "./columns.ts";
import { addressOctets, buildQuery, nameOctets } from "./packet.ts";
import type { World } from "./policy.ts";

type Family = 4 | 6;

/** A reply to a query with a client subnet, as far as it does not repeat the subnet. */
export interface EcsReply {
  /** Octets up to the OPT record, as characters: header, question, answers, and the SOA of a negative answer. */
  said: string;
  scopeBits: number;
  /** 0: the answer is negative, and its scope must be 0. */
  addressCount: number;
}

/** HTTPS: of records with `services: {https: PLAIN_SERVICE}`. */
export type AskedType = "A" | "AAAA" | "HTTPS";

/** SvcPriority 1, and the owner as the target. */
export const PLAIN_SERVICE: readonly ServiceModel[] = [
  { rdata: Uint8Array.of(0, 1, 0), ipv4: true, ipv6: true },
];

/** Asks a world's first record in whole messages, each with the same dice, turns and clock. */
export interface EcsAsker {
  ask(qtype: AskedType, family: Family, address: Uint8Array, sourceBits: number): EcsReply;
}

const ORIGIN = "gslb.example.";
const OWNER = `www.${ORIGIN}`;
const APEX = [
  `${ORIGIN} 300 SOA ns1.${ORIGIN} hostmaster.${ORIGIN} 120`,
  `${ORIGIN} 300 NS ns1.${ORIGIN}`,
  `ns1.${ORIGIN} 300 A 192.0.2.53`,
];
/** Octets of an OPT record that ends with the option's ADDRESS, without that. */
const OPT_OCTETS = 11;
const OPTION_OCTETS = 8;

/** `resolver`: address that the queries come from. */
export function createEcsAsker(world: World, resolver: string): EcsAsker {
  const owner = Uint8Array.from(nameOctets(OWNER));
  const dynamic = [{ owner, record: 0, givesHttps: true }];
  const zones = buildZones([{ columns: columnsOf(ORIGIN, APEX), dynamic }], [], [PLAIN_SERVICE]);
  const { policy, tables } = world.context;
  const snapshot = { generation: 1, zones, policy, tables };
  const context = createContext(snapshot, world.rows, allocateCounters());
  context.clockS[0] = 1_700_000_000;
  context.client.resolverFamily = resolver.includes(":") ? 6 : 4;
  context.client.resolverAddress.set(addressOctets(resolver));
  const out = Buffer.alloc(OUT_OCTETS);
  const packets = new Map<string, Uint8Array>();
  /** One query a form, made once: the address in it is written over. */
  const packetFor = (type: string, family: Family, sourceBits: number): Uint8Array => {
    const form = `${type} ${family} ${sourceBits}`;
    let packet = packets.get(form);
    if (packet === undefined) {
      const data = [0, family === 4 ? 1 : 2, sourceBits, 0, ...new Uint8Array(Math.ceil(sourceBits / 8))];
      packet = buildQuery({ name: OWNER, type, edns: { options: [{ code: 8, data }] } });
      packets.set(form, packet);
    }
    return packet;
  };
  return {
    ask: (qtype, family, address, sourceBits) => {
      context.dice[0] = 0x2545f491;
      context.entryTurns.fill(0);
      context.endpointTurns.fill(0);
      context.poolTurns.fill(0);
      const octets = Math.ceil(sourceBits / 8);
      const packet = packetFor(qtype, family, sourceBits);
      const at = packet.length - octets;
      for (let i = 0; i < octets; i++) packet[at + i] = address[i]!;
      if (sourceBits % 8 !== 0) packet[packet.length - 1]! &= 0xff << (8 - (sourceBits % 8));
      const size = answerQuery(packet, packet.length, context, out);
      const reply = out.subarray(0, size);
      const option = size - octets - OPTION_OCTETS;
      if (reply.readUInt16BE(option) !== 8) throw new Error("the reply does not end with a client subnet");
      return {
        said: reply.toString("latin1", 0, option - OPT_OCTETS),
        scopeBits: reply[option + 7]!,
        addressCount: reply.readUInt16BE(6),
      };
    },
  };
}
