import type { VerdictPlan } from "./latch.ts";
import type { RulePlan } from "./rule.ts";

/** What the control worker tells the probe worker: every check to run and every pool to judge. Structured-cloneable. */

export interface CheckTiming {
  /** Time between the starts of two probes of one address. */
  intervalMs: number;
  /** One deadline for the whole probe, from connect to the last octet that is read. */
  timeoutMs: number;
  /** Failures that take an address down: consecutive ones, unless `okReset` says otherwise. */
  fall: number;
  /** Consecutive successes that bring it back. */
  rise: number;
  /** Interval while results count against the state; absent: intervalMs. */
  fastIntervalMs?: number;
  /** Consecutive successes after which earlier failures no longer count; absent: 1. */
  okReset?: number;
  /** Least time down; absent: none. */
  holdDownMs?: number;
  /** Least time without a failure before a return; absent: none. */
  holdHealthyMs?: number;
  /** Time from the first probe in which failures are no verdict; absent: none. */
  startGraceMs?: number;
  /** Longest downtime that damping asks for; absent: no damping. */
  dampingMs?: number;
  /** Time over which returns are spread; absent: none. */
  returnJitterMs?: number;
  /** Time over which the response time is smoothed, and what endpoints report; absent: over a few probes. */
  windowMs?: number;
  /** Factor on the weight while probes warn, in 1/65536; absent: none. */
  warningScale?: number;
}

/** What an HTTP response must be like, whatever the version. */
export interface ResponseSpec {
  /** Accepted status codes; empty: 200 to 299. */
  expectStatus: number[];
  /** Text that the first 5,120 octets of the body must contain; empty: none. */
  expectBody: string;
  /** Pattern (health/pattern.ts) that they must match; absent: none. */
  expectPattern?: string;
  /** Where the body, as JSON, says that all is well; absent: it need not be JSON. */
  expectJson?: { statusPath: string[]; checksPath: string[]; healthy: string[] };
  /** Where the endpoint says how busy it is; absent: nowhere. */
  load?: LoadSpec;
}

export interface LoadSpec {
  /** Keys that lead to the figures in the JSON answer. */
  path: string[];
  /** Header with the figures, in lower case; empty: they stand in the body. */
  header: string;
  /** A figure that has not been reported for longer is forgotten. */
  expireMs: number;
}

/** What is asked for. */
export interface RequestSpec {
  port: number;
  path: string;
  /** Host header, and with TLS the name for SNI and certificate; empty: the address. */
  host: string;
  /** Absent: GET. */
  method?: "GET" | "HEAD" | "OPTIONS" | "POST";
  /** Headers besides those of every probe. */
  headers?: [name: string, value: string][];
}

/** How TLS is spoken. */
export interface TlsSpec {
  /** Verify the certificate's chain, name and dates. */
  verify: boolean;
  /** Name for SNI and certificate, where it is not the host; absent: the host. */
  sni?: string;
}

export interface HttpSpec extends CheckTiming, RequestSpec, ResponseSpec, TlsSpec {
  type: "http" | "https";
  name: string;
  /** Redirects that are followed, at most 3; absent: none. */
  redirects?: number;
  /** Warn when the certificate ends within so many days (https); absent: never. */
  warnDays?: number;
  /** Probes that share a connection; absent: each opens its own. */
  reuse?: number;
}

export interface Http2Spec extends CheckTiming, RequestSpec, ResponseSpec, TlsSpec {
  type: "http2";
  name: string;
  /** False: HTTP/2 in the clear, with prior knowledge (RFC 9113 section 3.3). */
  tls: boolean;
}

export interface GrpcSpec extends CheckTiming, TlsSpec {
  type: "grpc";
  name: string;
  port: number;
  /** Name for `:authority` and the certificate; empty: the address. */
  host: string;
  /** Name of the service in the request; empty: the server as a whole. */
  service: string;
  tls: boolean;
}

export interface DnsSpec extends CheckTiming {
  type: "dns";
  name: string;
  port: number;
  /** Name to ask for, absolute. */
  query: string;
  queryType: number;
  transport: "udp" | "tcp";
  /** Ask for recursion. */
  recursion: boolean;
  expectRcode: number;
  /** RDATA in presentation form, in lower case; each must be among the answers. */
  expectAnswer: string[];
}

export interface TlsCheckSpec extends CheckTiming, TlsSpec {
  type: "tls";
  name: string;
  port: number;
  /** Name for SNI and the certificate; empty: the address. */
  host: string;
  /** Warn when the certificate ends within so many days. */
  warnDays: number;
}

export interface TcpSpec extends CheckTiming {
  type: "tcp";
  name: string;
  port: number;
}

export interface ExecSpec extends CheckTiming {
  type: "exec";
  name: string;
  /** Absolute path of the program, and its arguments, in which {address}, {pool} and {endpoint} stand for the target's. */
  command: string[];
}

export interface FileSpec extends CheckTiming {
  type: "file";
  name: string;
  /** Absolute path, in which {address}, {pool} and {endpoint} stand for the target's. */
  path: string;
  /** An older file counts as a failure. */
  maxAgeMs: number;
}

export interface StaticSpec extends CheckTiming {
  type: "static";
  name: string;
  up: boolean;
}

export interface IcmpSpec extends CheckTiming {
  type: "icmp";
  name: string;
}

export type CheckSpec =
  | TcpSpec
  | HttpSpec
  | Http2Spec
  | GrpcSpec
  | DnsSpec
  | TlsCheckSpec
  | ExecSpec
  | FileSpec
  | StaticSpec
  | IcmpSpec;

/** Loads in 1/65536 of capacity: none is moved at `low`, all are at `high`. */
export interface ShedRule {
  low: number;
  high: number;
}

/** How much of a pool may go down within a time. */
export interface BudgetRule {
  percent: number;
  withinMs: number;
}

export interface ProbeTarget {
  /** Row in HealthRows.endpoints that this target's verdict is published in. */
  row: number;
  keyHigh: number;
  keyLow: number;
  /** Address in presentation form, or a name with its final dot. */
  address: string;
  /** 0: a name, whose first address that may be probed is probed. */
  family: 0 | 4 | 6;
  /** Address to probe in place of that one; absent: itself. */
  probe?: { address: string; family: 4 | 6 };
  /** Prefixes of special-purpose blocks in which the addresses of a name may lie all the same. */
  allow?: readonly string[];
  check: CheckSpec;
  /** How long it takes to get all of its weight back after it was down; absent: no time. */
  slowStartMs?: number;
  /** Between which loads its clients are moved away; absent: never. */
  shed?: ShedRule;
  /** For logs: zone, pool and endpoint as people wrote them. */
  zone: string;
  pool: string;
  endpoint: string;
  /** The pool's region; absent: it has none. */
  region?: string;
  /** Asked for a calculated check, and not answered by this state alone. */
  isPart?: boolean;
}

export interface PoolPlan {
  /** Row in HealthRows.pools. */
  row: number;
  keyHigh: number;
  keyLow: number;
  zone: string;
  pool: string;
  /** For each endpoint the rows of its addresses; -1 stands for an address that is always up. */
  endpoints: number[][];
  /** Families of the addresses, where `minHealthy` asks for them. */
  families?: (0 | 4 | 6)[][];
  minHealthy: MinHealthy;
  dualStack: "any" | "strict";
  /** Absent: no limit. */
  budget?: BudgetRule;
}

/** Endpoints that must be up: so many, or a part of those that are not drained, rounded up. */
export type Least = { count: number } | { percent: number };
/** `families`: so many with an address of that family that is up, of those that have one. */
export type MinHealthy = Least | { families: { ipv4?: Least; ipv6?: Least } };

/** A check that asks nobody: its addresses follow other states, at once. */
export interface CalculatedSpec extends CheckTiming {
  type: "calculated";
  name: string;
}

/** An address, or a region, whose state is calculated. */
export interface CalculatedTarget extends Omit<ProbeTarget, "check"> {
  check: CalculatedSpec;
}

export interface CalculatedPlan {
  target: CalculatedTarget;
  rule: RulePlan;
  /** Row of the check of its region, without which it is down; absent: the region has none. */
  regionRow?: number;
  /** The check of a whole region: it has no address, and is never answered. */
  isRegion?: boolean;
}

/** A `failover` that does not simply follow health: which entry it tries first is kept in a row. */
export interface LatchPlan {
  /** Row in HealthRows.latches. */
  row: number;
  keyHigh: number;
  keyLow: number;
  zone: string;
  /** The `failover`, as findings name it. */
  policy: string;
  /** In the list's order; `verdict`: index into FailbackPlan.verdicts. */
  entries: { name: string; verdict: number }[];
  /** How long an earlier entry must have been up before the latch goes back to it; null: until it is released. */
  afterMs: number | null;
}

/** Latches, and whose verdicts they follow. */
export interface FailbackPlan {
  verdicts: VerdictPlan[];
  latches: LatchPlan[];
}

/** When the prober takes failures for a fault of its own network, and keeps states as they are. */
export interface DoubtPlan {
  /** Part of the addresses that were up that has to fail together: above 0, at most 1. */
  share: number;
  /** How long ago the first of these failures may lie. */
  withinMs: number;
  /** Targets that fail only when our own network does. */
  canaries: ProbeTarget[];
}

/** What an operator says of one address, whatever its probes say. */
export interface ForcedPlan {
  /** Row in HealthRows.endpoints. */
  row: number;
  /** STATE_FORCED_UP, STATE_FORCED_DOWN, STATE_DRAINED; 0: its probes decide. */
  state: number;
  /** Factor on the weight, 0 to 65536 (1.0). */
  scale: number;
}

export interface HealthPlan {
  targets: ProbeTarget[];
  /** What others are calculated from stands before them; absent: nothing is calculated. */
  calculated?: CalculatedPlan[];
  /** Absent: the defaults of moment.ts. */
  doubt?: DoubtPlan;
  pools: PoolPlan[];
  /** Absent: operators say nothing. */
  forced?: ForcedPlan[];
  /** Absent: every `failover` follows health. */
  failback?: FailbackPlan;
}

/** Begins what stands in the place of a pool's name where a whole region is meant. */
export const REGION_PREFIX = "region:";

/** Addresses of pools, with the check that decides over each. */
export function answeredTargets(plan: HealthPlan): (ProbeTarget | CalculatedTarget)[] {
  const calculated = (plan.calculated ?? []).filter(({ isRegion }) => isRegion !== true);
  const whole = calculated.filter(({ target }) => target.isPart !== true).map(({ target }) => target);
  return [...plan.targets.filter(({ isPart }) => isPart !== true), ...whole];
}

/** What is asked for calculated checks alone. */
export function partTargets(plan: HealthPlan): (ProbeTarget | CalculatedTarget)[] {
  return everyTarget(plan).filter(({ isPart }) => isPart === true);
}

/** Whatever has a row of its own, calculated or probed. */
export function everyTarget(plan: HealthPlan): (ProbeTarget | CalculatedTarget)[] {
  return [...plan.targets, ...(plan.calculated ?? []).map(({ target }) => target)];
}
