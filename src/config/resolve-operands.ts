import type { EndpointModel, PoolModel } from "../policy/model.ts";
import { listed, listedWay } from "../wire/listing.ts";
import { suggest } from "../zone/suggest.ts";
import { readAddress } from "./addresses.ts";
import { refusedTarget } from "./check-probes.ts";
import { isBroken } from "./damage.ts";
import type { NamedFile, RegionInput } from "./file-names.ts";
import type { Finding } from "./findings.ts";
import { reporterOn } from "./load-yaml.ts";
import { oneOf, pathText, type Reporter, unknownName } from "./problem.ts";
import {
  type AnyCheckInput,
  type CalculatedInput,
  isCalculated,
  operandPath,
  POOL_OPERAND,
} from "./schema-calculated.ts";
import type { CheckInput } from "./schema-checks.ts";
import type { ServerOptions } from "./schema-server.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A pool, or an endpoint of it, that a calculated check names. */
export interface PoolOperand {
  pool: PoolModel;
  /** Absent: the pool as a whole. */
  endpoint?: string;
}

/** States that one calculated check may read: it is looked at whenever one of them changes. */
const MAX_SIZE = 256;
/** Longest way from a check to what it is calculated from, in checks. */
const MAX_DEPTH = 32;

/** What the operands of calculated checks and the checks of regions mean, in all files. */
export class Operands {
  private readonly files: ReadonlyMap<string, NamedFile>;
  /** The file in which a check or a region stands, and its name there. */
  private readonly homes = new Map<AnyCheckInput | RegionInput, { file: NamedFile; name: string }>();

  constructor(files: readonly NamedFile[]) {
    this.files = new Map(files.map((file) => [file.name, file]));
    for (const file of files) {
      const { checks, regions } = file.yaml.rest!;
      for (const [name, check] of Object.entries(checks)) this.homes.set(check, { file, name });
      for (const [name, region] of Object.entries(regions)) this.homes.set(region, { file, name });
    }
  }

  fileOf(pool: PoolModel): NamedFile | undefined {
    return this.files.get(pool.zone);
  }

  homeOf(input: AnyCheckInput | RegionInput): { file: NamedFile; name: string } {
    return this.homes.get(input)!;
  }

  checkOf(pool: PoolModel): AnyCheckInput | null {
    return pool.check === null ? null : (this.fileOf(pool)?.checks[pool.check] ?? null);
  }

  /** The region of a pool, where it has a check. */
  regionOf({ region, zone }: PoolModel): RegionInput | null {
    const input = region === null ? undefined : this.files.get(zone)?.regions[region.name];
    // A check that is not there has been reported.
    return input?.check === undefined || this.regionCheck(input) === undefined ? null : input;
  }

  /** True when the states of its addresses follow others. */
  isCalculated(pool: PoolModel): boolean {
    const check = this.checkOf(pool);
    return (check !== null && isCalculated(check)) || this.regionOf(pool) !== null;
  }

  /** Pools that the state of a pool is calculated from. */
  neededBy(pool: PoolModel): PoolModel[] {
    const region = this.regionOf(pool);
    const checks = [this.checkOf(pool), region === null ? null : this.regionCheck(region)];
    return checks.flatMap((check) => (check === null || check === undefined ? [] : this.poolsOf(check)));
  }

  /** Takes back that nothing uses a pool: a check of another file does. */
  retractUnused(pool: PoolModel, findings: Finding[]): void {
    const file = this.fileOf(pool);
    if (file === undefined) return;
    const { line, column } = reporterOn(file.yaml, []).placeOf(["pools", pool.name], "key");
    const at = findings.findIndex(
      (found) =>
        found.code === "CFG_UNUSED" &&
        found.file === file.yaml.file &&
        found.line === line &&
        found.column === column,
    );
    if (at >= 0) findings.splice(at, 1);
  }

  /** The check of a region. */
  regionCheck(region: RegionInput): AnyCheckInput | undefined {
    return this.homeOf(region).file.checks[region.check!];
  }

  /** The check that a name means in a calculated check. */
  checkNamed(from: CalculatedInput, name: string): AnyCheckInput | undefined {
    return this.homeOf(from).file.checks[name];
  }

  /** Pools that fit `pool:[ZONE/]POOL[/ENDPOINT]`, where it stands: those that its file sees come before others. */
  poolsNamed(from: CalculatedInput, operand: string): PoolOperand[] {
    const parts = operand.slice(POOL_OPERAND.length).split("/");
    const seen = fitting([...this.homeOf(from).file.pools.values()], parts, false);
    if (seen.length > 0) return seen;
    const all = [...this.files.values()].flatMap(({ name, pools }) =>
      [...pools.values()].filter((pool) => pool?.zone === name),
    );
    return fitting(all, parts, true);
  }

  /** Checks that probe, of all that a check is calculated from. */
  leavesOf(check: AnyCheckInput, seen = new Set<AnyCheckInput>()): CheckInput[] {
    if (seen.has(check) || seen.size > MAX_SIZE) return [];
    seen.add(check);
    if (!isCalculated(check)) return [check];
    return check.of.flatMap((operand) => {
      const found = operand.startsWith(POOL_OPERAND) ? undefined : this.checkNamed(check, operand);
      return found === undefined ? [] : this.leavesOf(found, seen);
    });
  }

  /** Pools that a check is calculated from. */
  poolsOf(check: AnyCheckInput, seen = new Set<AnyCheckInput>()): PoolModel[] {
    if (seen.has(check) || seen.size > MAX_SIZE || !isCalculated(check)) return [];
    seen.add(check);
    return check.of.flatMap((operand) => {
      if (operand.startsWith(POOL_OPERAND)) return this.poolsNamed(check, operand).map(({ pool }) => pool);
      const found = this.checkNamed(check, operand);
      return found === undefined ? [] : this.poolsOf(found, seen);
    });
  }

  /** Reports what is wrong with the calculated checks and the regions of all files. False: checks lead in a circle, or to too much. */
  check(allow: ServerOptions["probes"]["allow"], findings: Finding[]): boolean {
    const before = findings.length;
    for (const file of this.files.values()) {
      const reporter = reporterOn(file.yaml, findings);
      for (const [name, check] of Object.entries(file.yaml.rest!.checks))
        if (isCalculated(check)) this.checkCalculated(file, name, check, reporter);
      for (const [name, region] of Object.entries(file.yaml.rest!.regions))
        this.checkRegion(file, name, region, allow, reporter);
    }
    return findings
      .slice(before)
      .every(({ code }) => code !== "CFG_CHECK_CYCLE" && code !== "CFG_CHECK_SIZE");
  }

  private checkCalculated(file: NamedFile, name: string, check: CalculatedInput, reporter: Reporter): void {
    for (const [index, operand] of check.of.entries()) {
      const path = operandPath(name, check, index);
      if (operand.startsWith(POOL_OPERAND)) this.checkPool(file, check, operand, path, reporter);
      else if (lacksCheck(file, operand)) {
        const what = `${pathText(path)}: "${operand}" is not a check`;
        reporter.error(
          path,
          "value",
          "CFG_CHECK_UNKNOWN",
          ...unknownName(what, operand, Object.keys(file.checks)),
        );
      }
    }
    const circle = this.circleFrom(check, name, [], new Set());
    if (circle === "deep") {
      const what = `checks.${name} goes through more than ${MAX_DEPTH} other checks one after the other`;
      reporter.error(["checks", name], "key", "CFG_CHECK_SIZE", what, `at most ${MAX_DEPTH}`);
      return;
    }
    if (circle === null) {
      const size = this.sizeOf(check, new Map());
      if (size <= MAX_SIZE) return;
      const what = `checks.${name} is calculated from ${size} states, those of its parts counted each time`;
      reporter.error(["checks", name], "key", "CFG_CHECK_SIZE", what, `at most ${MAX_SIZE}`);
      return;
    }
    const what = `checks.${name}: the checks lead in a circle: ${listedWay(circle)}`;
    reporter.error(["checks", name], "key", "CFG_CHECK_CYCLE", what, "checks that end in probes or pools");
  }

  /** Names from a check back to itself; null: there is no such way; "deep": a way is too long to be followed. */
  private circleFrom(
    start: CalculatedInput,
    name: string,
    path: string[],
    seen: Set<AnyCheckInput>,
    at = start,
  ): string[] | "deep" | null {
    const names = [...path, name];
    if (names.length > MAX_DEPTH) return "deep";
    for (const operand of at.of) {
      const found = operand.startsWith(POOL_OPERAND) ? undefined : this.checkNamed(at, operand);
      if (found === start) return [...names, operand];
      if (found === undefined || !isCalculated(found) || seen.has(found)) continue;
      seen.add(found);
      const circle = this.circleFrom(start, operand, names, seen, found);
      if (circle !== null) return circle;
    }
    return null;
  }

  /** States that a check reads when all names in it are put in; without circles. */
  private sizeOf(check: AnyCheckInput, known: Map<AnyCheckInput, number>): number {
    if (!isCalculated(check)) return 1;
    const before = known.get(check);
    if (before !== undefined) return before;
    known.set(check, 1);
    let size = 0;
    for (const operand of check.of) {
      const found = operand.startsWith(POOL_OPERAND) ? undefined : this.checkNamed(check, operand);
      size += found === undefined ? 1 : this.sizeOf(found, known);
    }
    known.set(check, size);
    return size;
  }

  private checkPool(
    file: NamedFile,
    check: CalculatedInput,
    operand: string,
    path: YamlPath,
    reporter: Reporter,
  ): void {
    const found = this.poolsNamed(check, operand);
    if (found.length === 1 || (found.length === 0 && !file.isComplete)) return;
    if (found.length > 1) {
      const choices = found.map(
        ({ pool }) => `${POOL_OPERAND}${pool.zone}/${operand.slice(POOL_OPERAND.length)}`,
      );
      const what = `${pathText(path)}: "${operand}" is in ${found.length} files`;
      reporter.error(path, "value", "CFG_POOL_UNKNOWN", what, `one of ${listed(choices)}`);
      return;
    }
    // A pool that is wrong has been reported.
    const [first = "", second = ""] = operand.slice(POOL_OPERAND.length).split("/");
    for (const each of this.files.values())
      for (const name of [first, each.name === first.replace(/\.$/, "") ? second : ""])
        if (each.pools.get(name) === null || isBroken(each.broken, "pools", name)) return;
    const what = `${pathText(path)}: "${operand}" is not a pool, nor an endpoint of one`;
    const names = [...file.pools.keys()];
    const close = names.includes(first) ? undefined : suggest(first, names);
    const meant = close === undefined ? "" : `: did you mean ${operand.replace(first, () => close)}?`;
    const known = names.map((name) => POOL_OPERAND + name);
    const expected = close === undefined ? oneOf(operand, known) : "";
    reporter.error(path, "value", "CFG_POOL_UNKNOWN", `${what}${meant}`, expected);
  }

  private checkRegion(
    file: NamedFile,
    name: string,
    region: RegionInput,
    allow: ServerOptions["probes"]["allow"],
    reporter: Reporter,
  ): void {
    if (region.check === undefined) return;
    const path: YamlPath = ["regions", name];
    const check = file.checks[region.check];
    if (check === undefined) {
      if (!lacksCheck(file, region.check)) return;
      const what = `${pathText(path)}: "${region.check}" is not a check`;
      reporter.error(
        [...path, "check"],
        "value",
        "CFG_CHECK_UNKNOWN",
        ...unknownName(what, region.check, Object.keys(file.checks)),
      );
      return;
    }
    const probes = this.leavesOf(check).length > 0;
    const addresses = region.address ?? [];
    if (probes === addresses.length > 0) this.checkAddresses(path, addresses, allow, reporter);
    else if (probes) {
      const what = `${pathText(path)}: "${region.check}" probes, and the region has no address`;
      reporter.error(
        [...path, "check"],
        "value",
        "CFG_REGION_ADDRESS",
        what,
        "address: ADDRESS beside it, or a check of pools alone",
      );
    } else {
      const what = `${pathText(path)}: "${region.check}" is calculated from pools alone, and nothing would be probed at the address`;
      reporter.error(
        [...path, "address"],
        "key",
        "CFG_REGION_ADDRESS",
        what,
        "a check that probes, or no address",
      );
    }
  }

  private checkAddresses(
    path: YamlPath,
    addresses: readonly string[],
    allow: ServerOptions["probes"]["allow"],
    reporter: Reporter,
  ): void {
    for (const text of addresses) {
      const address = readAddress(text);
      if (!("octets" in address)) continue;
      const { octets } = address;
      const refused = refusedTarget({ family: octets.length === 4 ? 4 : 6, octets }, allow);
      if (refused === null) continue;
      const what = `${pathText(path)}: ${address.text} lies in ${refused}`;
      const expected = "an address that may be probed, or its prefix among probes.allow in steerd.yaml";
      reporter.error([...path, "address"], "key", "CFG_PROBE_TARGET", what, expected);
    }
  }
}

/** False: the file has the check, or may have it, had nothing been taken out. */
function lacksCheck({ checks, isComplete, broken }: NamedFile, name: string): boolean {
  return !Object.hasOwn(checks, name) && isComplete && !isBroken(broken, "checks", name);
}

/** Every reading of POOL, ZONE/POOL, POOL/ENDPOINT, ZONE/POOL/ENDPOINT that fits one of the pools. */
function fitting(
  pools: readonly (PoolModel | null)[],
  parts: readonly string[],
  isFar: boolean,
): PoolOperand[] {
  return pools.flatMap((pool) => {
    if (pool === null) return [];
    const readings = [parts];
    if (parts.length > 1 && parts[0]!.replace(/\.$/, "") === pool.zone) readings.push(parts.slice(1));
    if (!isFar && readings.length === 1 && parts.length === 3) return [];
    for (const [name, endpoint, rest] of readings) {
      if (name !== pool.name || rest !== undefined) continue;
      if (endpoint === undefined) return [{ pool }];
      if ((pool.template ?? pool.endpoints).some((known) => isNamed(known, endpoint)))
        return [{ pool, endpoint }];
    }
    return [];
  });
}

/** A name that is looked up stands for all of its addresses, which are called NAME@ADDRESS. */
export function isNamed({ name }: Pick<EndpointModel, "name">, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted}@`);
}
