import { CHAIN_ENTRY_MASK, type TableData } from "../geo/table.ts";
import { tableClasses } from "../geo/table-classes.ts";
import {
  ADDRESS_FAMILY,
  ADDRESS_WORDS,
  ENDPOINT_ADDRESS_COUNT,
  ENDPOINT_FIRST_ADDRESS,
  ENDPOINT_WORDS,
  ENTRY_NODE,
  ENTRY_WORDS,
  FAMILY_NAME,
  LAST_RESORT_ADDRESSES,
  LAST_RESORT_COUNT,
  LAST_RESORT_KIND,
  LAST_RESORT_NONE,
  LAST_RESORT_POOL,
  LAST_RESORT_REF,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ALL,
  NODE_KIND_ASN,
  NODE_KIND_FAILOVER,
  NODE_KIND_GEO,
  NODE_KIND_POOL,
  NODE_KIND_SUBNETS,
  NODE_LAST_RESORT,
  NODE_LATCH,
  NODE_TABLE,
  NODE_WORDS,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_STRICT,
  POOL_WORDS,
  type PolicyData,
  RECORD_GIVES_TARGET,
  RECORD_LAST_RESORT,
  RECORD_ROOT,
  RECORD_TABLE_COUNT,
  RECORD_TABLES,
  RECORD_WORDS,
} from "./data.ts";

/** What an address is taken for: drained, so that it leaves the count; not to be had; to be had. */
export const LEVEL_DRAINED = 0;
export const LEVEL_GONE = 1;
export const LEVEL_LIVE = 2;

/** A record that some client would get no live address of, who gets one now. */
export interface Loss {
  record: number;
  /** 4, 6, or FAMILY_NAME. */
  family: number;
}

/** Words of a last resort: its kind, reference and count. */
const LAST_RESORT_WORDS = 3;

/** What may come of a node, one bit each: whoever asks and whatever the dice say. */
const LIVE = 1;
/** Nothing live, and nothing further out is asked. */
const EMPTY = 2;
/** Whatever stands further out is asked. */
const FAILED = 4;

/**
 * Combinations of chains that are looked at together. A tree with more of them, by several tables of many keys, is judged
 * by some of its tables at a time, the others open: what only a client of one class in each of them loses may be missed.
 */
const MAX_COMBINATIONS = 4096;

/** A table, and the classes of clients that it tells apart. */
type Choice = [table: number, classes: number[]];

/** One look at one record for one family; `chains`: by table; tables without one are taken for all of theirs. */
interface Look extends Ground {
  levels: Uint8Array;
  family: number;
  chains: Map<number, number>;
  /** Of nodes under these chains: many nodes may share one. */
  outcomes: Map<number, number>;
}

/** What all looks stand on. */
interface Ground {
  policy: PolicyData;
  tables: TableData;
  /** Classes of each table whose chains leave entries out. */
  classes: Map<number, number[]>;
}

/**
 * Records whose clients lose their last live address between two levels of all addresses (LEVEL_*, by their index in
 * PolicyData). Independent of who asks: every class of client is looked at. `min_healthy` plays no part, since a tree
 * that fails for its sake is walked again without it.
 */
export function findLosses(
  policy: PolicyData,
  tables: TableData,
  before: Uint8Array,
  after: Uint8Array,
): Loss[] {
  const ground: Ground = { policy, tables, classes: chainedClasses(policy, tables) };
  const losses: Loss[] = [];
  const known = new Map<string, boolean>();
  const { records } = policy;
  for (let record = 0; record < records.length / RECORD_WORDS; record++) {
    const at = record * RECORD_WORDS;
    // Records that share a tree and a last resort share their fate.
    const resort = records.slice(at + RECORD_LAST_RESORT, at + RECORD_LAST_RESORT + LAST_RESORT_WORDS).join();
    for (const family of records[at + RECORD_GIVES_TARGET] !== 0 ? [FAMILY_NAME] : [4, 6]) {
      const key = `${family} ${records[at + RECORD_ROOT]} ${resort}`;
      const isLost = known.get(key) ?? losesIn(ground, before, after, record, family);
      known.set(key, isLost);
      if (isLost) losses.push({ record, family });
    }
  }
  return losses;
}

function chainedClasses(policy: PolicyData, tables: TableData): Map<number, number[]> {
  const { nodes } = policy;
  const classes = new Map<number, number[]>();
  for (let at = 0; at < nodes.length; at += NODE_WORDS) {
    const table = nodes[at + NODE_TABLE]!;
    if (followsChain(nodes[at + NODE_KIND]!) && !classes.has(table))
      classes.set(table, tableClasses(tables, table));
  }
  return classes;
}

function followsChain(kind: number): boolean {
  return kind === NODE_KIND_GEO || kind === NODE_KIND_SUBNETS || kind === NODE_KIND_ASN;
}

function losesIn(
  ground: Ground,
  before: Uint8Array,
  after: Uint8Array,
  record: number,
  family: number,
): boolean {
  const chains = new Map<number, number>();
  const was: Look = { ...ground, levels: before, family, chains, outcomes: new Map() };
  const is: Look = { ...ground, levels: after, family, chains, outcomes: new Map() };
  // Where every client gets a live address still, nobody has lost one.
  if (recordOutcome(is, record) === LIVE) return false;
  return groupTables(ground, record).some((choices) => losesWith(was, is, record, choices, 0));
}

/** The tables of a record that leave entries out, as many in a group as MAX_COMBINATIONS allows, and at least one. */
function groupTables({ classes, policy }: Ground, record: number): Choice[][] {
  const { records, recordTables } = policy;
  const first = records[record * RECORD_WORDS + RECORD_TABLES]!;
  const count = records[record * RECORD_WORDS + RECORD_TABLE_COUNT]!;
  let group: Choice[] = [];
  const groups = [group];
  let combinations = 1;
  for (const table of recordTables.subarray(first, first + count)) {
    const own = classes.get(table);
    if (own === undefined) continue;
    if (combinations * own.length > MAX_COMBINATIONS) {
      group = [];
      groups.push(group);
      combinations = 1;
    }
    combinations *= own.length;
    group.push([table, own]);
  }
  return groups;
}

function losesWith(was: Look, is: Look, record: number, choices: Choice[], at: number): boolean {
  const choice = choices[at];
  if (choice === undefined) {
    const earlier = recordOutcome(was, record);
    const later = recordOutcome(is, record);
    return (earlier & LIVE) !== 0 && ((later & LIVE) === 0 || (earlier === LIVE && later !== LIVE));
  }
  const [table, classes] = choice;
  const isLost = classes.some((chain) => {
    was.chains.set(table, chain);
    return losesWith(was, is, record, choices, at + 1);
  });
  was.chains.delete(table);
  return isLost;
}

function recordOutcome(look: Look, record: number): number {
  const { records } = look.policy;
  const at = record * RECORD_WORDS;
  look.outcomes.clear();
  const outcome = nodeOutcome(look, records[at + RECORD_ROOT]!);
  return settled(look, outcome, records, at + RECORD_LAST_RESORT);
}

function nodeOutcome(look: Look, node: number): number {
  const known = look.outcomes.get(node);
  if (known !== undefined) return known;
  const { nodes } = look.policy;
  const at = node * NODE_WORDS;
  let outcome = branchOutcome(look, node);
  if (nodes[at + NODE_LAST_RESORT + LAST_RESORT_KIND] !== LAST_RESORT_NONE)
    outcome = settled(look, outcome, nodes, at + NODE_LAST_RESORT);
  look.outcomes.set(node, outcome);
  return outcome;
}

/** What a last resort makes of a failure. The words for `all` answer what is down: nothing live. */
function settled(look: Look, outcome: number, words: Int32Array, at: number): number {
  if ((outcome & FAILED) === 0) return outcome;
  let instead = EMPTY;
  if (words[at + LAST_RESORT_KIND] === LAST_RESORT_POOL) {
    instead = poolOutcome(look, words[at + LAST_RESORT_REF]!) === LIVE ? LIVE : EMPTY;
  } else if (words[at + LAST_RESORT_KIND] === LAST_RESORT_ADDRESSES) {
    const first = words[at + LAST_RESORT_REF]!;
    for (let address = first; address < first + words[at + LAST_RESORT_COUNT]!; address++)
      if (familyOf(look, address) === look.family) instead = LIVE;
  }
  return (outcome & ~FAILED) | instead;
}

function branchOutcome(look: Look, node: number): number {
  const { entries, nodes } = look.policy;
  const at = node * NODE_WORDS;
  const kind = nodes[at + NODE_KIND]!;
  const first = nodes[at + NODE_FIRST]!;
  if (kind === NODE_KIND_POOL) return poolOutcome(look, first);
  const child = (entry: number): number =>
    nodeOutcome(look, entries[(first + entry) * ENTRY_WORDS + ENTRY_NODE]!);
  if (followsChain(kind)) return chainedOutcome(look, nodes[at + NODE_TABLE]!, child);
  const places = Array.from({ length: nodes[at + NODE_COUNT]! }, (_, entry) => entry);
  if (kind === NODE_KIND_FAILOVER && nodes[at + NODE_LATCH]! < 0) return inOrder(places, child);
  return kind === NODE_KIND_ALL ? united(places.map(child)) : inAnyOrder(places.map(child));
}

function chainedOutcome(look: Look, table: number, child: (entry: number) => number): number {
  const { tables, chains, classes } = look;
  const outcomeOf = (chain: number): number => {
    const length = tables.chains[chain]!;
    const entries = tables.chains.slice(chain + 1, chain + 1 + length);
    return inOrder(
      [...entries].map((word) => word & CHAIN_ENTRY_MASK),
      child,
    );
  };
  const chain = chains.get(table);
  if (chain !== undefined) return outcomeOf(chain);
  return classes.get(table)!.reduce((all, each) => all | outcomeOf(each), 0);
}

function inOrder(places: readonly number[], child: (entry: number) => number): number {
  let outcome = 0;
  for (const place of places) {
    const own = child(place);
    outcome |= own & (LIVE | EMPTY);
    if ((own & FAILED) === 0) return outcome;
  }
  return outcome | FAILED;
}

/** Weight, place, load or dice say which child is first. */
function inAnyOrder(outcomes: number[]): number {
  const all = outcomes.reduce((sum, each) => sum | each, 0);
  return outcomes.every((each) => (each & FAILED) !== 0) ? all | FAILED : all & ~FAILED;
}

function united(outcomes: number[]): number {
  return outcomes.includes(LIVE) ? LIVE : inAnyOrder(outcomes);
}

/** A pool with something live has not failed, even where nothing of it is of the asked family. */
function poolOutcome(look: Look, pool: number): number {
  const { pools, endpoints } = look.policy;
  const at = pool * POOL_WORDS;
  const strict = pools[at + POOL_STRICT] !== 0;
  const first = pools[at + POOL_FIRST_ENDPOINT]!;
  let outcome = FAILED;
  for (let endpoint = first; endpoint < first + pools[at + POOL_ENDPOINT_COUNT]!; endpoint++) {
    const from = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_FIRST_ADDRESS]!;
    const end = from + endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_ADDRESS_COUNT]!;
    if (strict && hasGone(look.levels, from, end)) continue;
    for (let address = from; address < end; address++) {
      if (look.levels[address] !== LEVEL_LIVE) continue;
      if (familyOf(look, address) === look.family) return LIVE;
      outcome = EMPTY;
    }
  }
  return outcome;
}

function hasGone(levels: Uint8Array, from: number, end: number): boolean {
  for (let address = from; address < end; address++) if (levels[address] === LEVEL_GONE) return true;
  return false;
}

function familyOf({ policy }: Look, address: number): number {
  return policy.addresses[address * ADDRESS_WORDS + ADDRESS_FAMILY]!;
}
