import { isIP } from "node:net";
import { refusedTarget } from "../config/check-probes.ts";
import type { CompiledConfig } from "../config/compile.ts";
import { parseAddress } from "../geo/prefix.ts";
import type { LoadReport } from "../health/load-report.ts";
import type { CheckSpec, ProbeTarget } from "../health/plan.ts";
import type { HealthClock, ProbeResult } from "../health/probe.ts";
import { prepareProbe } from "../health/probes/prepare.ts";
import { isWarning, reasonText } from "../health/reasons.ts";
import { suggest } from "../zone/suggest.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, UsageError } from "./command.ts";
import { requireConfiguration } from "./configuration.ts";
import { selectAddresses, selectablePools, selectorProblemText } from "./selectors.ts";
import { paint, type Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {
    check: { type: "string", describe: "Check to run: [ZONE/]NAME" },
    target: { type: "string", describe: "What to probe: an address, or [ZONE/]POOL[/ENDPOINT]" },
  },
  options: {
    json: { type: "boolean", describe: "For machines: one JSON object a line, one for each address" },
  },
  examples: [
    ["probe web us/lb2", "The addresses of one endpoint, with the check named web"],
    ["probe example.net/web 192.0.2.10 --json", "An address that need not be in any pool"],
  ],
  async run(given, terminal) {
    const config = requireConfiguration(given.config, terminal);
    if (config === null) return EXIT_FINDINGS;
    const { zone, check } = checkNamed(given.check ?? "", config);
    const targets = targetsNamed(given.target ?? "", zone, check, config);
    let isUp = true;
    for (const target of targets) {
      const result = await probeOnce(target);
      isUp &&= result.ok;
      if (given.json === true) terminal.out(JSON.stringify(asJson(target, result)));
      else for (const line of asLines(target, result, terminal)) terminal.out(line);
    }
    return isUp ? EXIT_OK : EXIT_FINDINGS;
  },
});

type NamedCheck = CompiledConfig["checks"][number];

function checkNamed(text: string, { checks }: CompiledConfig): NamedCheck {
  const slash = text.lastIndexOf("/");
  const zone = slash < 0 ? null : text.slice(0, slash).replace(/\.$/, "");
  const name = text.slice(slash + 1);
  const found = checks.filter(
    (candidate) => candidate.check.name === name && (zone === null || candidate.zone === zone),
  );
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const choices = found.map((candidate) => `${candidate.zone}/${name}`).join(", ");
    throw new UsageError(`${text} is in ${found.length} zones: expected one of ${choices}`);
  }
  const known = checks.flatMap((candidate) => [
    candidate.check.name,
    `${candidate.zone}/${candidate.check.name}`,
  ]);
  const near = suggest(text, known);
  const listed =
    [...new Set(checks.map(({ check }) => check.name))].join(", ") || "none: there are no checks";
  throw new UsageError(
    `"${text}" is not a check: ${near === undefined ? `expected one of ${listed}` : `did you mean ${near}?`}`,
  );
}

/** What is to be probed: as the plan has it where the pool is probed with this check, else with nothing but its address. */
function targetsNamed(text: string, zone: string, check: CheckSpec, config: CompiledConfig): ProbeTarget[] {
  if (isIP(text) !== 0) {
    const address = parseAddress(text)!;
    const refused = refusedTarget(address, config.server.probes.allow);
    if (refused !== null)
      throw new UsageError(`${text} lies in ${refused}: probes.allow in steerd.yaml can allow it`);
    const planned = config.plan.targets.find((target) => target.check === check && target.address === text);
    return [planned ?? targetOf(text, zone, "-", text, check)];
  }
  const { names, plan } = config;
  const selection = selectAddresses(`pool:${text}`, selectablePools(names.policy));
  if (!("addresses" in selection)) {
    const { what, expected } = selection;
    // A name may have been meant for a host: only addresses are probed.
    const both = text.includes(".")
      ? what.replace("is not a pool", "is neither an address nor a pool")
      : what;
    throw new UsageError(selectorProblemText({ what: both, expected }).replace(/^pool:/, ""));
  }
  return selection.addresses.map((index) => {
    const { text: address, endpoint: at } = names.policy.addresses[index]!;
    const endpoint = names.policy.endpoints[at]!;
    const pool = names.policy.pools[endpoint.pool]!;
    const same = plan.targets.filter(
      (target) => target.zone === pool.zone && target.pool === pool.name && target.address === address,
    );
    const known = same[0];
    return known === undefined
      ? targetOf(address, pool.zone, pool.name, endpoint.name, check)
      : { ...known, check };
  });
}

function targetOf(
  address: string,
  zone: string,
  pool: string,
  endpoint: string,
  check: CheckSpec,
): ProbeTarget {
  const version = isIP(address);
  const family = version === 4 ? 4 : version === 6 ? 6 : 0;
  return { row: 0, keyHigh: 0, keyLow: 1, address, family, check, zone, pool, endpoint };
}

const clock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** One probe, as the server would run it, within the check's deadline. */
function probeOnce(target: ProbeTarget): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const start = prepareProbe(target, clock);
    let deadline: NodeJS.Timeout | undefined;
    let isOver = false;
    const running = start((result) => {
      isOver = true;
      clearTimeout(deadline);
      // A connection that is kept for the next probe would keep this process.
      setImmediate(() => start.release?.());
      resolve(result);
    });
    if (!isOver) deadline = setTimeout(() => running.expire(), target.check.timeoutMs);
  });
}

/** Phases that were reached, by what people call them. */
function phasesOf(result: ProbeResult): [name: string, ms: number][] {
  const phases: [string, number][] = [
    ["connect", result.connectMs],
    ["tls", result.tlsMs],
    ["first octet", result.firstOctetMs],
    ["end", result.totalMs],
  ];
  return phases.filter(([, ms]) => ms >= 0);
}

function verdictOf({ ok, reason }: ProbeResult): string {
  if (isWarning(reason)) return "up, with a warning";
  return ok ? "up" : "down";
}

function asLines(target: ProbeTarget, result: ProbeResult, terminal: Terminal): string[] {
  const { address, probe, check, pool, endpoint } = target;
  const colour = result.ok ? (isWarning(result.reason) ? "yellow" : "green") : "red";
  const at = probe === undefined ? "" : `, probed at ${probe.address}`;
  const of = pool === "-" ? "" : ` (${pool}/${endpoint})`;
  const head = `${address}${of}${at}: ${paint(terminal, colour, verdictOf(result))}: ${reasonText(result.reason)}`;
  const lines = [`${head}, by ${check.name} (${check.type})`];
  let before = 0;
  for (const [name, ms] of phasesOf(result)) {
    lines.push(
      `  ${name.padEnd(12)}${ms.toFixed(1).padStart(8)} ms${`+${(ms - before).toFixed(1)}`.padStart(10)}`,
    );
    before = ms;
  }
  if (result.report !== undefined) lines.push(`  load        ${loadText(result.report)}`);
  if (result.note !== undefined) lines.push(`  ${result.note}`);
  return lines;
}

/** What an endpoint says of its load, in words. */
function loadText({ connections, capacity, p99Ms, errorRate }: LoadReport): string {
  const held = connections < 0 ? "" : `${connections} connections`;
  const full = capacity < 0 ? "" : `capacity ${capacity}`;
  const slow = p99Ms < 0 ? "" : `p99 ${p99Ms} ms`;
  const failing = errorRate < 0 ? "" : `${Number((errorRate * 100).toFixed(2))}% errors`;
  return [held, full, slow, failing].filter((text) => text !== "").join(", ");
}

/** Figures that were reported. */
function loadJson({ connections, capacity, p99Ms, errorRate }: LoadReport) {
  const figures = { activeConnections: connections, capacity, p99Ms, errorRate };
  return Object.fromEntries(Object.entries(figures).filter(([, figure]) => figure >= 0));
}

function asJson(target: ProbeTarget, result: ProbeResult) {
  const { address, probe, check, zone, pool, endpoint } = target;
  const { ok, reason, status, connectMs, tlsMs, firstOctetMs, totalMs, note, report } = result;
  return {
    zone,
    ...(pool === "-" ? {} : { pool, endpoint }),
    address,
    ...(probe === undefined ? {} : { probedAddress: probe.address }),
    check: check.name,
    type: check.type,
    up: ok,
    warning: isWarning(reason),
    reason: reasonText(reason),
    status,
    ms: { connect: connectMs, tls: tlsMs, firstOctet: firstOctetMs, total: totalMs },
    ...(report === undefined ? {} : { load: loadJson(report) }),
    ...(note === undefined ? {} : { note }),
  };
}
