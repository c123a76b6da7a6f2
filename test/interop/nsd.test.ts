import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Snapshot } from "../../src/snapshot.ts";
import { allowedDifferences } from "../support/allowed-differences.ts";
import { hasCommand } from "../support/child.ts";
import {
  CATEGORIES,
  type Category,
  categorise,
  clusterFacts,
  type Exchange,
  judge,
  minimise,
  type Outcome,
  queryPacket,
  report,
} from "../support/differential.ts";
import { askAll, askTcp } from "../support/dns-client.ts";
import { type Answering, type InProcess, serveSnapshot, staticZones } from "../support/in-process.ts";
import { type Message, readMessage } from "../support/message.ts";
import { startNsd } from "../support/nsd.ts";
import { seededRandom } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  type Cluster,
  type GeneratedQuery,
  generateClusters,
  generateQueries,
  zoneText,
} from "../support/zone-universe.ts";

/** Six zones a cluster: 600 zones, and some 20,000 queries; another seed finds other shapes. */
const SEED = Number(process.env.STEERD_SEED ?? 20_260_101);
const CLUSTERS = process.env.STEERD_LONG === undefined ? 100 : 400;
const LEAST_PER_CATEGORY = 300;
const LONGEST_LIST_OF_ALLOWED = 8;

interface Question {
  cluster: Cluster;
  query: GeneratedQuery;
  packet: Uint8Array;
  theirs: Message;
}

/**
 * Wrong lookups, each with one change, that the comparison has to notice. A change must match src/zone/lookup.ts
 * exactly once.
 */
const SEEDED_BUGS = [
  {
    name: "a wildcard covers one label only",
    from: "if (wildcard >= 0) return answerNode",
    to: "if (wildcard >= 0 && label === 1) return answerNode",
  },
  {
    name: "an empty non-terminal does not exist",
    from: "if (label === 0) return answerNode",
    to: "if (label === 0 && rrsetCount(words, node) !== 0) return answerNode",
  },
  {
    name: "the parent refers DS to the child",
    from: "if (cut >= 0 && !(state.qtype === TYPE_DS && label === 0 && cut === node))",
    to: "if (cut >= 0)",
  },
  {
    name: "a DNAME may make a name of 256 octets",
    from: "if (prefix + suffix > MAX_NAME_OCTETS)",
    to: "if (prefix + suffix > MAX_NAME_OCTETS + 1)",
  },
  {
    name: "a chain that ends in a referral is not authoritative",
    from: "if (state.steps === 0) answer.aa = 0",
    to: "answer.aa = 0",
  },
  {
    name: "occluded data is answered",
    from: "const cut = words[node + NODE_CUT]! - 1;",
    to: "const cut = label === 0 && words[node + NODE_CUT] !== node + 1 ? -1 : words[node + NODE_CUT]! - 1;",
  },
  {
    name: "a negative answer keeps the SOA's TTL",
    from: "const ttl = zones[zone + ZONE_NEGATIVE_TTL]!;",
    to: "const ttl = words[soa + RRSET_TTL]!;",
  },
] as const;

function zonesOf(from: Cluster[]): Snapshot {
  const zones = from.flatMap((cluster) => cluster.zones);
  return staticZones(zones.map((zone) => ({ origin: zone.origin, text: zoneText(zone) })));
}

interface Judged extends Outcome {
  /** Null: our reply cannot be read. */
  exchange: Exchange | null;
}

function compare(server: InProcess, { cluster, query, packet, theirs }: Question): Judged {
  try {
    const exchange = { cluster, query, theirs, ours: readMessage(server.ask(packet, { tcp: true })!) };
    return { exchange, ...judge(exchange, allowedDifferences) };
  } catch (error) {
    return { exchange: null, failure: [String(error)], allowed: [] };
  }
}

async function askNsd(clusters: Cluster[]): Promise<Question[]> {
  const nsd = await startNsd(clusters.flatMap((cluster) => cluster.zones));
  try {
    expect(nsd.complaints()).toEqual([]);
    const random = seededRandom(SEED + 1);
    const asked = clusters.flatMap((cluster) =>
      generateQueries(cluster, random, 100).map((query) => ({ cluster, query })),
    );
    const packets = asked.map(({ query }, index) => queryPacket(query, index));
    const replies = await askAll(nsd, packets);
    return asked.map(({ cluster, query }, index) => {
      const theirs = readMessage(replies[index]!);
      expect(theirs.id).toBe(index & 0xffff);
      return { cluster, query, packet: packets[index]!, theirs };
    });
  } finally {
    await nsd.stop();
  }
}

/** The answering half with one change in zone/lookup.ts. */
async function withBug(bug: (typeof SEEDED_BUGS)[number]): Promise<Answering> {
  const folder = temporaryFolder("bug");
  const source = join(import.meta.dirname, "../../src");
  cpSync(source, folder, { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
  const path = join(folder, "zone/lookup.ts");
  const parts = readFileSync(path, "utf8").split(bug.from);
  expect(parts.length - 1, `places in zone/lookup.ts that read: ${bug.from}`).toBe(1);
  writeFileSync(path, parts.join(bug.to));
  return (await import(join(folder, "answer.ts"))) as Answering;
}

describe.skipIf(!hasCommand("nsd"))("against nsd", () => {
  const clusters = generateClusters(SEED, CLUSTERS);
  let questions: Question[];
  let server: InProcess;

  beforeAll(async () => {
    questions = await askNsd(clusters);
    server = serveSnapshot(zonesOf(clusters));
  });

  test("at least 10,000 queries over 500 zones, and 300 of nsd's replies in every category", () => {
    expect(clusters.flatMap((cluster) => cluster.zones).length).toBeGreaterThanOrEqual(500);
    expect(questions.length).toBeGreaterThanOrEqual(10_000);
    const counts = new Map<Category, number>(CATEGORIES.map((category) => [category, 0]));
    const facts = new Map(clusters.map((cluster) => [cluster, clusterFacts(cluster)]));
    for (const { cluster, query, theirs } of questions) {
      for (const category of categorise(cluster, facts.get(cluster)!, query, theirs)) {
        counts.set(category, counts.get(category)! + 1);
      }
    }
    console.log(
      `queries: ${questions.length}\n${[...counts].map(([name, n]) => `${n}  ${name}`).join("\n")}`,
    );
    for (const [category, count] of counts)
      expect(count, category).toBeGreaterThanOrEqual(LEAST_PER_CATEGORY);
  });

  test("rcode, AA, answer, authority and additional are equal", async () => {
    expect(allowedDifferences.length).toBeLessThanOrEqual(LONGEST_LIST_OF_ALLOWED);
    const allowed = new Map(allowedDifferences.map(({ name }) => [name, 0]));
    const failures: { question: Question; judged: Judged }[] = [];
    for (const question of questions) {
      const judged = compare(server, question);
      for (const name of judged.allowed) allowed.set(name, allowed.get(name)! + 1);
      if (judged.failure !== null) failures.push({ question, judged });
    }
    const lines = allowedDifferences.map(({ name, rfc }) => `${allowed.get(name)}  ${name} (${rfc})`);
    console.log(`allowed differences:\n${lines.join("\n")}`);
    if (failures.length === 0) return;
    const list = failures
      .slice(0, 20)
      .map(
        ({ question, judged }) =>
          `${question.query.name} ${question.query.type}: ${judged.failure!.join("; ")}`,
      );
    const readable = failures.find(({ judged }) => judged.exchange !== null)?.judged.exchange ?? null;
    const smallest = readable === null ? null : await minimise(readable, allowedDifferences, askBoth);
    const details = smallest === null ? "" : report(smallest, judge(smallest, allowedDifferences).failure!);
    expect.fail(`${failures.length} of ${questions.length} replies differ\n${list.join("\n")}\n${details}`);
  });

  test.each(SEEDED_BUGS)("is noticed: $name", async (bug) => {
    const wrong = serveSnapshot(server.context.snapshot, undefined, await withBug(bug));
    const noticed = questions.filter((question) => compare(wrong, question).failure !== null);
    console.log(`${noticed.length} replies differ: ${bug.name}`);
    expect(noticed.length).toBeGreaterThan(0);
  });
});

/** Both servers over the zones of one cluster; null where nsd does not take them. */
async function askBoth(
  cluster: Cluster,
  packet: Uint8Array,
): Promise<{ ours: Uint8Array; theirs: Uint8Array } | null> {
  const nsd = await startNsd(cluster.zones);
  try {
    if (nsd.complaints().length > 0) return null;
    const ours = serveSnapshot(zonesOf([cluster])).ask(packet, { tcp: true });
    return ours === null ? null : { ours, theirs: await askTcp(nsd, packet) };
  } finally {
    await nsd.stop();
  }
}
