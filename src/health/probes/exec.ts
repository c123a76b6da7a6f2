import type { ExecSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { REASON_EXIT, REASON_OK, REASON_WARNING, type Reason } from "../reasons.ts";
import { filledIn, startAtAddress, startProgram } from "./program.ts";

/** A program that says how the target is by its exit code, as plugins of Nagios do. */
export function prepareExec(target: ProbeTarget, check: ExecSpec, clock: HealthClock): StartProbe | null {
  const [file, ...args] = check.command;
  if (file === undefined || !file.startsWith("/")) return null;
  const { zone, pool, endpoint } = target;
  return (done) =>
    startAtAddress(
      target,
      (address, family, finished) => {
        const env = {
          STEERD_ADDRESS: address,
          STEERD_FAMILY: String(family),
          STEERD_ZONE: zone,
          STEERD_POOL: pool,
          STEERD_ENDPOINT: endpoint,
          STEERD_CHECK: check.name,
        };
        const filled = args.map((text) => filledIn(text, address, target));
        return startProgram({ file, args: filled, env, reasonOfExit }, clock, finished);
      },
      done,
    );
}

/** 0: well; 1: a warning, which is up; 2 (critical), 3 (unknown) and all others: down. */
function reasonOfExit(code: number): Reason {
  return code === 0 ? REASON_OK : code === 1 ? REASON_WARNING : REASON_EXIT + code;
}
