import { Gauge, type Registry } from "prom-client";
import { partTargets, REGION_PREFIX } from "../health/plan.ts";
import { ENDPOINT_ROW_WORDS, ROW_STATE, STATE_HELD, STATE_UP } from "../health/rows.ts";
import { WORD_FROZEN, WORD_UNWRITTEN } from "../serve/blocks.ts";
import type { MetricsSources } from "./metrics.ts";

/** Whether failures are believed, and what tells. */
export function addDoubt(
  registry: Registry,
  { blocks, status }: Pick<MetricsSources, "blocks" | "status">,
): void {
  const registers = [registry];
  const { endpoints } = blocks.rows;
  const stateOf = (row: number): number => Atomics.load(endpoints, row * ENDPOINT_ROW_WORDS + ROW_STATE);
  const upWord = (row: number): number => ((stateOf(row) & STATE_UP) === 0 ? 0 : 1);
  new Gauge({
    name: "steerd_health_frozen",
    help: "1 while states are kept as last known: failures are taken for a fault of this server's network",
    registers,
    collect() {
      this.set(Atomics.load(blocks.probe, WORD_FROZEN));
    },
  });
  new Gauge({
    name: "steerd_state_file_ok",
    help: "0 while the file that remembers states over a restart cannot be written",
    registers,
    collect() {
      this.set(Atomics.load(blocks.probe, WORD_UNWRITTEN) === 1 ? 0 : 1);
    },
  });
  new Gauge({
    name: "steerd_endpoints_held",
    help: "Addresses that are answered although their probes fail: their failures are in doubt",
    registers,
    collect() {
      this.set(status.plan.targets.filter(({ row }) => (stateOf(row) & STATE_HELD) !== 0).length);
    },
  });
  new Gauge({
    name: "steerd_region_up",
    help: "1 while the check of the whole region passes",
    labelNames: ["zone", "region"],
    registers,
    collect() {
      this.reset();
      for (const { isRegion, target } of status.plan.calculated ?? [])
        if (isRegion === true)
          this.set(
            { zone: target.zone, region: target.pool.slice(REGION_PREFIX.length) },
            upWord(target.row),
          );
    },
  });
  const partLabels = ["zone", "pool", "endpoint", "address", "check"];
  new Gauge({
    name: "steerd_check_part_up",
    help: "1 while a check passes that others are calculated from",
    labelNames: partLabels,
    registers,
    collect() {
      this.reset();
      for (const target of partTargets(status.plan)) {
        const { zone, pool, endpoint, address, check } = target;
        this.set({ zone, pool, endpoint, address, check: check.name }, upWord(target.row));
      }
    },
  });
  new Gauge({
    name: "steerd_canary_up",
    help: "1 while the canary passes",
    labelNames: ["canary"],
    registers,
    collect() {
      this.reset();
      for (const { row, endpoint } of status.plan.doubt?.canaries ?? [])
        this.set({ canary: endpoint }, upWord(row));
    },
  });
}
