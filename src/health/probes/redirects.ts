import type { HealthClock, ProbeResult, RunningProbe } from "../probe.ts";
import { REASON_REDIRECT_INVALID, REASON_REDIRECT_LIMIT, REASON_STATUS, type Reason } from "../reasons.ts";
import { type ExchangePlan, startExchange } from "./exchange.ts";
import type { ResponseReader } from "./response.ts";

/** Where a request goes, at the address that is probed. */
export interface RequestPlace {
  isSecure: boolean;
  port: number;
  /** Host header. */
  host: string;
  path: string;
}

/** Makes the exchange for a place, or null when no request can be made of it. */
type PlanFor = (place: RequestPlace) => HttpExchange | null;

/** An exchange that knows where a redirect leads. */
export type HttpExchange = ExchangePlan & { response: ResponseReader };

/** Longest Location that is followed. */
const LOCATION_MAX = 2_048;

/**
 * An exchange, and those that its redirects lead to, at most `limit` of them, within one deadline. Whatever host a
 * redirect names, the connection goes to the address that is probed: another one would say nothing about it, and might
 * be one that must not be probed. The phases are those of the first exchange.
 */
export function startFollowing(
  planFor: PlanFor,
  first: RequestPlace,
  limit: number,
  clock: HealthClock,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const startMs = clock.nowMs();
  let phases: ProbeResult | null = null;
  let running: RunningProbe | null = null;
  let isCancelled = false;
  const finish = (result: ProbeResult, reason: Reason): void => {
    const { connectMs, tlsMs, firstOctetMs } = phases ?? result;
    const totalMs = clock.nowMs() - startMs;
    done({
      ...result,
      ok: result.ok && reason === result.reason,
      reason,
      connectMs,
      tlsMs,
      firstOctetMs,
      totalMs,
    });
  };
  const go = (place: RequestPlace, plan: HttpExchange, left: number): void => {
    running = startExchange(plan, clock, (result) => {
      const location = plan.response.location;
      if (!isRedirect(result) || location === "") return finish(result, result.reason);
      if (left === 0) return finish(result, REASON_REDIRECT_LIMIT);
      const next = placeOf(location, place);
      const following = next === null ? null : planFor(next);
      phases ??= result;
      if (next === null || following === null) finish(result, REASON_REDIRECT_INVALID);
      else if (!isCancelled) go(next, following, left - 1);
    });
  };
  const plan = planFor(first);
  if (plan !== null) go(first, plan, limit);
  return {
    expire: () => running?.expire(),
    cancel: () => {
      isCancelled = true;
      running?.cancel();
    },
  };
}

/** A redirect that was not what the check expects (RFC 9110 section 15.4). */
function isRedirect({ reason, status }: ProbeResult): boolean {
  return reason === REASON_STATUS + status && [301, 302, 303, 307, 308].includes(status);
}

/** Where a Location leads from a place; null: nowhere over HTTP. */
function placeOf(location: string, from: RequestPlace): RequestPlace | null {
  const base = `${from.isSecure ? "https" : "http"}://${from.host}${from.path}`;
  if (location.length > LOCATION_MAX || !URL.canParse(location, base)) return null;
  const { protocol, host, port, pathname, search } = new URL(location, base);
  if (protocol !== "http:" && protocol !== "https:") return null;
  const isSecure = protocol === "https:";
  const isOwnHost = isSecure === from.isSecure && host === new URL(base).host;
  return {
    isSecure,
    // The check's port may differ from the one that its host names.
    port: isOwnHost ? from.port : Number(port) || (isSecure ? 443 : 80),
    host,
    path: `${pathname}${search}`,
  };
}
