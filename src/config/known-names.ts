import { parseAddress } from "../geo/prefix.ts";
import { refusedBlock } from "../geo/reachable.ts";
import type { EndpointModel, LookupModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import type { Finding } from "./findings.ts";

/** What is known of the names that are looked up: addresses in presentation form, by name. */
export type KnownNames = ReadonlyMap<string, readonly string[]>;

/**
 * Puts what is known of its names in their place among a pool's endpoints: one endpoint for each address, in the order of
 * the addresses, so that the order of an answer never matters. An address that the pool has already is left out. Says
 * which addresses are not used.
 */
export function fillPool(pool: PoolModel, known: KnownNames, findings: Finding[]): void {
  if (pool.template === undefined) return;
  const seen = new Set(pool.template.flatMap(({ addresses }) => addresses.map(addressText)));
  pool.endpoints = pool.template.flatMap((endpoint) => {
    if (endpoint.lookup === undefined) return [endpoint];
    const texts = known.get(endpoint.lookup.name) ?? [];
    return fillEndpoint(pool, endpoint, endpoint.lookup, texts, seen, findings);
  });
}

function fillEndpoint(
  pool: PoolModel,
  { name, weight, allow = [] }: EndpointModel,
  lookup: LookupModel,
  texts: readonly string[],
  seen: Set<string>,
  findings: Finding[],
): EndpointModel[] {
  const endpoints: EndpointModel[] = [];
  const sorted = [...new Set(texts)].flatMap((text) => parseAddress(text) ?? []).sort(inOrder);
  for (const { family, octets } of sorted) {
    const address = { family, octets, row: -1 };
    const text = addressText(address);
    const block = refusedBlock({ family, octets }, allow);
    if (block !== null) {
      const what = `${lookup.name} leads to ${text}, in ${block}: the address is not used`;
      findings.push(warningAt(lookup.place, "CFG_NAME_REFUSED", `pools.${pool.name}: ${what}`, ALLOW));
    } else if (endpoints.length === lookup.maxAddresses) {
      const what = `${lookup.name} has ${sorted.length} addresses, and ${lookup.maxAddresses} are used`;
      findings.push(
        warningAt(lookup.place, "CFG_NAME_CAPPED", `pools.${pool.name}: ${what}`, "max: N, up to 64"),
      );
      break;
    } else if (!seen.has(text)) {
      seen.add(text);
      endpoints.push({ name: `${name}@${text}`, weight, addresses: [address] });
    }
  }
  return endpoints;
}

const ALLOW = "an address that anyone can reach, or allow: [PREFIX] on the endpoint";

/** IPv4 first, then by octets: whatever the order of an answer. */
function inOrder(a: { octets: Uint8Array }, b: { octets: Uint8Array }): number {
  if (a.octets.length !== b.octets.length) return a.octets.length - b.octets.length;
  const at = a.octets.findIndex((octet, i) => octet !== b.octets[i]);
  return at < 0 ? 0 : a.octets[at]! - b.octets[at]!;
}

/** `place` is `file:line`. */
function warningAt(place: string, code: string, what: string, expected: string): Finding {
  const colon = place.lastIndexOf(":");
  const line = Number(place.slice(colon + 1));
  return { severity: "warning", code, file: place.slice(0, colon), line, column: 0, what, expected };
}

/** One name to look up, for all endpoints that ask for it. */
export interface WantedName {
  name: string;
  /** The least that is asked for. */
  intervalMs: number;
  /** Where it is asked for first. */
  place: string;
}

/** The names that pools ask for, each once. */
export function wantedNames(pools: readonly PoolModel[]): WantedName[] {
  const wanted = new Map<string, WantedName>();
  for (const { lookup } of pools.flatMap(({ template = [] }) => template)) {
    if (lookup === undefined) continue;
    const { name, intervalMs, place } = lookup;
    const known = wanted.get(name);
    if (known === undefined) wanted.set(name, { name, intervalMs, place });
    else known.intervalMs = Math.min(known.intervalMs, intervalMs);
  }
  return [...wanted.values()];
}
