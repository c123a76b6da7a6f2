import { expect, test } from "vitest";
import { answerQuery, createContext } from "../../src/answer.ts";
import { allocateCounters } from "../../src/counters.ts";
import type { NodeKind } from "../../src/policy/model.ts";
import { OUT_OCTETS } from "../../src/wire/response.ts";
import { buildZones } from "../../src/zone/tree.ts";
import { columnsOf } from "../support/columns.ts";
import { PLAIN_SERVICE } from "../support/ecs-asker.ts";
import { type Message, readMessage } from "../support/message.ts";
import { addressOctets, buildQuery, ecsOption, nameOctets } from "../support/packet.ts";
import { createWorld, record, type World } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  type Draw,
  NODE_KINDS,
  randomPools,
  randomPrefixes,
  randomSources,
  randomTree,
  setRandomStates,
} from "../support/random-trees.ts";

/** Trees, each with CLIENTS clients; 2 s of 300 and 20 s of 3,000 on one core. */
const TREES = process.env.STEERD_LONG === undefined ? 300 : 3_000;
const CLIENTS = 12;

const OWNER = "www.gslb.example.";
const TYPES = { A: 1, AAAA: 28, HTTPS: 65 };

/** What one query is told. */
interface Said {
  rcode: number;
  /** Of the record, or of the SOA of a negative answer. */
  ttl: number | null;
  scope: number;
  /** Addresses as hexadecimal, in order. */
  ipv4: string[];
  ipv6: string[];
}

function askerOf(world: World, resolver: string) {
  const owner = Uint8Array.from(nameOctets(OWNER));
  const apex = ["300 SOA ns1.gslb.example. h.gslb.example. 120", "300 NS ns1.gslb.example."];
  const columns = columnsOf("gslb.example.", [
    ...apex.map((line) => `gslb.example. ${line}`),
    "ns1.gslb.example. 300 A 192.0.2.53",
  ]);
  const zones = buildZones(
    [{ columns, dynamic: [{ owner, record: 0, givesHttps: true }] }],
    [],
    [PLAIN_SERVICE],
  );
  const { policy, tables } = world.context;
  const context = createContext({ generation: 1, zones, policy, tables }, world.rows, allocateCounters());
  context.client.resolverFamily = resolver.includes(":") ? 6 : 4;
  context.client.resolverAddress.set(addressOctets(resolver));
  const out = Buffer.alloc(OUT_OCTETS);
  return {
    /** Dice as they were, every turn the first. */
    reset: (die: number) => {
      context.dice[0] = die;
      context.entryTurns.fill(0);
      context.endpointTurns.fill(0);
      context.poolTurns.fill(0);
    },
    ask: (type: keyof typeof TYPES, client: string, second: number): Said => {
      context.clockS[0] = second;
      const packet = buildQuery({ name: OWNER, type, edns: { options: [ecsOption(client)] } });
      const message = readMessage(out.subarray(0, answerQuery(packet, packet.length, context, out)));
      return saidBy(message);
    },
  };
}

function saidBy(message: Message): Said {
  const [first] = message.answer;
  const scope = message.opt!.options[0]!.data[3]!;
  const said: Said = {
    rcode: message.rcode,
    ttl: (first ?? message.authority[0])?.ttl ?? null,
    scope,
    ipv4: [],
    ipv6: [],
  };
  for (const { type, rdataOctets } of message.answer) {
    const rdata = Buffer.from(rdataOctets);
    if (type === TYPES.A) said.ipv4.push(rdata.toString("hex"));
    else if (type === TYPES.AAAA) said.ipv6.push(rdata.toString("hex"));
    else readHints(rdata, said);
  }
  said.ipv4.sort();
  said.ipv6.sort();
  return said;
}

/** RFC 9460 section 2.2, behind priority and target. */
function readHints(rdata: Buffer, said: Said): void {
  for (let at = PLAIN_SERVICE[0]!.rdata.length; at < rdata.length; ) {
    const key = rdata.readUInt16BE(at);
    const end = at + 4 + rdata.readUInt16BE(at + 2);
    const size = key === 4 ? 4 : 16;
    for (at += 4; at < end; at += size)
      (key === 4 ? said.ipv4 : said.ipv6).push(rdata.toString("hex", at, at + size));
  }
}

function draw(seed: number, kinds: readonly NodeKind[]): { random: Random; world: World; resolver: string } {
  const random = seededRandom(seed);
  const prefixes = randomPrefixes(random, 4 + random.below(12));
  const from: Draw = { random, pools: randomPools(random, 5), prefixes, depth: 3, kinds };
  const model = record(randomTree(from), {
    services: { https: PLAIN_SERVICE },
    lastResort: { kind: random.pick(["all", "nodata", "servfail"] as const) },
  });
  const world = createWorld([model], randomSources(random, prefixes));
  setRandomStates(world, random, 0.3 + random.below(8) / 10);
  return { random, world, resolver: random.pick(["9.9.9.9", "81.2.69.1", "2a00:1::53"]) };
}

const clientOf = (random: Random): string =>
  random.chance(0.8)
    ? `81.${random.below(4)}.${random.below(256)}.0/24`
    : `2a00:${random.below(4)}:${random.below(256)}::/48`;

test(`hints are what A and AAAA answer the same client: ${TREES} trees, ${CLIENTS} clients each`, {
  timeout: 300_000,
}, () => {
  const seen = { hints: 0, partial: 0, negative: 0 };
  for (let tree = 0; tree < TREES; tree++) {
    const { random, world, resolver } = draw(41_000 + tree, NODE_KINDS);
    const asker = askerOf(world, resolver);
    for (let i = 0; i < CLIENTS; i++) {
      const client = clientOf(random);
      const second = 1_700_000_000 + random.below(1000);
      const die = 1 + random.below(0x7fff_fffe);
      const [a, aaaa, https] = (["A", "AAAA", "HTTPS"] as const).map((type) => {
        asker.reset(die);
        return asker.ask(type, client, second);
      });
      const parts = [a!, aaaa!].filter(({ ipv4, ipv6 }) => ipv4.length + ipv6.length > 0);
      const place = `tree ${tree}, ${client}`;
      const addresses = { ipv4: a!.ipv4, ipv6: aaaa!.ipv6 };
      if (parts.length === 0) {
        // NODATA goes before SERVFAIL; no family has anything to offer.
        const rcode = Math.min(a!.rcode, aaaa!.rcode);
        expect(https, place).toMatchObject({ ...addresses, rcode, scope: 0 });
        seen.negative++;
        continue;
      }
      const ttl = Math.min(...parts.map((part) => part.ttl!));
      expect(https, place).toEqual({ ...addresses, rcode: 0, ttl, scope: parts[0]!.scope });
      if (parts.length === 1) seen.partial++;
      else seen.hints++;
    }
  }
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(50);
});

test(`hints of both families are of one region while turns and dice go on: ${TREES} trees`, {
  timeout: 300_000,
}, () => {
  let pairs = 0;
  // A union is of several regions by intent.
  const kinds = NODE_KINDS.filter((kind) => kind !== "all");
  for (let tree = 0; tree < TREES; tree++) {
    const { random, world, resolver } = draw(52_000 + tree, kinds);
    const asker = askerOf(world, resolver);
    asker.reset(1 + tree);
    const client = clientOf(random);
    for (let i = 0; i < CLIENTS; i++) {
      // What else is asked takes turns and throws dice, and moves no hint.
      if (random.chance(0.3)) asker.ask(random.pick(["A", "AAAA"]), client, 1_700_000_000 + i);
      const { ipv4, ipv6 } = asker.ask("HTTPS", client, 1_700_000_000 + i);
      if (ipv4.length === 0 || ipv6.length === 0) continue;
      // randomPools numbers them in the third octet, and from one in the third group.
      const regions = new Set([
        ...ipv4.map((hex) => Number.parseInt(hex.slice(4, 6), 16)),
        ...ipv6.map((hex) => Number.parseInt(hex.slice(8, 12), 16) - 1),
      ]);
      expect(regions.size, `tree ${tree}: ${ipv4} and ${ipv6}`).toBe(1);
      pairs++;
    }
  }
  expect(pairs).toBeGreaterThan(TREES);
});
