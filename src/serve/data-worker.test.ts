import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askTcp, askUdp } from "../../test/support/dns-client.ts";
import { createFakePort, type FakePort, isKind } from "../../test/support/fake-port.ts";
import { staticSnapshot } from "../../test/support/in-process.ts";
import { counterNames, readCounters } from "../counters.ts";
import { allocateHealthRows } from "../health/rows.ts";
import type { Snapshot } from "../snapshot.ts";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/constants.ts";
import type { ZoneData } from "../zone/zone-data.ts";
import { allocateDataBlock, WORD_GENERATION, WORD_OPEN, WORD_STOP } from "./blocks.ts";
import { type OpenListeners, runDataWorker } from "./data-worker.ts";
import type { Listener } from "./listener.ts";
import type { DataInit, FromData, ToData, UdpSettings } from "./messages.ts";
import { openStream } from "./stream.ts";
import { openUdp } from "./udp.ts";
import { openUdpTransport } from "./udp-transport.ts";

const loopback: Listener = { host: "127.0.0.1", port: 0, family: 4 };
/** www.example. A, with RD, id 0x1234. */
const QUERY = Buffer.from("12340100000100000000000003777777076578616d706c650000010001", "hex");

/** No zone at all: everything is REFUSED. */
const noZones = (): ZoneData => ({
  words: new Int32Array(new SharedArrayBuffer(4)),
  octets: new Uint8Array(new SharedArrayBuffer(4)),
  view: new DataView(new SharedArrayBuffer(4)),
  zones: new Int32Array(0),
  nodeTable: new Int32Array(2),
  zoneTable: new Int32Array(2),
  glue: new Int32Array(0),
  targets: new Int32Array(0),
  services: new Int32Array(0),
  nodeCount: 0,
});
const snapshot = (generation: number): Snapshot => ({ ...staticSnapshot(noZones()), generation });

let init: DataInit;
let port: FakePort<ToData, FromData>;

beforeEach(() => {
  init = {
    rows: allocateHealthRows(8, 8),
    block: allocateDataBlock(8),
    index: 0,
  };
  port = createFakePort();
});
afterEach(() => {
  port.deliver({ kind: "stop" });
});

const udp: UdpSettings = { reusePort: false, batch: false };
const counter = (name: string): number => readCounters([init.block.counters])[counterNames.indexOf(name)]!;

describe("runDataWorker", () => {
  it.each<[string, number, OpenListeners, typeof askUdp]>([
    ["udp", TRANSPORT_UDP, openUdpTransport, askUdp],
    ["tcp", TRANSPORT_TCP, (listeners, plane) => openStream(listeners, plane), askTcp],
  ])("answers over %s from the first snapshot on", async (name, transport, open, ask) => {
    runDataWorker(init, port, transport, open);
    port.deliver({ kind: "snapshot", snapshot: snapshot(7) });
    expect(init.block.words[WORD_GENERATION]).toBe(7);
    port.deliver({ kind: "open", listeners: [loopback], udp });
    const { listeners } = await port.expect(isKind<FromData, "open">("open"));
    expect(init.block.words[WORD_OPEN]).toBe(1);
    const reply = (await ask(listeners[0]!, QUERY))!;
    expect(reply[3]! & 15).toBe(5);
    expect(counter(`queries.${name}.ipv4`)).toBe(1);
    expect(counter("rcode.refused")).toBe(1);
  });

  it("adopts the next snapshot", () => {
    runDataWorker(init, port, TRANSPORT_UDP, openUdpTransport);
    port.deliver({ kind: "snapshot", snapshot: snapshot(1) });
    port.deliver({ kind: "snapshot", snapshot: snapshot(2) });
    expect(init.block.words[WORD_GENERATION]).toBe(2);
    expect(counter("swaps")).toBe(2);
  });

  it("reports sockets that cannot be had", async () => {
    runDataWorker(init, port, TRANSPORT_UDP, openUdpTransport);
    port.deliver({ kind: "snapshot", snapshot: snapshot(1) });
    const nowhere: Listener = { host: "192.0.2.1", port: 0, family: 4 };
    port.deliver({ kind: "open", listeners: [nowhere], udp });
    const { failures } = await port.expect(isKind<FromData, "openFailed">("openFailed"));
    expect(failures).toEqual([{ listener: nowhere, transport: "udp", code: "EADDRNOTAVAIL" }]);
    expect(init.block.words[WORD_OPEN]).toBe(0);
  });

  it("says what it goes on without", async () => {
    const skipped = [{ listener: loopback, transport: "udp" as const, code: "EADDRNOTAVAIL" }];
    runDataWorker(init, port, TRANSPORT_UDP, async (listeners) => ({
      listeners,
      skipped,
      close: () => undefined,
    }));
    port.deliver({ kind: "snapshot", snapshot: snapshot(1) });
    port.deliver({ kind: "open", listeners: [loopback], udp });
    const line = await port.expect(isKind<FromData, "log">("log"));
    expect(line.message).toMatch(/address not available.*going on without it/);
  });

  it.each([
    ["the message", () => port.deliver({ kind: "stop" })],
    ["the word", () => Atomics.store(init.block.words, WORD_STOP, 1)],
  ])("stops on %s: sockets closed, channel closed", async (_what, stop) => {
    runDataWorker(init, port, TRANSPORT_UDP, openUdpTransport);
    port.deliver({ kind: "snapshot", snapshot: snapshot(1) });
    port.deliver({ kind: "open", listeners: [loopback], udp });
    const { listeners } = await port.expect(isKind<FromData, "open">("open"));
    stop();
    await port.expect(isKind<FromData, "stopped">("stopped"));
    expect(port.closed).toBe(true);
    expect(init.block.words[WORD_OPEN]).toBe(0);
    const again = await openUdp(listeners, {} as never, false);
    expect("close" in again && again.close()).toBeUndefined();
  });

  it("closes sockets that open after it was told to stop", async () => {
    let closed = 0;
    let finish: () => void = () => undefined;
    const opening = new Promise<void>((resolve) => {
      finish = resolve;
    });
    runDataWorker(init, port, TRANSPORT_UDP, async (listeners) => {
      await opening;
      return { listeners, skipped: [], close: () => closed++ };
    });
    port.deliver({ kind: "snapshot", snapshot: snapshot(1) });
    port.deliver({ kind: "open", listeners: [loopback], udp });
    port.deliver({ kind: "stop" });
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    expect(closed).toBe(1);
    expect(port.posted.some(isKind<FromData, "open">("open"))).toBe(false);
  });
});
