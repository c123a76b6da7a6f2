import { findLosses, type Loss } from "../policy/losses.ts";
import type { PolicyNames } from "../policy/names.ts";
import { listed } from "../wire/listing.ts";
import type { Finding } from "./findings.ts";
import { formatMatch, isPlain, matchesPlace, matchesPool, type OverrideMatch } from "./override-match.ts";
import { forcedLevels, nearest, type OverrideGround, resolveOverrides } from "./resolve-overrides.ts";
import type { OverrideInput } from "./schema-overrides.ts";

/** What speaks against putting an entry at the end of the file of forced states. */
export interface Judgement {
  /** What was meant instead of a selector that names nothing; null: it names something. */
  unmatched: string | null;
  /** Selectors that name one thing each, where this one names several. */
  ambiguous: string[];
  /** Records that some client would get no live address of, as `www.example.com. (A)`. */
  losses: string[];
  /** Addresses that the entry counts for, and their endpoints, as `pool:zone/pool/endpoint`. */
  addresses: string[];
  /** Addresses that the entry is about, and that another one keeps out of answers: the entry is a weight alone. */
  held: HeldAddress[];
  /** Of `addresses`: what another entry, or one about the same selector, said of them until now. */
  was: ForcedBefore[];
}

export interface ForcedBefore {
  address: string;
  state: "up" | "down" | "drain" | null;
  /** 0 to 1. */
  weight: number;
  /** Selector of the entry that said so. */
  by: string;
}

export interface HeldAddress {
  address: string;
  state: "down" | "drain";
  /** Selector of the entry that says so. */
  by: string;
}

/**
 * Judges the last of the entries against what holds without it. `probedUp`: whether probes say that an address is up;
 * null where no server runs: then all are.
 */
export function judgeLast(
  before: readonly OverrideInput[],
  after: readonly OverrideInput[],
  ground: OverrideGround,
  nowMs: number,
  probedUp: ((address: number) => boolean) | null,
): Judgement {
  const last = after.at(-1)!;
  const lastAt = after.length - 1;
  const { policy, tables, names } = ground;
  const forced = after.map((entry, at) => (at === lastAt ? { ...entry, force: true } : entry));
  const then = resolveOverrides(forced, ground, nowMs);
  const isUp = probedUp ?? (() => true);
  const now = resolveOverrides(before, ground, nowMs);
  const levelsBefore = forcedLevels(before, now, isUp);
  const losses: Loss[] = findLosses(policy, tables, levelsBefore, forcedLevels(forced, then, isUp));
  const ignored = last.force ? undefined : resolveOverrides(after, ground, nowMs).ignored.get(lastAt);
  if (ignored !== undefined) losses.push(ignored);
  const addresses = [...then.deciding.keys()].filter((address) => then.deciding[address] === lastAt);
  const textOf = (address: number): string => {
    const { text, endpoint } = names.addresses[address]!;
    const { pool, name } = names.endpoints[endpoint]!;
    return `${names.pools[pool]!.name}/${name} ${text}`;
  };
  return {
    unmatched: then.unmatched.includes(lastAt) ? nearest(last.match, names) : null,
    ambiguous: ambiguityOf(last.match, names),
    losses: [
      ...new Set(losses.map(({ record, family }) => `${names.records[record]!.owner} (${FAMILIES[family]})`)),
    ],
    addresses: addresses.map(textOf),
    held: addressesOf(last.match, names).flatMap((address) => {
      const at = then.deciding[address]!;
      const holder = at < 0 || at === lastAt ? undefined : forced[at];
      if (holder === undefined || (holder.state !== "down" && holder.state !== "drain")) return [];
      return [{ address: textOf(address), state: holder.state, by: formatMatch(holder.match) }];
    }),
    was: addresses.flatMap((address) => {
      const entry = before[now.deciding[address]!];
      if (entry === undefined) return [];
      const { state = null, weight = 1, match } = entry;
      return [{ address: textOf(address), state, weight, by: formatMatch(match) }];
    }),
  };
}

/** Addresses that a selector is about: indexes into PolicyNames.addresses. */
function addressesOf(match: OverrideMatch, names: PolicyNames): number[] {
  return [...names.addresses.entries()].flatMap(([address, { endpoint }]) => {
    if (endpoint < 0) return [];
    const { pool, name } = names.endpoints[endpoint]!;
    const { zone, name: poolName, region } = names.pools[pool]!;
    return matchesPlace(match, { zone, pool: poolName, region, endpoint: name }) ? [address] : [];
  });
}

const FAMILIES: Record<number, string> = { 0: "CNAME", 4: "A", 6: "AAAA" };

/** Why an entry could not be judged, and is not written. */
export function unjudged(what: string, expected: string): Finding {
  const place = { file: "refused", line: 0, column: 0 };
  return { severity: "error", code: "CFG_OVERRIDE_UNJUDGED", ...place, what, expected };
}

/** The server that was asked takes its forced states from another file than the one that was changed. */
export function readElsewhere(file: string, socket: string, read: string): Finding {
  const what = `the server on ${socket} reads ${read}`;
  const expected = "one file for both: steerd.yaml has changed since the server last took it over";
  return { severity: "error", code: "CFG_OVERRIDE_ELSEWHERE", file, line: 0, column: 0, what, expected };
}

/** A name that several zones have is none that a person should use without its zone. */
function ambiguityOf(match: OverrideMatch, names: PolicyNames): string[] {
  if (match.kind === "region" || match.zone !== null || !isPlain(match)) return [];
  const zones = names.pools.filter(({ zone, name, region }) =>
    matchesPool(match, { zone, pool: name, region }),
  );
  return zones.length < 2 ? [] : zones.map(({ zone }) => formatMatch({ ...match, zone }));
}

/** What is wrong, as findings; `isForced`: losses are meant. */
export function judgementFindings(
  judgement: Judgement,
  { match, state, weight }: Pick<OverrideInput, "match" | "state" | "weight">,
  isForced: boolean,
): Finding[] {
  const { unmatched, ambiguous, losses } = judgement;
  const text = formatMatch(match);
  const finding = (code: string, what: string, expected: string): Finding => {
    return { severity: "error", code, file: "refused", line: 0, column: 0, what, expected };
  };
  if (unmatched !== null)
    return [finding("CFG_OVERRIDE_UNMATCHED", `no endpoint is called ${text}`, unmatched)];
  if (ambiguous.length > 0)
    return [finding("CFG_OVERRIDE_AMBIGUOUS", `${text} is in several zones`, `one of ${listed(ambiguous)}`)];
  if (isForced || losses.length === 0) return [];
  const shown = losses.slice(0, MAX_SHOWN).join(", ");
  const more = losses.length > MAX_SHOWN ? ` and ${losses.length - MAX_SHOWN} more` : "";
  const verb = state ?? (weight === undefined ? "it" : "weight");
  const what = `${verb} of ${text} would leave some clients without a live address: ${shown}${more}`;
  return [finding("CFG_OVERRIDE_EMPTIES", what, "--force, if that is meant")];
}

const MAX_SHOWN = 5;
