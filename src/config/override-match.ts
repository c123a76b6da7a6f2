/** What one entry of overrides.yaml is about; null: whatever it is called. */
export type OverrideMatch =
  | { kind: "region"; region: string }
  | { kind: "pool"; zone: string | null; pool: string; endpoint: string | null };

/** An endpoint, as far as a glob can tell it from others. */
export interface MatchedPlace {
  zone: string;
  pool: string;
  region: string | null;
  endpoint: string;
}

export const MATCH_EXPECTED =
  "region:R or pool:[ZONE/]POOL[/ENDPOINT], in which * stands for any letters and ? for one";

/** Longest names of each part, with room for what stands between them. */
const MAX_MATCH_LENGTH = 400;

/** What a part may hold: names and addresses, and the two signs that stand for others. */
const PART = /^[a-z0-9*?._:@-]+$/i;

/**
 * Reads `region:R` or `pool:[ZONE/]POOL[/ENDPOINT]`; null: neither. Of two parts the first is a zone when a dot stands in
 * it: pools have none in their names, and a zone of one label is written with its final dot.
 */
export function parseMatch(text: string): OverrideMatch | null {
  const [, kind, rest] = /^(region|pool):(.+)$/.exec(text) ?? [];
  if (rest === undefined || text.length > MAX_MATCH_LENGTH) return null;
  const parts = rest.split("/");
  if (!parts.every((part) => PART.test(part))) return null;
  if (kind === "region") return parts.length === 1 ? { kind, region: parts[0]! } : null;
  const hasZone = parts.length === 3 || (parts.length === 2 && parts[0]!.includes("."));
  const [pool, endpoint = null, more] = hasZone ? parts.slice(1) : parts;
  if (more !== undefined || pool === undefined) return null;
  return { kind: "pool", zone: hasZone ? withoutDot(parts[0]!) : null, pool, endpoint };
}

/** As parseMatch reads it; a single-label zone keeps the dot that tells it from a pool. */
export function formatMatch(match: OverrideMatch): string {
  if (match.kind === "region") return `region:${match.region}`;
  const zone = match.zone === null ? [] : [match.zone.includes(".") ? match.zone : `${match.zone}.`];
  return `pool:${[...zone, match.pool, ...(match.endpoint === null ? [] : [match.endpoint])].join("/")}`;
}

/** True when the entry is about this endpoint. */
export function matchesPlace(match: OverrideMatch, place: MatchedPlace): boolean {
  return (
    matchesPool(match, place) && (match.kind === "region" || matchesPart(match.endpoint, place.endpoint))
  );
}

/** True when the entry is about endpoints of this pool, perhaps. */
export function matchesPool(match: OverrideMatch, place: Omit<MatchedPlace, "endpoint">): boolean {
  if (match.kind === "region") return place.region !== null && matchesGlob(match.region, place.region);
  return matchesPart(match.zone, withoutDot(place.zone)) && matchesGlob(match.pool, place.pool);
}

/** True when it names one thing each, and no glob. */
export function isPlain(match: OverrideMatch): boolean {
  const parts = match.kind === "region" ? [match.region] : [match.zone, match.pool, match.endpoint];
  return !parts.some((part) => part !== null && /[*?]/.test(part));
}

function matchesPart(glob: string | null, text: string): boolean {
  return glob === null || matchesGlob(glob, text);
}

function withoutDot(zone: string): string {
  return zone.length > 1 ? zone.replace(/\.$/, "") : zone;
}

/**
 * Whether a glob stands for a text, letters of either case alike: `*` for any letters, none too, `?` for one. After a
 * mismatch only the last `*` takes one letter more, which is enough: time is at most the product of both lengths.
 */
export function matchesGlob(glob: string, text: string): boolean {
  const pattern = glob.toLowerCase();
  const word = text.toLowerCase();
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < word.length; ) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at++;
      resume = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === word[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** The match of a selector as people write it on the command line, where `eu` and `eu/lb1` are of pools; null: none. */
export function parseSelector(text: string): OverrideMatch | null {
  return parseMatch(text) ?? parseMatch(`pool:${text}`);
}
