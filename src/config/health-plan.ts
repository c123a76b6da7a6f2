import { formatAddress } from "../geo/prefix.ts";
import type {
  CheckSpec,
  CheckTiming,
  DnsSpec,
  HealthPlan,
  HttpSpec,
  LoadSpec,
  PoolPlan,
  ProbeTarget,
  RequestSpec,
  ResponseSpec,
  TlsSpec,
} from "../health/plan.ts";
import type { AddressModel, EndpointModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import { claimEndpointRow, claimPoolRow, type RowClaim, type RowRegistry } from "./rows.ts";
import type { CheckInput, DnsInput, Http2Input, HttpInput } from "./schema-checks.ts";
import { canonicalAnswer } from "./schema-dns.ts";
import type { LoadInput } from "./schema-load.ts";

/** A fleet that fails together passes its probes again within one interval: this keeps the returns further apart. */
const JITTER_INTERVALS = 2;

/** What one check of the file asks of the prober. */
export function checkSpec(name: string, check: CheckInput): CheckSpec {
  return { ...timingOf(check), ...requestOf(name, check) };
}

/** Rules that a check does not use stay out. */
function timingOf(check: CheckInput): CheckTiming {
  const { interval: intervalMs, timeout: timeoutMs, fall, rise, fast_interval: fastIntervalMs } = check;
  const rules = {
    holdDownMs: check.hold_down.down,
    holdHealthyMs: check.hold_down.healthy,
    startGraceMs: check.start_grace,
    dampingMs: check.damping,
    returnJitterMs: check.return_jitter ?? JITTER_INTERVALS * intervalMs,
  };
  const warningScale = "warning_weight" in check ? check.warning_weight : undefined;
  return {
    intervalMs,
    timeoutMs,
    fall,
    rise,
    ...(fastIntervalMs === undefined ? {} : { fastIntervalMs }),
    ...(check.ok_reset === 1 ? {} : { okReset: check.ok_reset }),
    ...(check.window === undefined ? {} : { windowMs: check.window }),
    ...(warningScale === undefined ? {} : { warningScale }),
    ...Object.fromEntries(Object.entries(rules).filter(([, ms]) => ms > 0)),
  };
}

/** A check without its timing. */
type Untimed<T> = T extends CheckTiming ? Omit<T, keyof CheckTiming> : never;

function requestOf(name: string, check: CheckInput): Untimed<CheckSpec> {
  switch (check.type) {
    case "tcp":
      return { type: "tcp", name, port: check.port };
    case "http":
    case "https":
      return httpSpec(name, check);
    case "http2": {
      const port = check.port ?? (check.tls ? 443 : 80);
      return {
        type: "http2",
        name,
        ...messageSpec(check),
        port,
        ...tlsSpec(check, check.tls),
        tls: check.tls,
      };
    }
    case "grpc": {
      const { port, service, tls } = check;
      return { type: "grpc", name, port, host: check.host ?? "", service, ...tlsSpec(check, tls), tls };
    }
    case "dns":
      return dnsSpec(name, check);
    case "tls": {
      const { port, verify, warn_days: warnDays } = check;
      return { type: "tls", name, port, host: check.host ?? "", verify, warnDays };
    }
    case "icmp":
      return { type: "icmp", name };
    case "exec":
      return { type: "exec", name, command: check.command };
    case "file":
      return { type: "file", name, path: check.path, maxAgeMs: check.max_age };
    case "static":
      return { type: "static", name, up: check.state === "up" };
    default:
      return check satisfies never;
  }
}

function httpSpec(name: string, check: HttpInput): Untimed<HttpSpec> {
  const isSecure = check.type === "https";
  const warnDays = check.type === "https" ? check.warn_days : 0;
  return {
    type: check.type,
    name,
    port: check.port,
    ...messageSpec(check),
    ...tlsSpec(check, isSecure),
    ...(check.redirects === 0 ? {} : { redirects: check.redirects }),
    ...(check.reuse === 1 ? {} : { reuse: check.reuse }),
    ...(warnDays === 0 ? {} : { warnDays }),
  };
}

/** What is asked for and expected, over any version of HTTP; what is not given stays out. */
function messageSpec(check: HttpInput | Http2Input): Omit<RequestSpec, "port"> & ResponseSpec {
  const headers = Object.entries(check.headers);
  return {
    path: check.path,
    host: check.host ?? "",
    ...(check.method === "GET" ? {} : { method: check.method }),
    ...(headers.length === 0 ? {} : { headers }),
    expectStatus: check.expect_status ?? [],
    expectBody: check.expect_body ?? "",
    ...(check.expect_body_regex === undefined ? {} : { expectPattern: check.expect_body_regex }),
    ...(check.expect_json === undefined ? {} : { expectJson: check.expect_json }),
    ...(check.load === undefined ? {} : { load: loadSpec(check.load, check.interval) }),
  };
}

/** Reports outlive so many intervals, and this time, unless the check says otherwise. */
const REPORT_INTERVALS = 3;
const REPORT_MS = 30_000;

function loadSpec({ path = [], header = "", expire }: LoadInput, intervalMs: number): LoadSpec {
  const expireMs = expire ?? Math.max(REPORT_MS, REPORT_INTERVALS * intervalMs);
  return { path, header: header.toLowerCase(), expireMs };
}

function tlsSpec(check: CheckInput, isSecure: boolean): TlsSpec {
  const sni = "sni" in check && isSecure ? check.sni : undefined;
  const verify = isSecure && "verify" in check && check.verify;
  return { verify, ...(sni === undefined ? {} : { sni }) };
}

function dnsSpec(name: string, check: DnsInput): Untimed<DnsSpec> {
  const { port, query, query_type: queryType, transport, recursion, expect_rcode: expectRcode } = check;
  const expectAnswer = (check.expect_answer ?? []).map((text) => canonicalAnswer(queryType, text)!);
  return { type: "dns", name, port, query, queryType, transport, recursion, expectRcode, expectAnswer };
}

/** The check of an address that needs a row, though nothing is to be probed. */
export const ALWAYS_UP: CheckSpec = {
  type: "static",
  name: "",
  up: true,
  intervalMs: 3_600_000,
  timeoutMs: 1000,
  fall: 1,
  rise: 1,
};

/**
 * Gives a pool and its addresses their rows, and adds them to the plan. A pool without a check is always up and needs
 * none; what calculated ones follow is added by calculated-plan.ts. False: there are no rows left.
 */
export function planPool(
  plan: HealthPlan,
  pool: PoolModel,
  check: CheckSpec | "calculated" | null,
  rows: RowRegistry,
): boolean {
  if (check === null) return true;
  const claim = claimPoolRow(rows, pool.zone, pool.name);
  if (claim === null) return false;
  pool.row = claim.row;
  const poolPlan: PoolPlan = {
    ...claim,
    zone: pool.zone,
    pool: pool.name,
    endpoints: [],
    minHealthy: pool.minHealthy,
    dualStack: pool.dualStack,
    ...familiesOf(pool),
    ...(pool.budget === undefined ? {} : { budget: pool.budget }),
  };
  plan.pools.push(poolPlan);
  for (const endpoint of pool.endpoints) {
    const own: number[] = [];
    for (const model of endpoint.addresses) {
      const name = typeof check === "string" ? (pool.check ?? "") : check.name;
      const claimed = claimEndpointRow(rows, pool.zone, pool.name, addressText(model), name);
      if (claimed === null) return false;
      model.row = claimed.row;
      own.push(claimed.row);
      if (typeof check !== "string") plan.targets.push(targetOf(pool, endpoint, model, check, claimed));
    }
    poolPlan.endpoints.push(own);
  }
  return true;
}

/** Families of a pool's addresses, where `min_healthy` asks for them. */
export function familiesOf({ minHealthy, endpoints }: PoolModel): Pick<PoolPlan, "families"> {
  if (!("families" in minHealthy)) return {};
  return { families: endpoints.map(({ addresses }) => addresses.map(({ family }) => family)) };
}

/** What is to be probed at an address. */
export function targetOf(
  {
    zone,
    name,
    region,
    slowStartMs,
    shed,
  }: Pick<PoolModel, "zone" | "name" | "region" | "slowStartMs" | "shed">,
  endpoint: EndpointModel,
  model: AddressModel,
  check: CheckSpec,
  claim: RowClaim,
): ProbeTarget {
  return {
    ...claim,
    address: addressText(model),
    family: model.family,
    check,
    zone,
    pool: name,
    endpoint: endpoint.name,
    ...(slowStartMs === undefined ? {} : { slowStartMs }),
    ...(shed === undefined ? {} : { shed }),
    ...(region === null ? {} : { region: region.name }),
    ...(model.probe === undefined ? {} : { probe: probeOf(model.probe) }),
    ...(endpoint.allow === undefined ? {} : { allow: endpoint.allow }),
  };
}

function probeOf({ family, octets }: NonNullable<AddressModel["probe"]>): NonNullable<ProbeTarget["probe"]> {
  return { address: formatAddress(family, octets), family };
}
