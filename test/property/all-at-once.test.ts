import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from "yaml";
import { configFolder } from "../support/config-folder.ts";
import { seededRandom } from "../support/random.ts";

/** However many mistakes a file has, of whatever stage, one run of the checks tells each of them, and nothing else. */

const LONG = process.env.STEERD_LONG !== undefined;
const DRAWS = LONG ? 2_000 : 60;

const ZONES = ["gslb.example", "latency.example"];
const TABLE = readFileSync("geo/aws-latency.csv", "utf8");

interface Mistake {
  code: string;
  /** False: there is no room for it in this entry. */
  plant(entry: YAMLMap, file: Document): boolean;
}

const set = (code: string, key: string, value: unknown): Mistake => ({
  code,
  plant(entry, file) {
    entry.set(file.createNode(key), file.createNode(value));
    return true;
  },
});
const strange: Mistake = set("CFG_KEY_UNKNOWN", "colour", "blue");

/** The first name of a policy's list becomes another. */
function misname(node: unknown): boolean {
  if (isSeq(node)) {
    const name = node.items.find((item) => isScalar(item) && typeof item.value === "string");
    if (isScalar(name)) name.value = "nowhere-at-all";
    return name !== undefined || node.items.some(misname);
  }
  return isMap(node) && node.items.some(({ value }) => misname(value));
}
const unknownName: Mistake = {
  code: "CFG_POOL_UNKNOWN",
  plant: (entry) => misname(entry.get("policy") ?? entry),
};

const MISTAKES: Record<string, Mistake[]> = {
  checks: [
    strange,
    set("CFG_VALUE_INVALID", "type", "htps"),
    set("CFG_VALUE_INVALID", "interval", 5),
    set("CFG_VALUE_INVALID", "timeout", "50s"),
    { code: "CFG_KEY_MISSING", plant: (entry) => entry.delete("type") },
  ],
  regions: [
    strange,
    set("CFG_VALUE_INVALID", "location", [95, 0]),
    set("CFG_CHECK_UNKNOWN", "check", "nothing-like-it"),
  ],
  pools: [
    strange,
    set("CFG_REGION_UNKNOWN", "region", "nothing-like-it"),
    set("CFG_CHECK_UNKNOWN", "check", "nothing-like-it"),
    set("CFG_VALUE_INVALID", "select", "best"),
    set("CFG_VALUE_INVALID", "max_answers", 0),
    set("CFG_MIN_HEALTHY", "min_healthy", 99),
    set("CFG_POOL_EMPTY", "endpoints", []),
    set("CFG_VALUE_INVALID", "endpoints", "none"),
    set("CFG_VALUE_INVALID", "endpoints", [5]),
    { code: "CFG_KEY_MISSING", plant: (entry) => entry.delete("endpoints") },
    {
      code: "CFG_ADDRESS_INVALID",
      plant: (entry, file) => {
        (entry.get("endpoints") as YAMLSeq).add(file.createNode("192.0.2.300"));
        return true;
      },
    },
  ],
  policies: [
    strange,
    unknownName,
    set("CFG_VALUE_INVALID", "location", "north"),
    set("CFG_ADDRESS_INVALID", "last_resort", { addresses: ["192.0.2.300"] }),
  ],
  records: [
    strange,
    unknownName,
    set("CFG_VALUE_INVALID", "ttl", "never"),
    set("CFG_VALUE_INVALID", "policy", 5),
    set("CFG_POLICY_KIND", "policy", { failover: ["x"], weighted: ["x"] }),
    set("CFG_POOL_UNKNOWN", "policy", "nowhere-at-all"),
    set("CFG_WEIGHTS_ZERO", "policy", { weighted: [{ node: { all: ["POOL"] }, weight: 0 }] }),
    set("CFG_GEO_KEY", "policy", { geo: { QQ: "POOL", default: "POOL" } }),
    set("CFG_SUBNET_INVALID", "policy", { subnets: { "10.0.0.1/8": "POOL", default: "POOL" } }),
    {
      code: "CFG_ALPN_MISSING",
      plant: (entry, file) =>
        // Beside a CNAME there may be no HTTPS record at all.
        !String(entry).includes("cdn") && set("", "https", { no_default_alpn: true }).plant(entry, file),
    },
    { code: "CFG_KEY_MISSING", plant: (entry) => entry.delete("policy") },
  ],
};

test("k mistakes in different entries of a sound zone are k errors", () => {
  const { below, pick } = seededRandom(20_261_122);
  const folder = configFolder({ "geo/aws-latency.csv": TABLE });
  for (const zone of ZONES) folder.write(`zones/${zone}.yaml`, readFileSync(`zones/${zone}.yaml`, "utf8"));
  const usual = new Set(folder.compile().findings.map(({ code }) => code));
  for (let draw = 0; draw < DRAWS; draw++) {
    const zone = ZONES[draw % ZONES.length]!;
    const file = parseDocument(readFileSync(`zones/${zone}.yaml`, "utf8").replaceAll("POOL", "pool"));
    const entries = Object.keys(MISTAKES).flatMap((section) =>
      Object.keys((file.toJS() as Record<string, object>)[section] ?? {}).map((name) => ({ section, name })),
    );
    const pool = entries.find(({ section }) => section === "pools")!.name;
    const planted: string[] = [];
    for (let k = 1 + below(12); k > 0 && entries.length > 0; k--) {
      const [{ section, name }] = entries.splice(below(entries.length), 1) as [(typeof entries)[number]];
      const mistake = pick(MISTAKES[section]!);
      const entry = file.getIn([section, name]) as YAMLMap;
      if (mistake.plant(entry, file)) planted.push(`${mistake.code} ${section} ${name}`);
    }
    const text = file.toString({ lineWidth: 0 }).replaceAll("POOL", pool);
    for (const each of ZONES) folder.write(`zones/${each}.yaml`, each === zone ? text : "");
    const { findings } = folder.compile();
    const errors = findings.filter(({ severity }) => severity === "error");
    const warnings = findings.filter(({ severity, code }) => severity === "warning" && !usual.has(code));
    // Some of the mistakes above take the place of what used a pool.
    const strangers = warnings.filter(({ code }) => code !== "CFG_UNUSED");
    expect(strangers, `draw ${draw}\n${text}`).toEqual([]);
    const told = errors.map(({ code, line }) => `${code} ${entryAt(text, line)}`);
    expect(told.sort(), `draw ${draw}\n${errors.map(({ what }) => what).join("\n")}\n${text}`).toEqual(
      planted.sort(),
    );
  }
});

/** Section and name of the entry in which a line stands. */
function entryAt(text: string, line: number): string {
  const before = text.split("\n").slice(0, line).reverse();
  const section = before.find((each) => /^\w/.test(each))?.split(":", 1)[0];
  const name = before.find((each) => /^ {2}[^ #]/.test(each))?.trim();
  return `${section} ${/^"?([^":]+)"?:/.exec(name ?? "")?.[1]}`;
}
