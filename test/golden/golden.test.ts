import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readMessage } from "../support/message.ts";
import { buildQuery, ecsOption, typeName } from "../support/packet.ts";
import { type Ask, type GoldenCase, parseGoldenFile, type Want } from "./case-file.ts";
import { type GoldenServer, serveGoldenFile } from "./golden-server.ts";

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

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith(".golden"));
let count = 0;

describe.each(files)("%s", (name) => {
  const file = parseGoldenFile(readFileSync(join(folder, name), "utf8"));
  const server = serveGoldenFile(file);
  count += file.cases.length;
  it.each(file.cases.map((found) => [found.title, found] as const))("%s", (_title, found) => {
    runCase(server, found, `${name}:${found.line}`);
  });
});

afterAll(() => expect(count).toBeGreaterThanOrEqual(40));

function runCase(server: GoldenServer, found: GoldenCase, place: string): void {
  server.setHealth(found.health, found.load, found.ask.second, found.history);
  const before = found.counters.map((counter) => server.counter(counter));
  const replies: Reply[] = [];
  for (let i = 0; i < found.ask.times; i++) replies.push(ask(server, found.ask, found.ask.second + i));
  for (const want of found.wants) for (const reply of judged(want, replies)) check(want, reply, place);
  if (found.wants.every(({ kind }) => kind === "addresses" || kind === "one-of")) {
    const count = found.wants.reduce(
      (sum, want) => sum + (want.kind === "addresses" ? want.addresses.length : 1),
      0,
    );
    for (const reply of replies) expect(reply.records, place).toHaveLength(count);
  }
  for (const want of found.wants) if (want.kind === "share") checkShare(want, replies, place);
  expect(
    found.counters.map((counter, i) => [counter, server.counter(counter) - before[i]!]),
    place,
  ).toEqual(found.counters.map((counter) => [counter, found.ask.times]));
}

function judged(want: Want, replies: Reply[]): Reply[] {
  return want.kind === "share" ? [] : replies;
}

function ask(server: GoldenServer, { name, type, resolver, ecs }: Ask, second: number): Reply {
  server.context.clockS[0] = second;
  const edns = ecs === null ? {} : { edns: { options: [ecsOption(ecs)] } };
  const octets = server.ask(buildQuery({ name, type, ...edns }), { resolver });
  if (octets === null) throw new Error("no reply");
  const message = readMessage(octets);
  const option = message.opt?.options.find(({ code }) => code === 8);
  const soa = message.authority.find((record) => typeName(record.type) === "SOA");
  return {
    rcode: RCODES.get(message.rcode) ?? String(message.rcode),
    records: message.answer.map((record) => ({
      owner: record.owner,
      ttl: record.ttl,
      type: typeName(record.type),
      address: typeName(record.type) === "CNAME" ? record.rdata : addressText(record.rdataOctets),
    })),
    soaTtl: soa?.ttl ?? null,
    scope: option === undefined ? null : option.data[3]!,
  };
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
      expect({ rcode: reply.rcode, scope: reply.scope }, place).toEqual({ rcode: "NOERROR", scope });
      if (want.kind === "addresses") expect(seen, place).toEqual([...addresses].sort());
      else {
        expect(seen, place).toHaveLength(1);
        expect(addresses, place).toContain(seen[0]);
      }
      for (const record of records) expect(record.ttl, place).toBe(ttl);
      break;
    }
    case "negative": {
      const rcode = want.rcode === "NODATA" ? "NOERROR" : want.rcode;
      expect({ ...reply, records: reply.records.length }, place).toEqual({
        rcode,
        records: 0,
        soaTtl: want.ttl,
        scope: want.scope,
      });
      break;
    }
    case "share":
      break;
  }
}

function checkShare(want: Want & { kind: "share" }, replies: Reply[], place: string): void {
  const found = replies.filter((reply) => reply.records.some(({ address }) => address === want.address));
  const percent = (found.length / replies.length) * 100;
  expect(Math.abs(percent - want.percent), `${place}: ${percent}% ${want.address}`).toBeLessThan(
    SHARE_POINTS,
  );
}
