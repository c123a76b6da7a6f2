import type { ProbeTarget, TcpSpec } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { startExchange } from "./exchange.ts";
import { destination } from "./lookup.ts";

/** A TCP connection that stands is a success; nothing is sent. */
export function prepareTcp(target: ProbeTarget, check: TcpSpec, clock: HealthClock): StartProbe {
  const where = { ...destination(target), port: check.port, autoSelectFamily: false };
  const plan = { where, secure: false, request: null, reader: null };
  return (done) => startExchange(plan, clock, done);
}
