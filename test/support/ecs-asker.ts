import { buildZones } from "../../src/zone/tree.ts";
import { columnsOf } from "./columns.ts";
import { serveSnapshot } from "./in-process.ts";
import { buildQuery, nameOctets } from "./packet.ts";
import type { World } from "./policy.ts";

type Family = 4 | 6;

/** A reply to a query with a client subnet, as far as it does not repeat the subnet. */
export interface EcsReply {
  /** Octets up to the OPT record, in hexadecimal: header, question, answers, and the SOA of a negative answer. */
  said: string;
  scopeBits: number;
  /** 0: the answer is negative, and its scope must be 0. */
  addressCount: number;
}

/** Asks a world's first record in whole messages, each with the same dice, turns and clock. */
export interface EcsAsker {
  ask(qtype: "A" | "AAAA", family: Family, address: Uint8Array, sourceBits: number): EcsReply;
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
  const zones = buildZones([{ columns: columnsOf(ORIGIN, APEX), dynamic: [{ owner, record: 0 }] }]);
  const { policy, tables } = world.context;
  const server = serveSnapshot({ generation: 1, zones, policy, tables }, world.rows);
  const { context } = server;
  context.clockS[0] = 1_700_000_000;
  return {
    ask: (qtype, family, address, sourceBits) => {
      context.dice[0] = 0x2545f491;
      context.entryTurns.fill(0);
      context.endpointTurns.fill(0);
      context.poolTurns.fill(0);
      const octets = address.slice(0, Math.ceil(sourceBits / 8));
      if (sourceBits % 8 !== 0) octets[octets.length - 1]! &= 0xff << (8 - (sourceBits % 8));
      const data = [0, family === 4 ? 1 : 2, sourceBits, 0, ...octets];
      const packet = buildQuery({ name: OWNER, type: qtype, edns: { options: [{ code: 8, data }] } });
      const reply = Buffer.from(server.ask(packet, { resolver })!);
      const option = reply.length - octets.length - OPTION_OCTETS;
      if (reply.readUInt16BE(option) !== 8) throw new Error("the reply does not end with a client subnet");
      return {
        said: reply.subarray(0, option - OPT_OCTETS).toString("hex"),
        scopeBits: reply[option + 7]!,
        addressCount: reply.readUInt16BE(6),
      };
    },
  };
}
