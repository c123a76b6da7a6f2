import { DEFAULT_DOUBT } from "../health/moment.ts";
import type { DoubtPlan, ProbeTarget } from "../health/plan.ts";
import { readAddress } from "./addresses.ts";
import { checkSpec } from "./health-plan.ts";
import { claimEndpointRow, type RowRegistry } from "./rows.ts";
import { SHARE_WITH_CANARIES } from "./schema-canaries.ts";
import type { ServerOptions } from "./schema-server.ts";

/** What the canaries are called where a pool has its name. */
const CANARIES = "canaries";

/** Gives canaries their rows; null: there are none left. */
export function planDoubt(
  { canaries, freeze }: Pick<ServerOptions, "canaries" | "freeze">,
  rows: RowRegistry,
): DoubtPlan | null {
  const targets: ProbeTarget[] = [];
  for (const { name, address, check } of canaries) {
    const parsed = readAddress(address);
    if (!("octets" in parsed)) continue;
    const claim = claimEndpointRow(rows, "", CANARIES, parsed.text, name);
    if (claim === null) return null;
    const spec = checkSpec(name, check);
    const place = { zone: "", pool: CANARIES, endpoint: name };
    targets.push({ ...claim, ...place, address: parsed.text, family: parsed.family, check: spec });
  }
  const share = freeze.share ?? (targets.length > 0 ? SHARE_WITH_CANARIES : DEFAULT_DOUBT.share);
  return { share, withinMs: freeze.within, canaries: targets };
}
