import { deepStrictEqual } from "node:assert/strict";
import { type ResourceRecord, readMessage } from "../support/message.ts";
import { buildQuery, ecsOption, typeName } from "../support/packet.ts";
import type { Ask, GoldenCase, LossCase, Want } from "./case-file.ts";
import type { GoldenServer } from "./golden-server.ts";

/** What a reply says, as far as cases look. */
interface Reply {
  rcode: string;
  records: { owner: string; ttl: number; type: string; address: string }[];
  /** TTL of the SOA of a negative answer. */
  soaTtl: number | null;
  /** SCOPE PREFIX-LENGTH; null: no client subnet option. */
  scope: number | null;
}

/** A share may be this many points off: four standard deviations of 50% in 10,000 throws are two. */
const SHARE_POINTS = 2;

const RCODES = new Map([
  [0, "NOERROR"],
  [2, "SERVFAIL"],
  [3, "NXDOMAIN"],
  [5, "REFUSED"],
]);

/** Throws with what is wrong. `place`: where the case stands, as `geo.golden:17`. */
export function runCase(server: GoldenServer, found: GoldenCase, place: string): void {
  server.setHealth(found.health, found.load, found.ask.second, found.history);
  const before = found.counters.map((counter) => server.counter(counter));
  const replies = askAll(server, found.ask);
  for (const want of found.wants) for (const reply of judged(want, replies)) check(want, reply, place);
  if (found.wants.every(({ kind }) => kind === "addresses" || kind === "one-of")) {
    const count = found.wants.reduce(
      (sum, want) => sum + (want.kind === "addresses" ? want.addresses.length : 1),
      0,
    );
    for (const reply of replies.keys()) expectEqual(reply.records.length, count, place);
  }
  for (const want of found.wants) if (want.kind === "share") checkShare(want, replies, place);
  expectEqual(
    found.counters.map((counter, i) => [counter, server.counter(counter) - before[i]!]),
    found.counters.map((counter) => [counter, found.ask.times]),
    place,
  );
}

/** As runCase. */
export function runLoss(server: GoldenServer, found: LossCase, place: string): void {
  server.setHealth(found.health, [], 1_700_000_000, []);
  expectEqual(server.judge(found.overrides), found.loses, place);
}

/** Of its own, and not vitest's, because scripts/mutate.mjs runs the cases too. */
function expectEqual(actual: unknown, wanted: unknown, place: string): void {
  try {
    deepStrictEqual(actual, wanted);
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`);
  }
}

function judged(want: Want, replies: Map<Reply, number>): Iterable<Reply> {
  return want.kind === "share" ? [] : replies.keys();
}

/** The different replies to what is asked, a second after the other, and how often each was given. */
function askAll(server: GoldenServer, { name, type, resolver, ecs, second, times }: Ask): Map<Reply, number> {
  const edns = ecs === null ? {} : { edns: { options: [ecsOption(ecs)] } };
  const packet = buildQuery({ name, type, ...edns });
  const known = new Map<string, Reply>();
  const replies = new Map<Reply, number>();
  for (let i = 0; i < times; i++) {
    server.context.clockS[0] = second + i;
    const octets = server.ask(packet, { resolver });
    if (octets === null) throw new Error("no reply");
    const key = Buffer.from(octets.buffer).toString("latin1");
    const reply = known.get(key) ?? readReply(octets);
    known.set(key, reply);
    replies.set(reply, (replies.get(reply) ?? 0) + 1);
  }
  return replies;
}

function readReply(octets: Uint8Array): Reply {
  const message = readMessage(octets);
  const option = message.opt?.options.find(({ code }) => code === 8);
  const soa = message.authority.find((record) => typeName(record.type) === "SOA");
  return {
    rcode: RCODES.get(message.rcode) ?? String(message.rcode),
    records: message.answer.map((record) => ({
      owner: record.owner,
      ttl: record.ttl,
      type: typeName(record.type),
      address: rdataText(record),
    })),
    soaTtl: soa?.ttl ?? null,
    scope: option === undefined ? null : option.data[3]!,
  };
}

function rdataText({ type, rdata, rdataOctets }: ResourceRecord): string {
  const name = typeName(type);
  if (name === "CNAME") return rdata;
  return name === "HTTPS" || name === "SVCB" ? serviceText(rdataOctets) : addressText(rdataOctets);
}

/** RFC 9460 section 2.2, read apart from src/wire: `1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1`, hints in order. */
function serviceText(octets: Uint8Array): string {
  const rdata = Buffer.from(octets);
  if (rdata[2] !== 0) throw new Error("a target other than the owner");
  const words = [`${rdata.readUInt16BE(0)} .`];
  let last = -1;
  for (let at = 3; at < rdata.length; at += 4 + rdata.readUInt16BE(at + 2)) {
    const key = rdata.readUInt16BE(at);
    if (key <= last) throw new Error(`key${key} behind key${last}`);
    last = key;
    words.push(paramText(key, rdata.subarray(at + 4, at + 4 + rdata.readUInt16BE(at + 2))));
  }
  return words.join(" ");
}

function paramText(key: number, value: Buffer): string {
  const hints = (size: number) =>
    Array.from({ length: value.length / size }, (_, i) =>
      addressText(value.subarray(i * size, (i + 1) * size)),
    );
  if (key === 1) {
    const ids: string[] = [];
    for (let at = 0; at < value.length; at += 1 + value[at]!)
      ids.push(value.toString("latin1", at + 1, at + 1 + value[at]!));
    return `alpn=${ids.join(",")}`;
  }
  if (key === 2) return "no-default-alpn";
  if (key === 3) return `port=${value.readUInt16BE(0)}`;
  if (key === 4) return `ipv4hint=${hints(4).sort().join(",")}`;
  if (key === 6) return `ipv6hint=${hints(16).sort().join(",")}`;
  throw new Error(`key${key} is not known`);
}

/** Dotted, or eight groups: the wanted address is brought to the same form. */
function addressText(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  return new URL(`http://[${hexGroups(octets)}]`).hostname.slice(1, -1);
}

function hexGroups(octets: Uint8Array): string {
  return Buffer.from(octets)
    .toString("hex")
    .replace(/(.{4})(?!$)/g, "$1:");
}

function check(want: Want, reply: Reply, place: string): void {
  switch (want.kind) {
    case "addresses":
    case "one-of": {
      const { owner, ttl, type, addresses, scope } = want;
      // Along a chain of aliases every RRset has a line of its own.
      const records = reply.records.filter((record) => record.owner === owner && record.type === type);
      const seen = records.map((record) => record.address).sort();
      expectEqual({ rcode: reply.rcode, scope: reply.scope }, { rcode: "NOERROR", scope }, place);
      const isOneOf = want.kind === "one-of" && seen.length === 1 && addresses.includes(seen[0]!);
      if (!isOneOf) expectEqual(seen, [...addresses].sort(), place);
      for (const record of records) expectEqual(record.ttl, ttl, place);
      break;
    }
    case "negative": {
      const rcode = want.rcode === "NODATA" ? "NOERROR" : want.rcode;
      const wanted = { rcode, records: 0, soaTtl: want.ttl, scope: want.scope };
      expectEqual({ ...reply, records: reply.records.length }, wanted, place);
      break;
    }
    case "share":
      break;
  }
}

function checkShare(want: Want & { kind: "share" }, replies: Map<Reply, number>, place: string): void {
  let found = 0;
  let all = 0;
  for (const [{ records }, count] of replies) {
    all += count;
    if (records.some(({ address }) => address === want.address)) found += count;
  }
  const percent = (found / all) * 100;
  if (Math.abs(percent - want.percent) < SHARE_POINTS) return;
  throw new Error(`${place}: ${percent}% ${want.address}, wanted ${want.percent}%`);
}
