import { deciderWords } from "../health/deciders.ts";
import { listed } from "../wire/listing.ts";
import { isDrained } from "./explain-pool.ts";
import type { Explanation, NodeExplanation, PoolExplanation } from "./explanation.ts";

/** Octets of one string of a TXT record (RFC 1035 section 3.3). */
const MOST_OCTETS = 255;
/** Strings of one answer, so that it stays far below 64 KB: beyond that a tree is read with `steerd explain`. */
const MOST_STRINGS = 24;

/** An explanation in a few lines of at most 255 octets, for a TXT record: answer, client, tables, path, TTL, scope. */
export function shortLines(explanation: Explanation): string[] {
  const { addresses, client, decision, family, lastResort, negative, owner, scope, tables, ttl } =
    explanation;
  const type = family === 0 ? "CNAME" : family === 4 ? "A" : "AAAA";
  const answer = addresses.length === 0 ? decision : addresses.map(({ address }) => address).join(" ");
  const source = client.source === "ecs" ? `client subnet /${client.sourceBits}` : "resolver";
  const lines = [
    `${owner} ${type}: ${answer}`,
    `client: ${client.address}, ${source}`,
    ...tables.map(
      ({ kind, matches, tile }) => `${kind}: ${matches.join(", ") || "no key matches"} (${tile})`,
    ),
    ...pathLines(explanation.root),
    ...(lastResort === null ? [] : [`last resort: ${lastResort.kind}`]),
    ...(negative === null ? [] : [`nodata: ${[negative.reason, negative.node ?? ""].join(" ").trim()}`]),
    `ttl: ${ttl.seconds} s of ${ttl.minSeconds} to ${ttl.maxSeconds}, ${limitWords(explanation)}`,
    `scope: /${scope.bits}, ${scopeWords(explanation)}`,
  ];
  const most =
    lines.length > MOST_STRINGS ? [...lines.slice(0, MOST_STRINGS - 2), ...lines.slice(-2)] : lines;
  return most.map((line) => (line.length > MOST_OCTETS ? `${line.slice(0, MOST_OCTETS - 3)}...` : line));
}

function limitWords({ ttl }: Explanation): string {
  const { limit } = ttl;
  if (limit === null) return "settled";
  return `${limit.address ?? limit.failback ?? limit.pool} can change in ${limit.horizonMs / 1000} s`;
}

function scopeWords({ scope, tables }: Explanation): string {
  if (scope.reason !== "tile") return scope.reason;
  return tables.map(({ kind, tileBits }) => `${kind} /${tileBits}`).join(" ");
}

/** What failed or is drained, and the way to what was chosen. */
function pathLines(root: NodeExplanation): string[] {
  const failed = failures(root);
  const chosen = chosenPaths(root).map((words) => `chosen: ${words}`);
  return [...failed, ...chosen, ...oddsLines(root)];
}

function failures(node: NodeExplanation): string[] {
  return node.entries.flatMap((entry) => {
    const { pool } = entry.node;
    const words = entryWords(entry.key, entry.node);
    if (entry.status === "failed")
      return [
        pool !== null && isDrained(pool) ? `drained: ${words}` : `failed: ${words}${whyDown(entry.node)}`,
      ];
    return entry.status === "chosen" ? failures(entry.node) : [];
  });
}

/** Reasons of one pool that are told; `steerd explain` has them all. */
const MOST_REASONS = 2;

/** `: refused`: why the addresses of a pool are down, each reason once. */
function whyDown({ pool }: NodeExplanation): string {
  const addresses = (pool?.endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
  const down = addresses.filter(({ state }) => state === "down");
  const reasons = down.map(({ deciders, reason }) =>
    deciders.length === 0 ? reason : `${reason} (${deciderWords(deciders)})`,
  );
  const told = [...new Set(reasons)].slice(0, MOST_REASONS);
  return told.length === 0 ? "" : `: ${told.join(", ")}`;
}

function chosenPaths(node: NodeExplanation): string[] {
  const own = nodeWords(node);
  const below = node.entries
    .filter(({ status }) => status === "chosen")
    .flatMap((entry) => {
      const chance = entry.odds === null ? "" : ` (${percentWords(entry.odds.chance)})`;
      const key = entry.key === "" ? "" : `${entry.key}: `;
      return chosenPaths(entry.node).map((path) => `${own} > ${key}${path}${chance}`);
    });
  return node.entries.length === 0 ? (node.outcome === "failed" ? [] : [own]) : below;
}

function entryWords(key: string, node: NodeExplanation): string {
  return key === "" ? nodeWords(node) : `${key}: ${nodeWords(node)}`;
}

function nodeWords(node: NodeExplanation): string {
  if (node.pool !== null) return poolWords(node.pool);
  return node.label === "" ? node.kind : `${node.label}, ${node.kind}`;
}

function poolWords({ check, endpoints, name, up }: PoolExplanation): string {
  return check === null ? `${name}, no check` : `${name}, ${up} of ${endpoints.length} up`;
}

/** `odds in eu: 192.0.2.1 75%, 192.0.2.2 25%`: of the pools that were picked from, where dice, turns or load decide. */
function oddsLines(node: NodeExplanation): string[] {
  if (node.pool === null)
    return node.entries.flatMap((entry) => (entry.status === "chosen" ? oddsLines(entry.node) : []));
  const addresses = node.pool.endpoints.flatMap((endpoint) => endpoint.addresses);
  const told = addresses.flatMap(({ address, odds }) =>
    odds === null ? [] : [`${address} ${percentWords(odds.chance)}`],
  );
  if (told.length === 0) return [];
  const draws = node.pool.draws === null ? "" : `, of ${node.pool.draws} draws`;
  return [`odds in ${node.pool.name}: ${listed(told)}${draws}`];
}

function percentWords(chance: number): string {
  return `${Number((chance * 100).toPrecision(3))}%`;
}
