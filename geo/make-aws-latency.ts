/**
 * Makes geo/aws-latency.csv, a latency table of round trips to thirteen AWS regions. Not part of the build; run it when
 * the source changes:
 *
 *   node geo/make-aws-latency.ts AWS_LATENCIES_CSV        (Node 22.18 or later)
 *
 * AWS_LATENCIES_CSV: aws-latencies.csv of the CometBFT project (Apache-2.0), one-way milliseconds between AWS regions.
 * Clients are the subdivisions and countries around each region: what is measured between two regions stands for
 * clients around one of them and servers in the other.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Names in the source: AWS's own, and the clients whose nearest region it is. */
const REGIONS: Record<string, { name: string; clients: string }> = {
  N_Virginia: {
    name: "us-east-1",
    clients:
      "NA-US-DC NA-US-DE NA-US-GA NA-US-KY NA-US-MD NA-US-NC NA-US-NJ NA-US-OH NA-US-PA NA-US-SC NA-US-TN NA-US-VA NA-US-WV",
  },
  Canada: {
    name: "ca-central-1",
    clients: "NA-CA-NB NA-CA-NS NA-CA-ON NA-CA-PE NA-CA-QC NA-US-ME NA-US-NH NA-US-VT",
  },
  N_California: { name: "us-west-1", clients: "NA-US-CA NA-US-NV" },
  London: { name: "eu-west-2", clients: "EU-GB" },
  Oregon: { name: "us-west-2", clients: "NA-CA-BC NA-US-ID NA-US-OR NA-US-WA" },
  Ireland: { name: "eu-west-1", clients: "EU-IE" },
  Frankfurt: { name: "eu-central-1", clients: "EU-AT EU-CH EU-CZ EU-DE EU-LI EU-LU" },
  S_Paulo: { name: "sa-east-1", clients: "SA-BR SA-PY SA-UY" },
  Tokyo: { name: "ap-northeast-1", clients: "AS-JP" },
  Mumbai: { name: "ap-south-1", clients: "AS-IN AS-LK" },
  Sydney: { name: "ap-southeast-2", clients: "OC-AU OC-NZ" },
  Seoul: { name: "ap-northeast-2", clients: "AS-KR" },
  Singapore: { name: "ap-southeast-1", clients: "AS-MY AS-SG" },
};
/** The source has 0 within a region, which no table may: a client there is not in the same building. */
const WITHIN_MS = 2;

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: node geo/make-aws-latency.ts AWS_LATENCIES_CSV");
const [header, ...lines] = readFileSync(path, "utf8").trim().split(/\r?\n/);
const columns = header!.split(",").slice(1);
const oneWay = new Map<string, number>();
for (const line of lines) {
  const [from, ...cells] = line.split(",");
  if (cells.length !== columns.length) throw new Error(`${from} has ${cells.length} cells`);
  for (const [at, cell] of cells.entries()) oneWay.set(`${from} ${columns[at]}`, Number(cell));
}

const rows: string[] = [];
for (const from of columns) {
  for (const client of REGIONS[from]!.clients.split(" ")) {
    for (const to of columns) {
      const rtt = oneWay.get(`${from} ${to}`)! + oneWay.get(`${to} ${from}`)!;
      rows.push(`${client},${REGIONS[to]!.name},${rtt || WITHIN_MS}`);
    }
  }
}
const comments = [
  "Round trips between clients and AWS regions in milliseconds: the way there and the way back, as CometBFT measured them",
  "between regions (Apache-2.0, https://github.com/cometbft/cometbft, aws-latencies.csv); clients are what lies around a",
  `region, ${WITHIN_MS} ms from it. Made by geo/make-aws-latency.ts.`,
].map((line) => `# ${line}`);
const text = `${[...comments, "client,region,rtt_ms", ...rows].join("\n")}\n`;
writeFileSync(join(import.meta.dirname, "aws-latency.csv"), text);
