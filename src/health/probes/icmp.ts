import { accessSync, constants } from "node:fs";
import type { ProbeTarget } from "../plan.ts";
import { failedResult, type HealthClock, type StartProbe } from "../probe.ts";
import { REASON_NO_REPLY, REASON_OK, REASON_PING_FAILED, type Reason } from "../reasons.ts";
import { startAtAddress, startProgram } from "./program.ts";

/** Where systems keep ping, which has the right to send echoes that this process lacks. */
const PING_PLACES = ["/usr/bin/ping", "/bin/ping", "/usr/sbin/ping", "/sbin/ping"];

/** The system's ping, or null. */
export function findPing(places: readonly string[] = PING_PLACES): string | null {
  return places.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * One echo request through the system's ping: Node has no sockets for ICMP. Its options are those that all of iputils,
 * busybox and the BSDs know; the deadline is ours.
 */
export function prepareIcmp(target: ProbeTarget, clock: HealthClock, ping: string | null): StartProbe {
  if (ping === null)
    return (done) => {
      done(failedResult(REASON_PING_FAILED));
      return { expire() {}, cancel() {} };
    };
  return (done) =>
    startAtAddress(
      target,
      (address, _family, finished) =>
        startProgram(
          { file: ping, args: ["-n", "-c", "1", address], env: {}, reasonOfExit, measuredMs },
          clock,
          finished,
        ),
      done,
    );
}

/** 1: no reply; anything else: it could not ask, most often for lack of permission. */
function reasonOfExit(code: number): Reason {
  return code === 0 ? REASON_OK : code === 1 ? REASON_NO_REPLY : REASON_PING_FAILED;
}

/** The round trip that it measured: starting a program takes longer than most of them. */
function measuredMs(output: string): number {
  const match = /time[=<]([0-9.]+) ?ms/.exec(output);
  return match === null ? -1 : Number(match[1]);
}
