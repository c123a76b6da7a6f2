import { parseMatch } from "../../src/config/override-match.ts";
import type { OverrideInput } from "../../src/config/schema-overrides.ts";
import type { Figures } from "../support/policy.ts";

/** One golden file: the server that it describes, and what is asked of it. */
export interface GoldenFile {
  /** Origin of the zone, without the final dot. */
  zone: string;
  /** The zone's YAML. */
  yaml: string;
  /** Lines of the zone's master file; empty: it has none. */
  master: string[];
  /** Country by prefix: the geo database. */
  countries: Record<string, string>;
  /** Autonomous system by prefix: the asn database. */
  systems: Record<string, number>;
  /** Country, latitude and longitude by prefix: the city database. */
  places: Record<string, [country: string, latitude: number, longitude: number]>;
  /** Rows of zones/latency.csv. */
  latency: string[];
  /** What is known of names that are looked up. */
  known: Record<string, string[]>;
  cases: GoldenCase[];
  losses: LossCase[];
}

/** What is to be forced, and who loses the last address that is up. */
export interface LossCase extends Pick<GoldenCase, "title" | "line" | "health"> {
  /** The last one is judged, the others hold already. */
  overrides: OverrideInput[];
  /** As `www.example.com. (A)`. */
  loses: string[];
}

export interface GoldenCase {
  /** What is wrong when the case fails. */
  title: string;
  line: number;
  ask: Ask;
  /** Everything that these do not name is up. */
  health: Health[];
  /** What is measured and reported; nothing of what these do not name. */
  load: Load[];
  /** What was before, oldest first; each holds until the next. */
  history: Past[];
  /** What is wanted of the reply, one line each. */
  wants: Want[];
  /** Counters that must have grown by one for every query. */
  counters: string[];
}

export interface Ask {
  name: string;
  type: string;
  resolver: string;
  /** Client subnet, or null: no EDNS at all. */
  ecs: string | null;
  /** Second at which is asked, or the first of `times` successive ones. */
  second: number;
  times: number;
}

export interface Past {
  secondsAgo: number;
  health: Health[];
  /** An operator released every latch then. */
  isRelease: boolean;
}

export interface Load {
  /** As in Health. */
  target: string;
  figures: Figures;
}

export interface Health {
  /** `pool`, `pool/endpoint` or an address; `check@address` is one of those that a calculated check is made of. */
  target: string;
  state: "up" | "down" | "drained" | "forced-down";
  /** Milliseconds until the state can change; null: what the check says of a state just reached. */
  horizonMs: number | null;
  /** Of its weight, what it may take for now: 100 when nothing lowers it. */
  weightPercent: number;
}

export type Want =
  | { kind: "addresses"; owner: string; ttl: number; type: string; addresses: string[]; scope: number | null }
  | { kind: "one-of"; owner: string; ttl: number; type: string; addresses: string[]; scope: number | null }
  | { kind: "negative"; rcode: string; ttl: number | null; scope: number | null }
  | { kind: "share"; address: string; percent: number };

/** Addresses that follow a record, or other RDATA in its canonical form, and the scope behind them. */
const RECORD = /^(\S+) (\d+) IN (A|AAAA|CNAME|HTTPS|SVCB) (one of )?([^ ].*?)(?:\s+scope \/(\d+))?$/;
const NEGATIVE = /^(NODATA|SERVFAIL|NXDOMAIN|REFUSED)(?: (\d+))?(?:\s+scope \/(\d+))?$/;
const ASK =
  /^(\S+) (A|AAAA|CNAME|ANY|MX|HTTPS|SVCB) from (\S+)(?: ecs (\S+))?(?: at (\d+))?(?: times (\d+))?$/;
const SHARE = /^(\d+)% (\S.*)$/;
const AGO = /^(\d+)s(?:\s+(.*))?$/;
const LOAD = /^(.+?):([a-z]\w*=.*)$/;
const FIGURE = /^(response|p99|errors|load|connections)=(\d+(?:\.\d+)?)(?:ms|%|\/(\d+))?$/;
const RANGE = /((?:\{address: )?)([\d.]*\d)\.\.(\d[\d.]*)((?:, weight: \d+\})?)/g;
const OVERRIDE = /^(up|down|drain) (\S+)$/;
const HEALTH = /^(.+):(up|down|drained|forced-down)(?:\((\d+(?:\.\d+)?)s\))?(?:@(\d+)%)?$/;

/**
 * Reads a golden file. Before the line `---` stand `zone ORIGIN`, lines `country PREFIX CODE`, `asn PREFIX NUMBER`,
 * `place PREFIX CODE LATITUDE LONGITUDE`, `latency CLIENT REGION RTT SAMPLES`, `known NAME ADDRESS...` of a name that is looked up, lines of the
 * master file as `static RECORD`, and after `yaml` the zone's dynamic names. After it cases stand, divided by empty lines: comments
 * as their title, then `ask`, `ago 300s HEALTH` or `ago 60s release`, `health`, `load`, `want` and `counters`. A state may carry
 * seconds until it can change, and how much of its weight the address takes: `192.0.2.1:up(8s)@25%`. In the YAML
 * `192.0.2.1..192.0.2.9` stands for each of these addresses. Where no `ask` stands but `override drain pool:us`, the last
 * such line is what an operator wants now, and `loses` says which records would leave some client without an address.
 */
export function parseGoldenFile(text: string): GoldenFile {
  const lines = text.split("\n");
  const divider = lines.indexOf("---");
  if (divider < 0) throw new Error("no line --- between the server and the cases");
  const file: GoldenFile = {
    zone: "",
    yaml: "",
    master: [],
    countries: {},
    systems: {},
    places: {},
    latency: [],
    known: {},
    cases: [],
    losses: [],
  };
  readHeader(file, lines.slice(0, divider));
  let block: { text: string; line: number }[] = [];
  for (const [index, line] of [...lines.slice(divider + 1), ""].entries()) {
    if (line.trim() !== "") block.push({ text: line, line: divider + index + 2 });
    else if (block.length > 0) {
      if (block.some(({ text }) => text.startsWith("override"))) file.losses.push(readLoss(block));
      else if (block.some(({ text }) => !text.startsWith("#"))) file.cases.push(readCase(block));
      block = [];
    }
  }
  return file;
}

/** IPv4 ranges of lists, one address after the other: `[192.0.2.1..192.0.2.3]`, `[{address: 192.0.2.1..192.0.2.3, weight: 5}]`. */
function spellOut(yaml: string): string {
  return yaml.replace(RANGE, (_, before: string, from: string, to: string, behind: string) => {
    const first = numberOf(from);
    return Array.from({ length: numberOf(to) - first + 1 }, (_, i) => {
      const address = [24, 16, 8, 0].map((shift) => ((first + i) >>> shift) & 255).join(".");
      return before + address + behind;
    }).join(", ");
  });
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function readHeader(file: GoldenFile, lines: string[]): void {
  for (const [index, line] of lines.entries()) {
    if (line === "yaml") {
      file.yaml = spellOut(lines.slice(index + 1).join("\n"));
      return;
    }
    const [word = "", ...rest] = line.split(/\s+/);
    if (word === "zone") file.zone = rest[0]!;
    else if (word === "country") file.countries[rest[0]!] = rest[1]!;
    else if (word === "asn") file.systems[rest[0]!] = Number(rest[1]);
    else if (word === "place") file.places[rest[0]!] = [rest[1]!, Number(rest[2]), Number(rest[3])];
    else if (word === "known") file.known[rest[0]!] = rest.slice(1);
    else if (word === "latency") file.latency.push(rest.join());
    else if (word === "static") file.master.push(line.slice("static ".length).trim());
    else if (word !== "" && word !== "#") throw new Error(`line ${index + 1}: "${line}" is not understood`);
  }
  throw new Error("no line yaml before ---");
}

function readCase(block: { text: string; line: number }[]): GoldenCase {
  const { line } = block[0]!;
  const fail = (at: number, what: string) => new Error(`line ${at}: ${what}`);
  const titles: string[] = [];
  let ask: Ask | null = null;
  const found: GoldenCase = {
    title: "",
    line,
    ask: NO_ASK,
    health: [],
    load: [],
    history: [],
    wants: [],
    counters: [],
  };
  for (const { text, line: at } of block) {
    if (text.startsWith("#")) {
      titles.push(text.slice(1).trim());
      continue;
    }
    const [, word, rest] = /^(\S+)\s+(.*?)\s*$/.exec(text) ?? [];
    if (word === "ask") ask = readAsk(rest!) ?? raise(fail(at, `"${rest}" asks nothing`));
    else if (word === "load") found.load.push(...rest!.split(/\s+/).map((part) => readLoad(part, at)));
    else if (word === "health") found.health.push(...rest!.split(/\s+/).map((part) => readHealth(part, at)));
    else if (word === "ago") found.history.push(readPast(rest!, at));
    else if (word === "want") found.wants.push(readWant(rest!) ?? raise(fail(at, `"${rest}" wants nothing`)));
    else if (word === "counters") found.counters.push(...rest!.split(/\s+/));
    else throw fail(at, `"${text}" is not understood`);
  }
  if (titles.length === 0 || ask === null || found.wants.length === 0) {
    throw fail(line, "a case has a title, an ask and a want");
  }
  return { ...found, title: titles.join(" "), ask };
}

function readLoss(block: { text: string; line: number }[]): LossCase {
  const { line } = block[0]!;
  const titles: string[] = [];
  const found: LossCase = { title: "", line, health: [], overrides: [], loses: [] };
  for (const { text, line: at } of block) {
    const [, word, rest] = /^(\S+)\s+(.*?)\s*$/.exec(text) ?? [];
    if (word === "#") titles.push(rest!);
    else if (word === "health") found.health.push(...rest!.split(/\s+/).map((part) => readHealth(part, at)));
    else if (word === "override") found.overrides.push(readOverride(rest!, at));
    else if (word === "loses") found.loses.push(...(rest === "nothing" ? [] : rest!.split(", ")));
    else throw new Error(`line ${at}: "${text}" is not understood`);
  }
  if (titles.length === 0 || !block.some(({ text }) => text.startsWith("loses")))
    throw new Error(`line ${line}: a case has a title, and says who loses`);
  return { ...found, title: titles.join(" ") };
}

function readOverride(text: string, line: number): OverrideInput {
  const [, state, selector = ""] = OVERRIDE.exec(text) ?? [];
  const match = parseMatch(selector);
  if (match === null) throw new Error(`line ${line}: "${text}" forces nothing: expected drain pool:us`);
  return { match, state: state as "up" | "down" | "drain", force: false };
}

const NO_ASK: Ask = { name: "", type: "A", resolver: "", ecs: null, second: 0, times: 1 };

function raise(error: Error): never {
  throw error;
}

function readAsk(text: string): Ask | null {
  const found = ASK.exec(text);
  if (found === null) return null;
  const [, name, type, resolver, ecs, second, times] = found;
  return {
    name: name!,
    type: type!,
    resolver: resolver!,
    ecs: ecs ?? null,
    second: Number(second ?? 1_700_000_000),
    times: Number(times ?? 1),
  };
}

function readPast(text: string, line: number): Past {
  const [, seconds, rest = ""] = AGO.exec(text) ?? raise(new Error(`line ${line}: "${text}" is no past`));
  const isRelease = rest === "release";
  const parts = isRelease || rest === "" ? [] : rest.split(/\s+/);
  return { secondsAgo: Number(seconds), health: parts.map((part) => readHealth(part, line)), isRelease };
}

/** `eu:response=12.4ms`, `eu/lb1:connections=3/100,p99=80ms,errors=0.5%,load=40%`. */
function readLoad(text: string, line: number): Load {
  const [, target, list] = LOAD.exec(text) ?? [];
  if (target === undefined)
    throw new Error(`line ${line}: "${text}" is no load: expected pool:response=10ms`);
  const figures: Figures = {};
  for (const part of list!.split(",")) {
    const [, name, number, capacity] = FIGURE.exec(part) ?? [];
    const value = Number(number);
    if (name === "response") figures.responseMs = value;
    else if (name === "p99") figures.p99Ms = value;
    else if (name === "errors" || name === "load") figures[name] = value / 100;
    else if (name === "connections") {
      figures.connections = value;
      if (capacity !== undefined) figures.capacity = Number(capacity);
    } else throw new Error(`line ${line}: "${part}" is no figure`);
  }
  return { target, figures };
}

function readHealth(text: string, line: number): Health {
  const [, target, state, seconds, percent] = HEALTH.exec(text) ?? [];
  if (target === undefined) throw new Error(`line ${line}: "${text}" is no state: expected pool:down`);
  return {
    target,
    state: state as Health["state"],
    horizonMs: seconds === undefined ? null : Number(seconds) * 1000,
    weightPercent: Number(percent ?? 100),
  };
}

function readWant(text: string): Want | null {
  const share = SHARE.exec(text);
  if (share !== null) return { kind: "share", percent: Number(share[1]), address: share[2]! };
  const negative = NEGATIVE.exec(text);
  if (negative !== null) {
    const [, rcode, ttl, scope] = negative;
    return { kind: "negative", rcode: rcode!, ttl: numberOrNull(ttl), scope: numberOrNull(scope) };
  }
  const record = RECORD.exec(text);
  if (record === null) return null;
  const [, owner, ttl, type, oneOf, addresses, scope] = record;
  return {
    kind: oneOf === undefined ? "addresses" : "one-of",
    owner: owner!,
    ttl: Number(ttl),
    type: type!,
    addresses: addresses!.split(", "),
    scope: numberOrNull(scope),
  };
}

function numberOrNull(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}
