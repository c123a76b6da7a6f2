import type { CompiledConfig } from "../config/compile.ts";
import { formatMatch } from "../config/override-match.ts";
import { momentText } from "../config/overrides-edit.ts";
import { isCurrent } from "../config/resolve-overrides.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_STATE,
  STATE_KNOWN,
  STATE_PROBED_UP,
} from "../health/rows.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../policy/data.ts";
import type { AddressExplanation, OperatorWord, PoolExplanation } from "../policy/explanation.ts";

/** Adds to the addresses of a pool what operators say of them, and what their probes say beside it. */
export function withOperatorWords(
  { snapshot, names, overrides, forced }: CompiledConfig,
  rows: HealthRows,
): (pool: PoolExplanation) => PoolExplanation {
  const { policy } = snapshot;
  const words = new Map<string, OperatorWord>();
  for (const [address, at] of forced.deciding.entries()) {
    const entry = overrides.entries?.[at];
    if (entry === undefined || !isCurrent(entry, Date.now())) continue;
    const { text, endpoint } = names.policy.addresses[address]!;
    const { zone, name, check } = names.policy.pools[names.policy.endpoints[endpoint]!.pool]!;
    const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
    const state = row < 0 ? 0 : rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]!;
    const isProbed = check !== null && (state & STATE_KNOWN) !== 0;
    words.set(`${zone}\n${name}\n${text}`, {
      match: formatMatch(entry.match),
      weight: entry.weight ?? 1,
      author: entry.author ?? null,
      reason: entry.reason ?? null,
      until: entry.until === undefined ? null : momentText(entry.until),
      probed: !isProbed ? null : (state & STATE_PROBED_UP) !== 0 ? "up" : "down",
    });
  }
  if (words.size === 0) return (pool) => pool;
  return (pool) => ({
    ...pool,
    endpoints: pool.endpoints.map((endpoint) => ({
      ...endpoint,
      addresses: endpoint.addresses.map((address) => {
        const said = words.get(`${pool.zone}\n${pool.name}\n${address.address}`);
        return said === undefined ? address : { ...address, said };
      }),
    })),
  });
}

/** `drained by hand (anna: kernel upgrade, until 2026-03-01T18:00:00Z): its probes say down`. */
export function forcedWords({ said }: AddressExplanation, words: string): string {
  const probes = said?.probed == null ? "" : `: its probes say ${said.probed}`;
  return `${words} by hand${noteWords(said)}${probes}`;
}

/** How much of its weight or of its clients an address takes; empty: all. */
export function takesWords({ takes, said }: AddressExplanation): string {
  const byHand =
    said === null || said.weight === 1 ? "" : `${percentWords(said.weight)} by hand${noteWords(said)}`;
  if (byHand !== "" && Math.abs(takes - said!.weight) < 0.000_1) return `takes ${byHand}`;
  if (takes >= 1) return "";
  return `takes ${percentWords(takes)} for now${byHand === "" ? "" : `, of ${byHand}`}`;
}

function noteWords(said: OperatorWord | null): string {
  if (said === null) return "";
  const { author, reason, until } = said;
  const by = [author, reason].filter((part) => part !== null).join(": ");
  const parts = [by, until === null ? "" : `until ${until}`].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** Three digits where there are as many to say. */
export function percentWords(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
