import { Gauge, type Registry } from "prom-client";
import { phasesOf } from "../health/phases.ts";
import type { MetricsSources } from "./metrics.ts";

/** Where the time of probes goes. */
export function addPhases(
  registry: Registry,
  { blocks, status }: Pick<MetricsSources, "blocks" | "status">,
): void {
  new Gauge({
    name: "steerd_endpoint_phase_seconds",
    help: "Smoothed time that a phase of the address's probes takes: connect, tls, first_octet",
    labelNames: ["zone", "pool", "endpoint", "address", "check", "phase"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { row, zone, pool, endpoint, address, check } of status.plan.targets) {
        const phases = phasesOf(blocks.rows, row);
        if (phases === null) continue;
        const { connectMs, tlsMs, firstOctetMs } = phases;
        for (const [phase, ms] of Object.entries({
          connect: connectMs,
          tls: tlsMs,
          first_octet: firstOctetMs,
        }))
          if (ms !== null) this.set({ zone, pool, endpoint, address, check: check.name, phase }, ms / 1000);
      }
    },
  });
}
