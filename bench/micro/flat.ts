import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeCityMmdb } from "../../test/support/geo-fixtures.ts";
import { alignColumns, format, type Goal, publish } from "../support/report.ts";
import { type Asker, asker, contextOf, queryPacket, type Variation } from "../support/server.ts";
import { type TimedCase, timeInterleaved } from "../support/timing.ts";

/**
 * What a query costs as a configuration grows: in names, in zones, in the depth of its policy, in networks of the
 * database. All sizes take turns. `--quick` has smaller ones and shorter rounds.
 */
const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
});
const TYPE_A = 1;
/** More queries than predictors remember. */
const VARIATIONS = 65_536;
const DIGITS = 7;
const HEAD = "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n";

/** One quantity, from the least of it to the most. */
interface Series {
  name: string;
  sizes: number[];
  make(size: number): Asker;
  /** Most nanoseconds that the largest may cost more than the least. */
  limitNs: number;
}

const numbered = (index: number): string => String(index).padStart(DIGITS, "0");

/** Numbers below `size` in an order that no prefetcher guesses, as the digits at `offset` of a query. */
function numbers(size: number, offset: number): Variation {
  const octets = new Uint8Array(VARIATIONS * DIGITS);
  for (let index = 0; index < VARIATIONS; index++) {
    const scattered = Math.imul(index, 0x9e3779b1) >>> 0;
    octets.set(Buffer.from(numbered(scattered % size)), index * DIGITS);
  }
  return { offset, width: DIGITS, octets };
}

function names(size: number): Asker {
  const hosts = Array.from(
    { length: size },
    (_, at) => `host-${numbered(at)} 300 IN A 192.0.2.${at & 255}\n`,
  );
  const context = contextOf({ "example.test.zone": HEAD + hosts.join("") });
  // Behind the header, the label's length and "host-".
  return asker(context, queryPacket(`host-${numbered(0)}.example.test.`, TYPE_A), numbers(size, 12 + 1 + 5));
}

function zones(size: number): Asker {
  const zone = `${HEAD}www 300 IN A 192.0.2.1\n`;
  const files = Array.from({ length: size }, (_, at) => [`zone-${numbered(at)}.test.zone`, zone]);
  const context = contextOf(Object.fromEntries(files) as Record<string, string>);
  // Behind the header, the label "www" and "zone-".
  return asker(context, queryPacket(`www.zone-${numbered(0)}.test.`, TYPE_A), numbers(size, 12 + 4 + 1 + 5));
}

function depth(size: number): Asker {
  let node = "eu";
  for (let level = 0; level < size; level++) node = `{failover: [${node}, us]}`;
  const context = contextOf({
    "example.test.zone": HEAD,
    "example.test.yaml": `pools:\n  eu: {endpoints: [192.0.2.1]}\n  us: {endpoints: [192.0.2.2]}\nrecords:\n  www: {policy: ${node}}\n`,
  });
  return asker(context, queryPacket("www.example.test.", TYPE_A));
}

function networks(size: number): Asker {
  const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
  try {
    writeFileSync(join(folder, "city.mmdb"), makeCityMmdb(size, 1));
    const context = contextOf({
      "steerd.yaml": `zones: ./zones\ngeo: {city: ${JSON.stringify(join(folder, "city.mmdb"))}}\n`,
      "example.test.zone": HEAD,
      "example.test.yaml":
        "pools:\n  eu: {endpoints: [192.0.2.1]}\n  us: {endpoints: [192.0.2.2]}\nrecords:\n  www: {policy: {geo: {EU: eu, NA: us, AS: eu, default: us}}}\n",
    });
    const packet = queryPacket("www.example.test.", TYPE_A, "81.2.69.0/24");
    const octets = new Uint8Array(VARIATIONS * 3);
    for (let index = 0; index < VARIATIONS; index++) {
      const scattered = Math.imul(index + 1, 0x85ebca6b) >>> 0;
      octets.set([11 + (scattered % 89), (scattered >>> 8) & 255, (scattered >>> 16) & 255], index * 3);
    }
    return asker(context, packet, { offset: packet.length - 3, width: 3, octets });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const small = options.quick;
const series: Series[] = [
  { name: "names", sizes: [1, 1_000, small ? 50_000 : 1_000_000], make: names, limitNs: 500 },
  { name: "zones", sizes: [1, 1_000, small ? 3_000 : 100_000], make: zones, limitNs: 500 },
  { name: "levels of policy", sizes: [1, 4, 16], make: depth, limitNs: 500 },
  { name: "networks", sizes: [1_000, 50_000, small ? 100_000 : 500_000], make: networks, limitNs: 200 },
];

const cases: TimedCase[] = series.flatMap(({ name, sizes, make }) =>
  sizes.map((size) => ({ name: `${size} ${name}`, ...make(size) })),
);
const timings = timeInterleaved(cases, small ? { calls: 20_000, rounds: 9 } : { calls: 100_000, rounds: 25 });
const medianOf = (name: string): number => timings.find((timing) => timing.name === name)!.medianNs;
const rows = series.flatMap(({ name, sizes }) => {
  const base = medianOf(`${sizes[0]} ${name}`);
  return sizes.map((size) => {
    const median = medianOf(`${size} ${name}`);
    return [
      `${size.toLocaleString("en")} ${name}`,
      format(median),
      format(median - base),
      format(median / base),
    ];
  });
});
const goals: Goal[] = series.map(({ name, sizes, limitNs }) => ({
  name: `${sizes.at(-1)!.toLocaleString("en")} ${name} more than ${sizes[0]!.toLocaleString("en")}`,
  measured: medianOf(`${sizes.at(-1)} ${name}`) - medianOf(`${sizes[0]} ${name}`),
  limit: limitNs,
  unit: "ns",
}));
publish(
  "micro-flat",
  alignColumns([["ns per query in process", "median", "more", "x least"], ...rows]),
  goals,
  { timings },
);
