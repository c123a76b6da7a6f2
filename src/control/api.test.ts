import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { countLatency, countReply } from "../counters.ts";
import { REASON_WARNING } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  PHASE_WORDS,
  POOL_ROW_FAILED,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_DRAINED,
  STATE_KNOWN,
  STATE_UP,
} from "../health/rows.ts";
import {
  allocateBlocks,
  type SharedBlocks,
  WORD_GENERATION,
  WORD_OPEN,
  WORD_RESTARTS,
} from "../serve/blocks.ts";
import type { Listener } from "../serve/listener.ts";
import { type Api, openApi } from "./api.ts";
import { keepApiOpen } from "./api-keeper.ts";
import { createApiSources } from "./api-sources.ts";
import { type ControlStatus, createStatus } from "./status.ts";

const anyPort: Listener = { host: "127.0.0.1", port: 0, family: 4 };

let blocks: SharedBlocks;
let status: ControlStatus;
let api: Api;

beforeEach(async () => {
  blocks = allocateBlocks(2);
  status = createStatus();
  api = await openApi(anyPort, createApiSources({ blocks, status, version: "1.2.3", startedMs: 5000 }));
});
afterEach(() => api.close());

const get = (path: string, port = api.listener.port): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`);
const metrics = async (): Promise<string[]> => (await (await get("/metrics")).text()).split("\n");

function makeReady(): void {
  blocks.control[WORD_GENERATION] = 1;
  for (const { words } of [blocks.stream, blocks.udp[1]!]) {
    words[WORD_GENERATION] = 1;
    words[WORD_OPEN] = 1;
  }
}

describe("health", () => {
  it("/healthz says that the process lives", async () => {
    const reply = await get("/healthz");
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual({ alive: true });
  });

  it("/readyz is 200 once a UDP worker and the stream worker answer", async () => {
    makeReady();
    const reply = await get("/readyz");
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual({ ready: true });
  });

  it.each<[string, () => void]>([
    ["no configuration has been accepted", () => (blocks.control[WORD_GENERATION] = 0)],
    ["no UDP socket is open", () => (blocks.udp[1]!.words[WORD_OPEN] = 0)],
    ["no UDP socket is open", () => (blocks.udp[1]!.words[WORD_GENERATION] = 0)],
    ["no TCP socket is open", () => (blocks.stream.words[WORD_OPEN] = 0)],
  ])("/readyz is 503: %s", async (reason, spoil) => {
    makeReady();
    spoil();
    const reply = await get("/readyz");
    expect(reply.status).toBe(503);
    expect(await reply.json()).toEqual({ ready: false, reason });
  });

  it("anything else is 404", async () => {
    expect((await get("/")).status).toBe(404);
  });
});

describe("/metrics", () => {
  it("is Prometheus' text format", async () => {
    const reply = await get("/metrics");
    expect(reply.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const line of (await reply.text()).split("\n"))
      expect(line).toMatch(
        /^$|^# (HELP|TYPE) |^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-0-9.e+]+$/,
      );
  });

  it("sums the counters of all workers, each time anew", async () => {
    for (let reply = 0; reply < 3; reply++) countReply(blocks.udp[0]!.counters, 0, 1, 0, 0, 0);
    for (let reply = 0; reply < 4; reply++) countReply(blocks.udp[1]!.counters, 0, 1, 0, 0, 0);
    for (let reply = 0; reply < 5; reply++)
      countReply(blocks.stream.counters, 3, 1, 0, 0, reply === 4 ? 3 : 0);
    for (let i = 0; i < 2; i++) {
      const lines = await metrics();
      expect(lines).toContain('steerd_queries_total{transport="udp",family="ipv4"} 7');
      expect(lines).toContain('steerd_queries_total{transport="tcp",family="ipv6"} 5');
      expect(lines).toContain('steerd_responses_total{rcode="nxdomain"} 1');
      expect(lines).toContain("steerd_truncated_responses_total 0");
    }
  });

  it("shows every endpoint and pool of the plan", async () => {
    const { endpoints, pools } = blocks.rows;
    const timing = { intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 };
    const target = (row: number, address: string) => ({
      row,
      keyHigh: 1,
      keyLow: row,
      address,
      family: 4 as const,
      check: { ...timing, type: "tcp" as const, name: "web", port: 80 },
      zone: "z",
      pool: "eu",
      endpoint: "a",
    });
    status.plan = {
      targets: [target(2, "192.0.2.1"), target(3, "192.0.2.2")],
      pools: [
        {
          row: 1,
          keyHigh: 1,
          keyLow: 1,
          zone: "z",
          pool: "eu",
          endpoints: [[2], [3]],
          minHealthy: { count: 1 },
          dualStack: "any",
        },
      ],
    };
    endpoints[2 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_UP | STATE_KNOWN;
    endpoints[2 * ENDPOINT_ROW_WORDS + ROW_SINCE_S] = 1234;
    endpoints[2 * ENDPOINT_ROW_WORDS + ROW_REASON] = REASON_WARNING;
    endpoints[2 * ENDPOINT_ROW_WORDS + ROW_RESPONSE_US] = 2500;
    endpoints[3 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_DRAINED;
    blocks.rows.phases.set([1500, 0, 2500], 2 * PHASE_WORDS);
    pools[POOL_ROW_WORDS + POOL_ROW_FAILED] = 1;
    pools[POOL_ROW_WORDS + POOL_ROW_UP] = 1;
    pools[POOL_ROW_WORDS + POOL_ROW_USABLE] = 2;
    const lines = await metrics();
    const first = '{zone="z",pool="eu",endpoint="a",address="192.0.2.1",check="web"}';
    const second = first.replace("192.0.2.1", "192.0.2.2");
    expect(lines).toEqual(
      expect.arrayContaining([
        `steerd_endpoint_up${first} 1`,
        `steerd_endpoint_up${second} 0`,
        `steerd_endpoint_forced${second.replace("}", ',state="drain"}')} 1`,
        `steerd_endpoint_phase_seconds${first.replace("}", ',phase="connect"}')} 0.0015`,
        `steerd_endpoint_phase_seconds${first.replace("}", ',phase="first_octet"}')} 0.0025`,
        `steerd_endpoint_warning${first} 1`,
        `steerd_endpoint_state_since_seconds${first} 1234`,
        `steerd_endpoint_response_seconds${first} 0.0025`,
        'steerd_pool_failed{zone="z",pool="eu"} 1',
        'steerd_pool_endpoints_up{zone="z",pool="eu"} 1',
        'steerd_pool_endpoints{zone="z",pool="eu"} 2',
      ]),
    );
    expect(lines.filter((line) => line.includes("192.0.2.2"))).toHaveLength(2);
    status.plan = { targets: [], pools: [] };
    expect((await metrics()).filter((line) => /^steerd_(endpoint|pool)_/.test(line))).toEqual([]);
  });

  it("shows a histogram of latencies by transport", async () => {
    countLatency(blocks.udp[0]!.counters, 3e-6);
    countLatency(blocks.udp[1]!.counters, 3e-6);
    countLatency(blocks.udp[1]!.counters, 10);
    countLatency(blocks.udp[1]!.counters, 0.5);
    const lines = (await metrics()).filter((line) => line.startsWith("steerd_batch_seconds"));
    expect(lines).toHaveLength(2 * 23);
    expect(lines).toEqual(
      expect.arrayContaining([
        'steerd_batch_seconds_bucket{transport="udp",le="0.000002"} 0',
        'steerd_batch_seconds_bucket{transport="udp",le="0.000004"} 2',
        'steerd_batch_seconds_bucket{transport="udp",le="0.524288"} 3',
        'steerd_batch_seconds_bucket{transport="udp",le="+Inf"} 4',
        'steerd_batch_seconds_count{transport="udp"} 4',
        expect.stringMatching(/^steerd_batch_seconds_sum\{transport="udp"\} 10\.5000/),
        'steerd_batch_seconds_count{transport="tcp"} 0',
      ]),
    );
  });

  it("shows what was asked for and answered, as the book has it", async () => {
    const asked: [string, number][] = [];
    status.tallies = {
      adopt: () => undefined,
      largest: (kind, most) => {
        asked.push([kind, most]);
        return kind === "pools" ? [{ labels: { zone: "z", pool: "eu" }, count: 7 }] : [];
      },
    };
    expect(await metrics()).toContain('steerd_pool_answers_total{zone="z",pool="eu"} 7');
    expect(Object.fromEntries(asked)).toEqual({ zones: 100, records: 200, pools: 500, endpoints: 1000 });
  });

  it("shows what the largest prefix indexes take, and the others together", async () => {
    const none = {
      reused: false,
      tiles4: 1,
      tiles6: 1,
      longest4: 0,
      longest6: 0,
      fine4: 0,
      fine6: 0,
      records: 1,
    };
    const size = (name: string, octets: number) => ({ ...none, kind: "geo" as const, name, octets });
    status.indexes = [
      size("geo of a", 500),
      ...Array.from({ length: 52 }, (_, at) => size(`geo of z${at}`, at)),
    ];
    const lines = (await metrics()).filter((line) => line.startsWith("steerd_index_bytes"));
    expect(lines).toHaveLength(51);
    expect(lines).toContain('steerd_index_bytes{index="geo of a"} 500');
    expect(lines).toContain('steerd_index_bytes{index="geo of z51"} 51');
    expect(lines).toContain('steerd_index_bytes{index="others"} 3');
    status.indexes = [];
    expect((await metrics()).filter((line) => line.startsWith("steerd_index_bytes"))).toEqual([]);
  });

  it("shows the configuration, the workers and the process", async () => {
    Object.assign(status, {
      generation: 4,
      zones: 2,
      names: 9,
      accepted: 4,
      rejected: 1,
      lastReloadOk: true,
    });
    blocks.udp[0]!.words[WORD_RESTARTS] = 1;
    blocks.udp[1]!.words[WORD_RESTARTS] = 2;
    makeReady();
    const lines = await metrics();
    expect(lines).toEqual(
      expect.arrayContaining([
        "steerd_snapshot_generation 4",
        "steerd_zones 2",
        "steerd_names 9",
        "steerd_reload_ok 1",
        'steerd_reloads_total{outcome="accepted"} 4',
        'steerd_reloads_total{outcome="rejected"} 1',
        'steerd_worker_restarts_total{worker="udp"} 3',
        'steerd_workers_open{worker="udp"} 1',
        `steerd_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
        "process_start_time_seconds 5",
      ]),
    );
    expect(lines.find((line) => line.startsWith("process_resident_memory_bytes "))).toMatch(/ [1-9]\d{6,}/);
    expect(lines.find((line) => line.startsWith("process_cpu_seconds_total "))).toMatch(/ [0-9.]+$/);
  });
});

describe("keepApiOpen", () => {
  const lines: string[] = [];
  const log = (level: string, message: string): void => {
    lines.push(`${level} ${message}`);
  };
  const sources = () => createApiSources({ blocks, status, version: "1", startedMs: 0 });
  const portOf = async (): Promise<number> => {
    await expect.poll(() => blocks.control[WORD_OPEN]).toBe(1);
    return Number(lines.at(-1)!.split(":").at(-1));
  };

  it("opens, moves and closes", async () => {
    let opened = 0;
    const keeper = keepApiOpen(blocks, log, (listener) => {
      opened++;
      return openApi(listener, sources());
    });
    keeper.listenOn(anyPort);
    const first = await portOf();
    expect((await get("/healthz", first)).status).toBe(200);
    keeper.listenOn({ ...anyPort });
    keeper.listenOn({ ...anyPort, host: "127.0.0.2" });
    await expect.poll(() => lines.at(-1)).toMatch(/http:\/\/127\.0\.0\.2:/);
    expect(opened).toBe(2);
    await expect(get("/healthz", first)).rejects.toThrow();
    await keeper.close();
    expect(blocks.control[WORD_OPEN]).toBe(0);
  });

  it("a port that is taken is an alarm, and tried again", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    const keeper = keepApiOpen(blocks, log, (listener) => openApi(listener, sources()));
    keeper.listenOn({ ...anyPort, port });
    await expect
      .poll(() => lines.at(-1))
      .toMatch(/^error no metrics and no API: listen .*address in use.*trying again$/);
    await new Promise((resolve) => holder.close(resolve));
    await expect.poll(() => blocks.control[WORD_OPEN], { timeout: 5000 }).toBe(1);
    await keeper.close();
  });

  it("what opens after it was closed is closed at once", async () => {
    let finish: (api: Api) => void = () => undefined;
    let closed = 0;
    const keeper = keepApiOpen(
      blocks,
      log,
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    keeper.listenOn(anyPort);
    await new Promise((resolve) => setImmediate(resolve));
    const closing = keeper.close();
    finish({
      listener: anyPort,
      close: async () => {
        closed++;
      },
    });
    await closing;
    expect(closed).toBe(1);
    expect(blocks.control[WORD_OPEN]).toBe(0);
  });
});
