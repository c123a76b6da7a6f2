import { parseArgs } from "node:util";
import { type Allocation, measureAllocation, measureControl } from "../support/allocation.ts";
import { alignColumns, format, type Goal, publish } from "../support/report.ts";
import { asker, batchAsker, contextOf, queryPacket } from "../support/server.ts";
import { type TimedCase, timeInProcesses, timeInterleaved } from "../support/timing.ts";

/**
 * answerQuery in process: time and allocated octets per query. `--quick` leaves the zone of a million names out and
 * shortens the rounds; `--json` prints the allocations alone, for the system test, `--timings` the times alone, and
 * `--names` those of the zones of ten and of a million names.
 */
const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    timings: { type: "boolean", default: false },
    names: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const HEAD = `@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n`;
const TYPE_A = 1;
const TYPE_HTTPS = 65;
/** More queries than the processor's predictors remember, over far more octets of zone than its caches hold. */
const VARIATIONS = 65_536;
/** As UDP workers answer: 64 at once, whose cells are fetched together, and each reply over its query. */
const BATCHES = "geo A, 65,536 client subnets, in batches";

const hostName = (index: number): string => `host-${String(index).padStart(7, "0")}`;

function namesZone(names: number): string {
  const lines = [HEAD];
  for (let index = 0; index < names; index++) {
    lines.push(`${hostName(index)} 300 IN A 192.0.${(index >> 8) & 255}.${index & 255}\n`);
  }
  return lines.join("");
}

/** Queries for names spread over a zone, in an order that no prefetcher guesses. */
function namesCase(names: number): TimedCase {
  const context = contextOf({ "example.test.zone": namesZone(names) });
  const octets = new Uint8Array(VARIATIONS * 7);
  for (let index = 0; index < VARIATIONS; index++) {
    const scattered = Math.imul(index, 0x9e3779b1) >>> 0;
    octets.set(Buffer.from(hostName(scattered % names).slice(5)), index * 7);
  }
  const packet = queryPacket(`${hostName(0)}.example.test.`, TYPE_A);
  // Behind the header, the label's length and "host-".
  return {
    name: `static A, zone of ${names} names`,
    ...asker(context, packet, { offset: 12 + 1 + 5, width: 7, octets }),
  };
}

const MIXED = `${HEAD}www 300 IN A 192.0.2.1
alias 300 IN CNAME www
*.wild 300 IN A 192.0.2.2
sub 300 IN NS ns.sub
ns.sub 300 IN A 192.0.2.54
old 300 IN DNAME new.example.test.
www.new 300 IN A 192.0.2.3
`;

function staticCases(): TimedCase[] {
  const context = contextOf({ "example.test.zone": MIXED });
  const one = (name: string, packet: Uint8Array): TimedCase => ({ name, ...asker(context, packet) });
  return [
    one("static A, no EDNS", queryPacket("www.example.test.", TYPE_A)),
    one("static A, EDNS", queryPacket("www.example.test.", TYPE_A, null)),
    one("static A, EDNS and client subnet", queryPacket("www.example.test.", TYPE_A, "198.51.100.0/24")),
    one("wildcard A", queryPacket("host.wild.example.test.", TYPE_A)),
    one("CNAME and A", queryPacket("alias.example.test.", TYPE_A)),
    one("DNAME, CNAME and A", queryPacket("www.old.example.test.", TYPE_A)),
    one("referral with glue", queryPacket("www.sub.example.test.", TYPE_A)),
    one("NXDOMAIN", queryPacket("absent.example.test.", TYPE_A)),
    one("refused", queryPacket("www.elsewhere.invalid.", TYPE_A)),
  ];
}

const POLICY = `
checks:
  web: {type: http, port: 80, interval: 1s, timeout: 500ms}
pools:
  us: {check: web, endpoints: [203.0.113.1, 203.0.113.2]}
  eu: {check: web, endpoints: [203.0.113.3, 203.0.113.4]}
  asia: {check: web, endpoints: [203.0.113.5]}
  one: {endpoints: [203.0.113.6]}
  spread: {endpoints: [{address: 203.0.113.7, weight: 2}, {address: 203.0.113.8, weight: 1}]}
records:
  www:
    policy:
      geo:
        EU: {failover: [eu, us, asia]}
        NA: {failover: [us, eu, asia]}
        AS: {failover: [asia, us, eu]}
        default: us
  plain: {policy: one}
  spread: {policy: spread}
  near: {policy: {nearest: [near-us, near-eu]}}
  service: {policy: {nearest: [near-us, near-eu]}, https: {alpn: [h3, h2]}}
`
  .replace(
    "  one:",
    "  near-us: {region: virginia, endpoints: [203.0.113.9]}\n  near-eu: {region: dublin, endpoints: [203.0.113.10]}\n  one:",
  )
  .concat("regions:\n  virginia: {location: [38.9, -77.0]}\n  dublin: {location: [53.3, -6.3]}\n");

/** Public /24 prefixes in no order. */
function randomPrefixes(): Uint8Array {
  const octets = new Uint8Array(VARIATIONS * 3);
  for (let index = 0; index < VARIATIONS; index++) {
    const scattered = Math.imul(index + 1, 0x85ebca6b) >>> 0;
    octets.set([11 + (scattered % 89), (scattered >>> 8) & 255, (scattered >>> 16) & 255], index * 3);
  }
  return octets;
}

function dynamicCases(): TimedCase[] {
  const context = contextOf({ "example.test.zone": HEAD, "example.test.yaml": POLICY });
  const octets = randomPrefixes();
  const spread = (name: string, owner: string, type = TYPE_A, make: typeof batchAsker = asker): TimedCase => {
    const packet = queryPacket(`${owner}.example.test.`, type, "81.2.69.0/24");
    return { name, ...make(context, packet, { offset: packet.length - 3, width: 3, octets }) };
  };
  const one = (name: string, packet: Uint8Array): TimedCase => ({ name, ...asker(context, packet) });
  return [
    spread("geo A, 65,536 client subnets", "www"),
    spread(BATCHES, "www", TYPE_A, batchAsker),
    one("geo A, one client subnet", queryPacket("www.example.test.", TYPE_A, "81.2.69.0/24")),
    one("geo A by the resolver's address", queryPacket("www.example.test.", TYPE_A)),
    spread("nearest A, 65,536 client subnets", "near"),
    spread("nearest HTTPS, 65,536 client subnets", "service", TYPE_HTTPS),
    one("pool A, one address", queryPacket("plain.example.test.", TYPE_A, null)),
    one("pool A, weighted", queryPacket("spread.example.test.", TYPE_A, null)),
  ];
}

/** What copying a query octet by octet costs: the measure of this machine. */
function copyCase(): TimedCase {
  const packet = queryPacket("www.example.test.", TYPE_A);
  const out = new Uint8Array(512);
  let sum = 0;
  return {
    name: "copy of the query",
    run: (calls) => {
      for (let call = 0; call < calls; call++) {
        for (let at = 0; at < packet.length; at++) out[at] = packet[at]!;
        sum += out[call & 31]!;
      }
      if (sum < 0) console.log(sum);
    },
  };
}

/** One of each kind is enough for a test. */
const WEIGHED_BY_TEST = [
  "static A, EDNS and client subnet",
  "DNAME, CNAME and A",
  "referral with glue",
  "NXDOMAIN",
  "geo A, 65,536 client subnets",
  "nearest HTTPS, 65,536 client subnets",
  "pool A, weighted",
];

const fewNames = namesCase(10);
if (options.names) {
  console.log(
    JSON.stringify(timeInterleaved([fewNames, namesCase(1_000_000)], { calls: 100_000, rounds: 15 })),
  );
  process.exit(0);
}
const cases = [...staticCases(), ...dynamicCases(), fewNames];
const manyNames = options.quick || options.json || options.timings ? null : namesCase(1_000_000);

const QUICK = { calls: 20_000, rounds: 5 };
/** Enough for a median that one of them does not decide. */
const PROCESSES = 9;
if (options.timings) {
  const how = options.quick ? QUICK : { calls: 50_000, rounds: 9 };
  console.log(JSON.stringify(timeInterleaved([copyCase(), ...cases], how)));
  process.exit(0);
}
const control = await measureControl();
const allocations: ({ name: string } & Allocation)[] = [];
for (const timed of manyNames === null ? cases : [...cases, manyNames]) {
  if (options.json && !WEIGHED_BY_TEST.includes(timed.name)) continue;
  allocations.push({ name: timed.name, ...(await measureAllocation(() => timed.run(1))) });
}
if (options.json) {
  console.log(JSON.stringify({ control, allocations }));
} else {
  const timings =
    manyNames === null
      ? timeInterleaved([copyCase(), ...cases], QUICK)
      : [
          ...timeInProcesses(["--timings"], PROCESSES).filter(({ name }) => name !== fewNames.name),
          ...timeInProcesses(["--names"], PROCESSES),
        ];
  const base = timings[0]!.medianNs;
  const timingOf = (name: string): number => timings.find((timing) => timing.name === name)!.medianNs;
  const octetsOf = (name: string): string => {
    const found = allocations.find((allocation) => allocation.name === name);
    return found === undefined ? "" : found.octetsPerCall.toFixed(2);
  };
  const rows = timings.map(({ name, medianNs, leastNs, mostNs }) => [
    name,
    format(medianNs),
    format(leastNs),
    format(mostNs),
    (medianNs / base).toFixed(1),
    octetsOf(name),
  ]);
  const goals: Goal[] = [
    { name: "static A", measured: timingOf("static A, no EDNS") / 1000, limit: 0.25, unit: "us" },
    {
      name: "geo and client subnet, A, as a UDP worker answers",
      measured: timingOf(BATCHES) / 1000,
      limit: 0.3,
      unit: "us",
    },
    {
      name: "most octets allocated by a query",
      measured: Math.max(...allocations.map(({ octetsPerCall }) => Math.abs(octetsPerCall))),
      limit: 0.01,
      unit: "octets",
    },
    {
      name: "the control's distance from 16 octets",
      measured: Math.abs(control.octetsPerCall - 16),
      limit: 0.01,
      unit: "octets",
    },
  ];
  if (manyNames !== null) {
    const difference = (timingOf(manyNames.name) - timingOf(fewNames.name)) / 1000;
    goals.push({ name: "a million names more than ten", measured: difference, limit: 0.5, unit: "us" });
  }
  const head = ["ns per query", "median", "least", "most", "x copy", "octets"];
  publish("micro-answer", alignColumns([head, ...rows]), goals, { control, allocations, timings });
}
