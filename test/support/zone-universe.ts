import { type Random, seededRandom } from "./random.ts";

/**
 * Zones that point into each other in every way that the lookup has to know: wildcards, empty non-terminals, CNAME
 * chains and loops, DNAME, delegations with and without glue, occluded names. All from one seed.
 */
export interface GeneratedRecord {
  owner: string;
  ttl: number;
  type: string;
  rdata: string;
}

export interface GeneratedZone {
  origin: string;
  records: GeneratedRecord[];
}

/** Zones of one cluster refer to each other, and to no other cluster. */
export interface Cluster {
  zones: GeneratedZone[];
  /** Owners of the delegations, of the DNAMEs, and of the wildcards. */
  cuts: string[];
  dnames: string[];
  wildcards: string[];
}

export interface GeneratedQuery {
  name: string;
  type: string;
}

const LABELS = ["a", "b", "c", "www", "x1", "y", "mail", "_sip", "n-2", "host"];
const PLAIN_TYPES = ["A", "AAAA", "TXT", "MX", "SRV", "PTR", "CAA", "HINFO", "NAPTR", "SSHFP", "TYPE65400"];
const QUERY_TYPES = [
  "ANY",
  "A",
  "AAAA",
  "TXT",
  "MX",
  "NS",
  "SOA",
  "CNAME",
  "DNAME",
  "DS",
  "SRV",
  "TYPE65400",
  "HTTPS",
];
const LONG_LABEL = "l".repeat(60);

export function generateClusters(seed: number, count: number): Cluster[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => generateCluster(random, index));
}

function generateCluster(random: Random, index: number): Cluster {
  const main = `a${index}.example.`;
  const origins = [
    main,
    `b${index}.example.`,
    `kid.${main}`,
    `d${index}.test.`,
    random.chance(0.3) ? `top${index}.` : `deep.er.e${index}.test.`,
    `Sub.Kid.${main}`,
  ];
  const sealed: string[] = [];
  const drafts = origins.map((origin) => draftZone(random, origin, origins, sealed));
  // Mostly, but not always, the parent knows of the child that is served beside it.
  if (random.chance(0.8)) delegate(random, drafts[0]!, `kid.${main}`, drafts, true);
  if (random.chance(0.8)) delegate(random, drafts[2]!, `sub.kid.${main}`, drafts, true);
  for (const draft of drafts) {
    const cuts = 1 + random.below(3);
    for (let cut = 0; cut < cuts; cut++) delegate(random, draft, freshName(random, draft, 2), drafts, false);
  }
  for (const draft of drafts) addAliases(random, draft, drafts);
  const zones = drafts.map((draft) => ({ origin: draft.origin, records: draft.records }));
  return {
    zones,
    cuts: drafts.flatMap((draft) => draft.cuts),
    dnames: drafts.flatMap((draft) => draft.dnames),
    wildcards: drafts.flatMap((draft) => draft.wildcards),
  };
}

interface Draft extends GeneratedZone {
  /** Lower-case owner to its types. */
  types: Map<string, Set<string>>;
  cuts: string[];
  wildcards: string[];
  dnames: string[];
  /** Owners of DNAMEs of the whole cluster: nothing may be below (RFC 6672 section 2.4). */
  sealed: string[];
  /** Apexes of other zones of the cluster that are below this one's. */
  children: string[];
}

const within = (name: string, ancestor: string): boolean =>
  name === ancestor || ancestor === "." || name.endsWith(`.${ancestor}`);

function draftZone(random: Random, origin: string, origins: string[], sealed: string[]): Draft {
  const zone: Draft = {
    origin,
    records: [],
    types: new Map(),
    cuts: [],
    wildcards: [],
    dnames: [],
    sealed,
    children: origins
      .map((other) => other.toLowerCase())
      .filter((other) => other !== origin.toLowerCase() && within(other, origin.toLowerCase())),
  };
  const minimum = random.pick([0, 30, 60, 600]);
  add(
    zone,
    origin,
    "SOA",
    `ns1.${origin} hostmaster.${origin} ${1 + random.below(1e6)} 3600 600 86400 ${minimum}`,
    random.pick([60, 300]),
  );
  add(zone, origin, "NS", `ns1.${origin}`, 600);
  if (random.chance(0.5)) add(zone, origin, "NS", "ns.outside.invalid.", 600);
  if (random.chance(0.3)) add(zone, origin, "MX", `10 mail.${origin}`, 120);
  if (random.chance(0.3)) add(zone, origin, "A", "192.0.2.1", 120);
  add(zone, `ns1.${origin}`, "A", "192.0.2.53", 600);
  if (random.chance(0.4)) add(zone, `ns1.${origin}`, "AAAA", "2001:db8::53", 600);
  const hosts = 2 + random.below(4);
  for (let host = 0; host < hosts; host++) addPlain(random, zone, freshName(random, zone, 3));
  const wildcards = random.below(3);
  for (let index = 0; index < wildcards; index++) {
    const parent = random.chance(0.4) ? random.pick([...zone.types.keys()]) : freshName(random, zone, 2);
    const owner = `*.${parent}`;
    if (parent.startsWith("*.") || !mayOwn(zone, owner)) continue;
    zone.wildcards.push(owner);
    addPlain(random, zone, owner);
    if (random.chance(0.2)) addPlain(random, zone, `${random.pick(LABELS)}.${owner}`);
  }
  if (random.chance(0.15)) {
    // A wildcard that exists only because something is below it (RFC 4592 section 2.2.2).
    const owner = `*.${freshName(random, zone, 1)}`;
    zone.wildcards.push(owner);
    addPlain(random, zone, `${random.pick(LABELS)}.${owner}`);
  }
  return zone;
}

/** A name of up to `depth` labels under the apex, that may or may not have been used. */
function freshName(random: Random, zone: Draft, depth: number): string {
  let name = zone.origin.toLowerCase();
  const labels = 1 + random.below(depth);
  for (let label = 0; label < labels; label++) name = `${random.pick(LABELS)}.${name}`;
  return name;
}

/**
 * False where a record would make the zone invalid, or would sit within a child zone that is served too: nsd keeps all
 * zones in one tree of names, so that a name of the parent's would exist in the child as well.
 */
function mayOwn(zone: Draft, owner: string): boolean {
  const types = zone.types.get(owner);
  const child = zone.children.find((apex) => within(owner, apex));
  if (child !== undefined && owner !== child && owner !== `ns1.${child}`) return false;
  if (types?.has("CNAME")) return false;
  return !zone.sealed.some((name) => within(owner, name) && owner !== name);
}

function mixCase(owner: string): string {
  return owner.replace(/[a-z]/g, (letter, at: number) => (at % 3 === 1 ? letter.toUpperCase() : letter));
}

function add(zone: Draft, owner: string, type: string, rdata: string, ttl: number): void {
  const key = owner.toLowerCase();
  const types = zone.types.get(key) ?? new Set<string>();
  zone.types.set(key, types);
  types.add(type);
  const same = zone.records.filter((record) => record.owner.toLowerCase() === key && record.type === type);
  if (same.some((record) => record.rdata === rdata)) return;
  zone.records.push({ owner, type, rdata, ttl: same[0]?.ttl ?? ttl });
}

function addPlain(random: Random, zone: Draft, name: string): void {
  if (!mayOwn(zone, name)) return;
  const owner = random.chance(0.2) ? mixCase(name) : name;
  const kinds = random.chance(0.5) ? 1 : 2;
  for (let kind = 0; kind < kinds; kind++) {
    const type = random.chance(0.5) ? "A" : random.pick(PLAIN_TYPES);
    const ttl = random.pick([5, 60, 3600]);
    const members = type === "A" || type === "AAAA" || type === "TXT" ? 1 + random.below(3) : 1;
    for (let member = 0; member < members; member++)
      add(zone, owner, type, plainRdata(random, zone, type), ttl);
  }
}

function plainRdata(random: Random, zone: Draft, type: string): string {
  const target = freshName(random, zone, 2);
  switch (type) {
    case "A":
      return `198.51.100.${random.below(250)}`;
    case "AAAA":
      return `2001:db8::${(1 + random.below(65_000)).toString(16)}`;
    case "TXT":
      return random.chance(0.2)
        ? '"semi;colon" "back\\\\slash \\"quoted\\" \\007"'
        : `"text ${random.below(999)}"`;
    case "MX":
      return `${random.below(100)} ${target}`;
    case "SRV":
      return `1 2 ${random.below(65_000)} ${target}`;
    case "PTR":
      return target;
    case "CAA":
      return '0 issue "ca.example"';
    case "HINFO":
      return '"PDP-11" "UNIX"';
    case "NAPTR":
      return `10 20 "u" "E2U+sip" "!^.*$!sip:info@example!" .`;
    case "SSHFP":
      return `1 1 ${"ab".repeat(20)}`;
    default:
      return `\\# 4 0a00${random.below(256).toString(16).padStart(2, "0")}01`;
  }
}

function delegate(random: Random, zone: Draft, cut: string, drafts: Draft[], served: boolean): void {
  const present = zone.types.get(cut);
  if (cut === zone.origin.toLowerCase() || present?.has("CNAME") || present?.has("DNAME")) return;
  if (!mayOwn(zone, cut) || zone.wildcards.includes(cut) || cut.includes("*")) return;
  zone.cuts.push(cut);
  const servers = 1 + random.below(3);
  for (let server = 0; server < servers; server++) {
    const target = serverName(random, zone, cut, drafts, served);
    add(zone, cut, "NS", target, 300);
    const glueHolder = within(target, zone.origin.toLowerCase()) && !target.includes("*");
    if (glueHolder && mayOwn(zone, target) && random.chance(0.75)) {
      add(zone, target, "A", `203.0.113.${random.below(250)}`, 300);
      if (random.chance(0.4)) add(zone, target, "AAAA", `2001:db8:1::${1 + random.below(9_000)}`, 300);
    }
  }
  if (random.chance(0.3)) add(zone, cut, "DS", `${random.below(65_000)} 8 2 ${"0f".repeat(32)}`, 300);
  // Occluded: at and below the cut, where this zone has no say (RFC 1034 section 4.2.1).
  if (random.chance(0.3)) addPlain(random, zone, cut);
  if (random.chance(0.6)) addPlain(random, zone, `${random.pick(LABELS)}.${cut}`);
  if (random.chance(0.3)) addPlain(random, zone, `*.${cut}`);
  if (random.chance(0.3)) {
    const below = `${random.pick(LABELS)}.${random.pick(LABELS)}.${cut}`;
    if (mayOwn(zone, below)) add(zone, below, "NS", `ns.${below}`, 60);
    if (mayOwn(zone, `ns.${below}`)) add(zone, `ns.${below}`, "A", "203.0.113.251", 60);
  }
}

function serverName(random: Random, zone: Draft, cut: string, drafts: Draft[], served: boolean): string {
  if (served) return random.chance(0.8) ? `ns1.${cut}` : `ns1.${zone.origin.toLowerCase()}`;
  switch (random.below(6)) {
    case 0:
      return `ns.outside${random.below(9)}.invalid.`;
    case 1:
      return `ns1.${zone.origin.toLowerCase()}`;
    case 2:
      return zone.cuts.length > 1 ? `ns.${random.pick(zone.cuts)}` : `ns2.${cut}`;
    case 3:
      return `ns1.${random.pick(drafts).origin.toLowerCase()}`;
    default:
      return `${random.pick(["ns", "ns2", "deep.ns"])}.${cut}`;
  }
}

/** CNAMEs and DNAMEs come last, so that they can point at everything. */
function addAliases(random: Random, zone: Draft, drafts: Draft[]): void {
  const dnames = random.below(3);
  for (let index = 0; index < dnames; index++) addDname(random, zone, drafts);
  if (zone.origin.startsWith("d")) addLongDname(zone);
  const wildcardParent = random.pick([...zone.types.keys()].filter((name) => !name.includes("*")));
  const aliases = 4 + random.below(4);
  for (let index = 0; index < aliases; index++) {
    const owner = random.chance(0.3) ? `*.${wildcardParent}` : freshName(random, zone, 2);
    addCname(zone, owner, aliasTarget(random, drafts), random.pick([10, 60]));
  }
  if (random.chance(0.5)) {
    const length = 1 + random.below(4);
    const loop = Array.from(
      { length },
      (_, step) => `loop${step}.${random.pick(drafts).origin.toLowerCase()}`,
    );
    loop.forEach((owner, step) => {
      const home = drafts.find(
        (draft) => owner.endsWith(`.${draft.origin.toLowerCase()}`) && isHome(owner, draft),
      );
      if (home !== undefined) addCname(home, owner, loop[(step + 1) % length]!, 20);
    });
  }
  if (random.chance(0.5)) {
    const length = 2 + random.below(7);
    for (let step = 0; step < length; step++) {
      const target =
        step + 1 < length ? `step${step + 1}.${zone.origin.toLowerCase()}` : aliasTarget(random, drafts);
      addCname(zone, `step${step}.${zone.origin.toLowerCase()}`, target, 20);
    }
  }
}

const isHome = (owner: string, zone: Draft): boolean =>
  owner.split(".").slice(1).join(".") === zone.origin.toLowerCase();

function addCname(zone: Draft, owner: string, target: string, ttl: number): void {
  if (zone.types.has(owner) || !mayOwn(zone, owner)) return;
  if (owner.startsWith("*.")) zone.wildcards.push(owner);
  add(zone, owner, "CNAME", target, ttl);
}

function aliasTarget(random: Random, drafts: Draft[]): string {
  const zone = random.pick(drafts);
  const names = [...zone.types.keys()];
  switch (random.below(9)) {
    case 0:
      return `${random.pick(LABELS)}.outside.invalid.`;
    case 1:
      return freshName(random, zone, 3);
    case 2:
      return zone.cuts.length > 0 ? `${random.pick(LABELS)}.${random.pick(zone.cuts)}` : random.pick(names);
    case 3:
      return zone.wildcards.length > 0
        ? `${random.pick(LABELS)}.${random.pick(zone.wildcards).slice(2)}`
        : random.pick(names);
    case 4:
      return zone.dnames.length > 0
        ? `${random.pick(LABELS)}.${random.pick(zone.dnames)}`
        : random.pick(names);
    case 5:
      return `absent${random.below(3)}.${random.pick(names)}`.replace("*.", "");
    default:
      return random.pick(names);
  }
}

function addDname(random: Random, zone: Draft, drafts: Draft[]): void {
  const apex = zone.origin.toLowerCase();
  const owner = freshName(random, zone, 2);
  const above = drafts.some((draft) =>
    [...draft.types.keys()].some((name) => name !== owner && within(name, owner)),
  );
  const types = zone.types.get(owner);
  if (above || types?.has("CNAME") || types?.has("NS") || types?.has("DNAME") || !mayOwn(zone, owner)) return;
  const target = random.chance(0.7) ? random.pick([...random.pick(drafts).types.keys()]) : `new.${apex}`;
  if (target.startsWith("*")) return;
  zone.dnames.push(owner);
  zone.sealed.push(owner);
  add(zone, owner, "DNAME", target, 90);
}

/** Replacement makes names longer than 255 octets: YXDOMAIN (RFC 6672 section 2.2). */
function addLongDname(zone: Draft): void {
  const owner = `long.${zone.origin}`;
  zone.dnames.push(owner);
  zone.sealed.push(owner);
  add(zone, owner, "DNAME", `${LONG_LABEL}.${LONG_LABEL}.${LONG_LABEL}.${zone.origin}`, 90);
}

/** Master file (RFC 1035 section 5). */
export function zoneText(zone: GeneratedZone): string {
  const lines = zone.records.map(
    (record) => `${record.owner} ${record.ttl} IN ${record.type} ${record.rdata}`,
  );
  return `${lines.join("\n")}\n`;
}

/** Queries that lean towards the interesting names of a cluster. */
export function generateQueries(cluster: Cluster, random: Random, count: number): GeneratedQuery[] {
  const queries: GeneratedQuery[] = [];
  for (let index = 0; index < count; index++) {
    const zone = random.pick(cluster.zones);
    const record = random.pick(zone.records);
    const owner = record.owner;
    queries.push({ name: queryName(random, zone, owner), type: queryType(random, record) });
  }
  queries.push(...directedQueries(cluster, random));
  return queries.map((query) => (random.chance(0.2) ? { ...query, name: mixCase(query.name) } : query));
}

/** Names of kinds that chance alone would ask too seldom. */
function directedQueries(cluster: Cluster, random: Random): GeneratedQuery[] {
  const owners = cluster.zones.flatMap((zone) => zone.records.map((record) => record.owner.toLowerCase()));
  const known = new Set(owners);
  const apexes = cluster.zones.map((zone) => zone.origin.toLowerCase());
  const loops = owners.filter((owner) => owner.startsWith("loop"));
  const deep = owners.filter((owner) => cluster.cuts.some((cut) => owner !== cut && within(owner, cut)));
  const between = [...new Set(owners.flatMap(ancestors))].filter(
    (name) => !known.has(name) && apexes.some((apex) => within(name, apex)),
  );
  const long = cluster.dnames.filter((owner) => owner.startsWith("long."));
  const queries: GeneratedQuery[] = [];
  const ask = (names: string[], count: number, form: (name: string) => GeneratedQuery): void => {
    for (let index = 0; names.length > 0 && index < count; index++) queries.push(form(random.pick(names)));
  };
  const aliases = cluster.zones
    .flatMap((zone) => zone.records)
    .filter(
      (entry) => entry.type === "CNAME" && !entry.owner.startsWith("loop") && !entry.owner.startsWith("*"),
    );
  const aliasNames = aliases.map((entry) => entry.owner.toLowerCase());
  const anyType = (): string => random.pick(QUERY_TYPES);
  ask(aliasNames, 30, (name) => ({ name, type: random.pick(["A", "A", "TXT"]) }));
  ask(cluster.wildcards, 24, (name) => ({
    name: name.replace("*", random.pick(LABELS)),
    type: random.pick(["A", "TXT"]),
  }));
  ask(loops, 4, (name) => ({ name, type: random.pick(["A", "AAAA", "TXT"]) }));
  ask(cluster.cuts, 8, (name) => ({ name, type: "DS" }));
  ask(cluster.cuts, 4, (name) => ({ name, type: anyType() }));
  ask(deep, 5, (name) => ({ name, type: anyType() }));
  ask(between, 8, (name) => ({ name: name.replace("*", random.pick(LABELS)), type: anyType() }));
  ask(cluster.dnames, 8, (name) => ({
    name: `${random.pick(LABELS)}.${name}`,
    type: random.pick(["A", "TXT"]),
  }));
  ask(long, 6, (name) => ({ name: `${"q".repeat(1 + random.below(63))}.${name}`, type: anyType() }));
  ask(long, 6, (name) => ({ name: `${"q".repeat(63)}.${"r".repeat(8)}.${name}`, type: anyType() }));
  return queries;
}

/** Proper ancestors of a name, without the root. */
function ancestors(name: string): string[] {
  const labels = name.split(".").slice(0, -1);
  return labels.slice(1).map((_, index) => `${labels.slice(index + 1).join(".")}.`);
}

function queryName(random: Random, zone: GeneratedZone, owner: string): string {
  const label = random.pick([...LABELS, "absent", "*"]);
  switch (random.below(20)) {
    case 0:
    case 1:
    case 2:
      return owner.replace(/^\*/, label);
    case 3:
    case 4:
      return `${label}.${owner.replace(/^\*\./, "")}`;
    case 5:
      return `${random.pick(LABELS)}.${label}.${owner.replace(/^\*\./, "")}`;
    case 6:
    case 7:
    case 8: {
      const parent = owner.slice(owner.indexOf(".") + 1);
      return parent.length >= zone.origin.length ? parent : owner;
    }
    case 9:
      return `${label}.${zone.origin}`;
    case 10:
      return random.chance(0.7) ? `${label}.nowhere.${random.pick(["invalid.", "test.", "example."])}` : ".";
    default:
      return owner;
  }
}

function queryType(random: Random, record: GeneratedRecord): string {
  const roll = random.below(10);
  if (roll < 4)
    return record.type === "CNAME" || record.type === "NS" ? random.pick(["A", record.type]) : record.type;
  if (roll < 7) return "A";
  return random.pick(QUERY_TYPES);
}
