import type { CheckSpec, CheckTiming, HealthPlan, HttpSpec, PoolPlan, ProbeTarget } from "../health/plan.ts";
import type { EndpointModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import { claimEndpointRow, claimPoolRow, type RowRegistry } from "./rows.ts";
import type { CheckInput, HttpInput } from "./schema-checks.ts";

/** What one check of the file asks of the prober. */
export function checkSpec(name: string, check: CheckInput): CheckSpec {
  const timing: CheckTiming = {
    intervalMs: check.interval,
    timeoutMs: check.timeout,
    fall: check.fall,
    rise: check.rise,
  };
  if (check.type === "tcp") return { ...timing, type: "tcp", name, port: check.port };
  return { ...timing, ...httpSpec(name, check) };
}

function httpSpec(name: string, check: HttpInput): Omit<HttpSpec, keyof CheckTiming> {
  const isSecure = check.type === "https";
  const headers = Object.entries(check.headers);
  return {
    type: check.type,
    name,
    port: check.port,
    path: check.path,
    host: check.host ?? "",
    ...(check.method === "GET" ? {} : { method: check.method }),
    ...(headers.length === 0 ? {} : { headers }),
    expectStatus: check.expect_status ?? [],
    expectBody: check.expect_body ?? "",
    ...(check.expect_body_regex === undefined ? {} : { expectPattern: check.expect_body_regex }),
    ...(check.expect_json === undefined ? {} : { expectJson: check.expect_json }),
    verify: isSecure && check.verify,
    ...(isSecure && check.sni !== undefined ? { sni: check.sni } : {}),
    ...(check.redirects === 0 ? {} : { redirects: check.redirects }),
  };
}

/**
 * Gives a pool and its addresses their rows, and adds them to the plan. A pool without a check is always up and needs
 * none. False: there are no rows left.
 */
export function planPool(
  plan: HealthPlan,
  pool: PoolModel,
  check: CheckSpec | null,
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
  };
  plan.pools.push(poolPlan);
  for (const endpoint of pool.endpoints) {
    const targets = planEndpoint(pool, endpoint, check, rows);
    if (targets === null) return false;
    plan.targets.push(...targets);
    poolPlan.endpoints.push(targets.map((target) => target.row));
  }
  return true;
}

function planEndpoint(
  pool: PoolModel,
  endpoint: EndpointModel,
  check: CheckSpec,
  rows: RowRegistry,
): ProbeTarget[] | null {
  const targets: ProbeTarget[] = [];
  for (const model of endpoint.addresses) {
    const address = addressText(model);
    const claim = claimEndpointRow(rows, pool.zone, pool.name, address, check.name);
    if (claim === null) return null;
    model.row = claim.row;
    const { zone, name } = pool;
    targets.push({
      ...claim,
      address,
      family: model.family,
      check,
      zone,
      pool: name,
      endpoint: endpoint.name,
      ...(endpoint.allow === undefined ? {} : { allow: endpoint.allow }),
    });
  }
  return targets;
}
