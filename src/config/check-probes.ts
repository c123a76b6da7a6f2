import { formatAddress, type Prefix, parsePrefix } from "../geo/prefix.ts";
import { unwrapped } from "../geo/reachable.ts";
import { isWithin } from "../geo/special.ts";
import type { CheckSpec } from "../health/plan.ts";
import { findPing } from "../health/probes/icmp.ts";
import type { AddressModel, PoolModel } from "../policy/model.ts";
import { checkHolds } from "./check-recovery.ts";
import { pathText, type Reporter } from "./problem.ts";
import type { CheckInput } from "./schema-checks.ts";

/** Pools by the check that they use, in whichever file it stands. */
export type CheckUsers = ReadonlyMap<CheckInput, readonly PoolModel[]>;

/** What one file's checks cannot, must not or should not probe, beyond what the schema knows. */
export function checkProbes(
  checks: Readonly<Record<string, CheckInput>>,
  users: CheckUsers,
  programs: readonly string[],
  reporter: Reporter,
): void {
  for (const [name, check] of Object.entries(checks)) {
    if (check.type === "exec") mayRun(name, check.command[0]!, programs, reporter);
    if (check.type === "icmp") wantPing(name, reporter);
    warnOfTiming(name, check, users.get(check) ?? [], reporter);
    warnOfTcp(name, check, reporter);
    checkHolds(name, check, reporter);
  }
}

export function asksNetwork(type: CheckSpec["type"]): boolean {
  return type !== "file" && type !== "static";
}

function mayRun(name: string, program: string, allowed: readonly string[], reporter: Reporter): void {
  const folder = program.slice(0, program.lastIndexOf("/") + 1);
  if (allowed.includes(program) || allowed.includes(folder)) return;
  const what = `${pathText(["checks", name])}: ${program} may not be run`;
  const expected = `it, or ${folder}, among probes.programs in steerd.yaml`;
  reporter.error(["checks", name, "command"], "value", "CFG_PROGRAM_DENIED", what, expected);
}

function wantPing(name: string, reporter: Reporter): void {
  if (findPing() !== null) return;
  const what = `${pathText(["checks", name])}: this host has no ping, and without it nobody but root can send echoes`;
  reporter.error(
    ["checks", name, "type"],
    "value",
    "CFG_PING_MISSING",
    what,
    "an installed ping, or a check over TCP",
  );
}

/** More addresses than that, probed more often than this, are a load for both sides. */
const MANY_ADDRESSES = 100;
const FAST_MS = 250;

function warnOfTiming(
  name: string,
  check: CheckInput,
  users: readonly PoolModel[],
  reporter: Reporter,
): void {
  const path = ["checks", name];
  if (check.isTimeoutGiven && check.timeout >= check.interval) {
    const what = `${pathText(path)}: a probe may last as long as the interval, ${check.interval} ms: one slow answer leaves no room for the next probe`;
    reporter.warning([...path, "timeout"], "value", "CFG_PROBE_TIMING", what, "less than the interval");
  }
  const addresses = users.flatMap((pool) => pool.endpoints.flatMap((endpoint) => endpoint.addresses)).length;
  if (check.interval >= FAST_MS || addresses <= MANY_ADDRESSES) return;
  const what = `${pathText(path)}: ${addresses} addresses are probed every ${check.interval} ms, ${Math.round((addresses * 1000) / check.interval)} probes a second`;
  reporter.warning(
    [...path, "interval"],
    "value",
    "CFG_PROBE_LOAD",
    what,
    `${FAST_MS}ms or more, or fewer addresses`,
  );
}

/** Ports whose protocol a check of its own speaks. */
const BETTER: Readonly<Record<number, CheckSpec["type"]>> = {
  53: "dns",
  80: "http",
  443: "https",
  8080: "http",
  8443: "https",
  50051: "grpc",
};

function warnOfTcp(name: string, check: CheckInput, reporter: Reporter): void {
  const better = check.type === "tcp" ? BETTER[check.port] : undefined;
  if (check.type !== "tcp" || better === undefined) return;
  const what = `${pathText(["checks", name])}: a connection to port ${check.port} opens as long as the host runs, also where the program hangs`;
  reporter.warning(["checks", name, "type"], "value", "CFG_PROBE_TCP", what, better);
}

/** Link-local addresses, and those at which clouds tell their guests secrets. */
const REFUSED: readonly (readonly [prefix: string, source: string])[] = [
  ["169.254.0.0/16", "link local, with metadata services"],
  ["fe80::/10", "link local"],
  ["fd00:ec2::254/128", "the metadata service of AWS"],
  ["fd20:ce::254/128", "the metadata service of Google Cloud"],
  ["100.100.100.200/32", "the metadata service of Alibaba Cloud"],
  ["168.63.129.16/32", "the host of a guest in Azure"],
  ["192.0.0.192/32", "the metadata service of Oracle Cloud"],
];
const BLOCKS = REFUSED.map(([text, source]) => ({ text, source, prefix: parsePrefix(text)! }));

/** Why an address must not be probed: `169.254.0.0/16, link local`; null: it may be. */
export function refusedTarget(
  address: { family: 4 | 6; octets: Uint8Array },
  allow: readonly Prefix[],
): string | null {
  const { family, octets } = connectedTo(address);
  const covers = (prefix: Prefix): boolean => prefix.family === family && isWithin(octets, prefix);
  const block = BLOCKS.find(({ prefix }) => covers(prefix));
  if (block === undefined || allow.some(covers)) return null;
  return `${block.text}, ${block.source}`;
}

/** The address that a packet goes to: an IPv4-mapped or IPv4-compatible one stands for an IPv4 address (RFC 4291 section 2.5.5). */
function connectedTo(address: { family: 4 | 6; octets: Uint8Array }): { family: 4 | 6; octets: Uint8Array } {
  const { family, octets } = unwrapped(address);
  if (family === 4 || octets.subarray(0, 10).some((octet) => octet !== 0)) return { family, octets };
  const word = (octets[10]! << 8) | octets[11]!;
  return word === 0 || word === 0xffff ? { family: 4, octets: octets.slice(12) } : { family, octets };
}

/** Reports addresses of a pool that must not be probed. Names are judged when they are looked up. */
export function checkTargets(
  pool: PoolModel,
  check: CheckInput,
  allow: readonly Prefix[],
  reporter: Reporter,
): void {
  if (!asksNetwork(check.type)) return;
  for (const [index, endpoint] of (pool.template ?? pool.endpoints).entries()) {
    for (const address of endpoint.addresses) {
      const probed = probedAddress(address);
      const refused = probed === null ? null : refusedTarget(probed, allow);
      if (probed === null || refused === null) continue;
      const path = ["pools", pool.name, "endpoints", index];
      const what = `${pathText(path)}: ${formatAddress(probed.family, probed.octets)} lies in ${refused}`;
      reporter.error(
        path,
        "value",
        "CFG_PROBE_TARGET",
        what,
        "an address that may be probed, or its prefix among probes.allow in steerd.yaml",
      );
    }
  }
}

function probedAddress({
  family,
  octets,
  probe,
}: AddressModel): { family: 4 | 6; octets: Uint8Array } | null {
  return probe ?? (family === 0 ? null : { family, octets });
}
