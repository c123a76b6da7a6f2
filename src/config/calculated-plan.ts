import {
  type CalculatedPlan,
  type CheckSpec,
  type HealthPlan,
  type ProbeTarget,
  REGION_PREFIX,
} from "../health/plan.ts";
import type { OwnPoolPlan, RulePlan } from "../health/rule.ts";
import type { AddressModel, EndpointModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import { listedWay } from "../wire/listing.ts";
import { readAddress } from "./addresses.ts";
import type { RegionInput } from "./file-names.ts";
import type { Finding } from "./findings.ts";
import { ALWAYS_UP, familiesOf, targetOf } from "./health-plan.ts";
import { reporterOn } from "./load-yaml.ts";
import { isNamed, type Operands } from "./resolve-operands.ts";
import { claimEndpointRow, type RowClaim, type RowRegistry } from "./rows.ts";
import { type AnyCheckInput, type CalculatedInput, isCalculated, POOL_OPERAND } from "./schema-calculated.ts";
import type { CheckInput } from "./schema-checks.ts";

/** Calculated states depend on others, and are judged in this order; the horizon comes from what they are made of. */
const TIMING = { intervalMs: 1000, timeoutMs: 1000, fall: 1, rise: 1 };

/** Where a check is looked at: for one address of a pool, or for a region and its addresses. */
interface Site {
  zone: string;
  pool: string;
  region?: string;
  endpoint: string;
  /** Addresses that checks probe here. */
  addresses: { text: string; model: AddressModel; endpoint: EndpointModel | null }[];
  /** Pools of this region are judged without its word. */
  within: RegionInput | null;
}

export interface CalculatedPlanOptions {
  plan: HealthPlan;
  rows: RowRegistry;
  operands: Operands;
  specOf: (name: string, check: CheckInput) => CheckSpec;
  findings: Finding[];
}

/** Plans the pools whose addresses follow others; planPool has given them their rows. */
export class CalculatedPlanner {
  private readonly options: CalculatedPlanOptions;
  private readonly operands: Operands;
  private readonly calculated: CalculatedPlan[] = [];
  /** Rows of parts, by what they are claimed for. */
  private readonly parts = new Map<string, number>();
  private readonly done = new Map<string, number[][]>();
  /** What is being planned: whose state leads to whose. */
  private readonly open: { key: string; label: string }[] = [];
  private hasCircle = false;
  hasRows = true;

  constructor(options: CalculatedPlanOptions) {
    this.options = options;
    this.operands = options.operands;
  }

  /** Adds to the plan what the addresses of these pools are calculated from, and in which order. */
  plan(pools: Iterable<PoolModel>): void {
    for (const pool of pools) this.planPool(pool);
    if (this.calculated.length > 0) this.options.plan.calculated = this.calculated;
  }

  /** The pool as it is answered. */
  private planPool(pool: PoolModel): void {
    const region = this.operands.regionOf(pool);
    if (region === null) {
      this.planOwn(pool);
      return;
    }
    this.once(`pool ${pool.zone}/${pool.name}`, `pool ${pool.name}`, pool, () => {
      const own = this.planOwn(pool);
      const regionRow = this.planRegion(region);
      for (const [i, endpoint] of pool.endpoints.entries()) {
        for (const [j, model] of endpoint.addresses.entries()) {
          const row = own[i]?.[j] ?? -1;
          const rule: RulePlan = row < 0 ? { kind: "up" } : { kind: "row", row };
          this.add(pool, endpoint, model, rule, { regionRow });
        }
      }
      return [];
    });
  }

  /** Rows of the pool's addresses without its region's word. */
  private planOwn(pool: PoolModel): number[][] {
    const check = this.operands.checkOf(pool);
    const isRegional = this.operands.regionOf(pool) !== null;
    if (!isRegional && (check === null || !isCalculated(check)))
      return pool.endpoints.map(({ addresses }) => addresses.map(({ row }) => row));
    const label = isRegional ? `pool ${pool.name} alone` : `pool ${pool.name}`;
    return this.once(`own ${pool.zone}/${pool.name}`, label, pool, () =>
      pool.endpoints.map((endpoint) =>
        endpoint.addresses.map((model) => this.ownRow(pool, endpoint, model, check, isRegional)),
      ),
    );
  }

  private ownRow(
    pool: PoolModel,
    endpoint: EndpointModel,
    model: AddressModel,
    check: AnyCheckInput | null,
    isRegional: boolean,
  ): number {
    if (check === null) return -1;
    const site: Site = {
      ...{ zone: pool.zone, pool: pool.name, endpoint: endpoint.name, within: null },
      ...(pool.region === null ? {} : { region: pool.region.name }),
      addresses: [{ text: addressText(model), model, endpoint }],
    };
    if (!isCalculated(check)) return this.partRow(site, 0, pool.check!, check);
    const rule = this.ruleOf(check, site);
    if (!isRegional) {
      this.add(pool, endpoint, model, rule, {});
      return model.row;
    }
    const claim = this.claim(site, site.addresses[0]!.text, pool.check!);
    if (claim === null) return -1;
    const spec = { type: "calculated" as const, name: pool.check!, ...TIMING };
    const target = { ...targetOf(pool, endpoint, model, ALWAYS_UP, claim), check: spec, isPart: true };
    this.calculated.push({ target, rule });
    return claim.row;
  }

  /** Row of a region's check. */
  private planRegion(region: RegionInput): number {
    const { file, name } = this.operands.homeOf(region);
    const rows = this.once(`region ${file.name}/${name}`, `region ${name}`, null, () => {
      const site: Site = {
        ...{ zone: file.name, pool: REGION_PREFIX + name, endpoint: "", region: name, within: region },
        addresses: (region.address ?? []).flatMap((text) => {
          const parsed = readAddress(text);
          if (!("octets" in parsed)) return [];
          const model = { family: parsed.family, octets: parsed.octets, row: -1 };
          return [{ text: parsed.text, model, endpoint: null }];
        }),
      };
      const rule = this.ruleOf(this.operands.regionCheck(region)!, site, region.check);
      const claim = this.claim(site, "", "");
      if (claim === null) return [[-1]];
      const { zone, pool, endpoint } = site;
      const place = { zone, pool, endpoint, address: "", family: 0 as const };
      const check = { type: "calculated" as const, name: region.check!, ...TIMING };
      this.calculated.push({ target: { ...claim, ...place, check }, rule, isRegion: true });
      return [[claim.row]];
    });
    return rows[0]?.[0] ?? -1;
  }

  /** A probing check of a region is up while one of its addresses is. */
  private ruleOf(check: AnyCheckInput, site: Site, name = ""): RulePlan {
    if (!isCalculated(check)) {
      const rows = site.addresses.map((_, i) => this.partRow(site, i, name, check));
      return rows.length === 1 ? { kind: "row", row: rows[0]! } : anyOf(rows);
    }
    const of = check.of.map((operand) => this.operandRule(check, operand, site));
    if (check.calculated === "not") return { kind: "not", of: of[0]! };
    return { kind: "count", atLeast: check.atLeast, of };
  }

  private operandRule(from: CalculatedInput, operand: string, site: Site): RulePlan {
    if (!operand.startsWith(POOL_OPERAND)) {
      const check = this.operands.checkNamed(from, operand);
      return check === undefined ? { kind: "up" } : this.ruleOf(check, site, operand);
    }
    const found = this.operands.poolsNamed(from, operand)[0];
    if (found === undefined) return { kind: "up" };
    const { pool, endpoint } = found;
    const isWithin = site.within !== null && this.operands.regionOf(pool) === site.within;
    if (!isWithin) this.planPool(pool);
    const rows = isWithin
      ? this.planOwn(pool)
      : pool.endpoints.map((each) => each.addresses.map(({ row }) => row));
    if (endpoint !== undefined) return endpointRule(pool, endpoint, rows);
    if (isWithin) return { kind: "own", pool: ownPlan(pool, rows) };
    return pool.row < 0 ? { kind: "up" } : { kind: "pool", row: pool.row };
  }

  /** The row that a check has at an address, where it decides over more than itself. */
  private partRow(site: Site, index: number, name: string, check: CheckInput): number {
    const { text, model, endpoint } = site.addresses[index]!;
    const key = `${site.zone}\n${site.pool}\n${text}\n${name}`;
    const known = this.parts.get(key);
    if (known !== undefined) return known;
    const claim = this.claim(site, text, name);
    if (claim === null) return -1;
    const { zone, pool, region } = site;
    const place = {
      zone,
      name: pool,
      region: region === undefined ? null : { name: region, location: null },
    };
    const owner = endpoint ?? { name: site.endpoint, weight: 1, addresses: [] };
    const target: ProbeTarget = targetOf(place, owner, model, this.options.specOf(name, check), claim);
    this.options.plan.targets.push({ ...target, isPart: true });
    this.parts.set(key, claim.row);
    return claim.row;
  }

  private claim({ zone, pool }: Site, address: string, name: string): RowClaim | null {
    const claim = claimEndpointRow(this.options.rows, zone, pool, address, `${name}\npart`);
    if (claim === null) this.hasRows = false;
    return claim;
  }

  /** An address whose state is calculated, in the row that it is answered by. */
  private add(
    pool: PoolModel,
    endpoint: EndpointModel,
    model: AddressModel,
    rule: RulePlan,
    more: Pick<CalculatedPlan, "regionRow">,
  ): void {
    const claim = claimEndpointRow(
      this.options.rows,
      pool.zone,
      pool.name,
      addressText(model),
      pool.check ?? "",
    );
    if (claim === null) return;
    const check = { type: "calculated" as const, name: pool.check ?? "", ...TIMING };
    this.calculated.push({
      target: { ...targetOf(pool, endpoint, model, ALWAYS_UP, claim), check },
      rule,
      ...more,
    });
  }

  /** Plans something once; what leads back to itself is reported, with the way. */
  private once(key: string, label: string, pool: PoolModel | null, make: () => number[][]): number[][] {
    const known = this.done.get(key);
    if (known !== undefined) return known;
    const at = this.open.findIndex((each) => each.key === key);
    if (at >= 0) {
      this.reportCircle([...this.open.slice(at).map((each) => each.label), label], pool);
      return [];
    }
    this.open.push({ key, label });
    const rows = make();
    this.open.pop();
    this.done.set(key, rows);
    return rows;
  }

  private reportCircle(labels: string[], pool: PoolModel | null): void {
    const file = pool === null ? undefined : this.operands.fileOf(pool);
    if (this.hasCircle || pool === null || file === undefined) return;
    this.hasCircle = true;
    const key = this.operands.checkOf(pool) === null ? "region" : "check";
    const what = `pools.${pool.name}: what it is calculated from leads in a circle: ${listedWay(labels)}`;
    const expected = "states that end in probes";
    reporterOn(file.yaml, this.options.findings).error(
      ["pools", pool.name, key],
      "value",
      "CFG_CHECK_CYCLE",
      what,
      expected,
    );
  }
}

function anyOf(rows: readonly number[]): RulePlan {
  return { kind: "count", atLeast: 1, of: rows.map((row) => ({ kind: "row", row })) };
}

/** An endpoint is up as its pool says: while one of its addresses is, or while all are. */
function endpointRule(pool: PoolModel, name: string, rows: readonly number[][]): RulePlan {
  const found = pool.endpoints.flatMap((endpoint, i) => (isNamed(endpoint, name) ? [rows[i] ?? []] : []));
  const rules = found.map((list): RulePlan => {
    const of = list.map((row): RulePlan => (row < 0 ? { kind: "up" } : { kind: "row", row }));
    return { kind: "count", atLeast: pool.dualStack === "strict" ? of.length : 1, of };
  });
  return rules.length === 1 ? rules[0]! : { kind: "count", atLeast: 1, of: rules };
}

function ownPlan(pool: PoolModel, endpoints: number[][]): OwnPoolPlan {
  const { minHealthy, dualStack } = pool;
  return { endpoints, minHealthy, dualStack, ...familiesOf(pool) };
}
