import { Registry } from "prom-client";
import { expect, it } from "vitest";
import type { ProbeTarget } from "../health/plan.ts";
import { ENDPOINT_ROW_WORDS, ROW_STATE, STATE_HELD, STATE_KNOWN, STATE_UP } from "../health/rows.ts";
import { allocateBlocks, WORD_FROZEN, WORD_UNWRITTEN } from "../serve/blocks.ts";
import { addDoubt } from "./doubt-metrics.ts";
import { createStatus } from "./status.ts";

it("shows a freeze, what is held, and every canary", async () => {
  const blocks = allocateBlocks(1);
  const status = createStatus();
  const registry = new Registry();
  addDoubt(registry, { blocks, status });
  const shown = async () =>
    (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const target = (row: number, endpoint: string): ProbeTarget => ({
    ...{ row, keyHigh: 1, keyLow: row, address: "192.0.2.1", family: 4, zone: "", pool: "", endpoint },
    check: { type: "tcp", name: "web", port: 80, intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 },
  });
  const canaries = [target(5, "dns1"), target(6, "dns2")];
  const targets = [target(2, "a"), target(3, "b")];
  status.plan = { targets, pools: [], doubt: { share: 0.5, withinMs: 30_000, canaries } };
  const { endpoints } = blocks.rows;
  endpoints[2 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_UP | STATE_KNOWN | STATE_HELD;
  endpoints[3 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_UP | STATE_KNOWN;
  endpoints[6 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_UP | STATE_KNOWN;
  blocks.probe[WORD_FROZEN] = 1;
  expect(await shown()).toEqual([
    "steerd_health_frozen 1",
    "steerd_state_file_ok 1",
    "steerd_endpoints_held 1",
    'steerd_canary_up{canary="dns1"} 0',
    'steerd_canary_up{canary="dns2"} 1',
  ]);
  blocks.probe[WORD_FROZEN] = 0;
  status.plan = { targets: [], pools: [] };
  blocks.probe[WORD_UNWRITTEN] = 1;
  expect(await shown()).toEqual([
    "steerd_health_frozen 0",
    "steerd_state_file_ok 0",
    "steerd_endpoints_held 0",
  ]);
});
