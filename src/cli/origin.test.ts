import { EventEmitter } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { type OriginProcess, type OriginReport, runOrigin, startOrigin } from "./origin.ts";

/** A process as an origin sees it: what it was sent and what it wrote. */
class FakeProcess extends EventEmitter {
  argv: string[];
  connected: boolean;
  reports: OriginReport[] = [];
  written = "";
  stderr = { write: (text: string) => (this.written += text) };
  constructor(args: string[], connected: boolean) {
    super();
    this.argv = ["node", "origin-entry.js", ...args];
    this.connected = connected;
  }
  /** The only other process that runs. */
  demo = 0;
  kill(process: number, signal: number): true {
    if (process === this.demo && signal === 0) return true;
    throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
  }
  send(report: OriginReport): boolean {
    return this.reports.push(report) > 0;
  }
  disconnect(): void {
    this.connected = false;
  }
}

async function freePort(): Promise<number> {
  const server = await startOrigin("probe", "127.0.0.1", 0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function run(fake: FakeProcess): Promise<void> {
  await runOrigin(fake as unknown as OriginProcess);
}

async function isGone(port: number): Promise<boolean> {
  for (let i = 0; i < 50; i++) {
    if (
      await fetch(`http://127.0.0.1:${port}/`).then(
        () => false,
        () => true,
      )
    )
      return true;
  }
  return false;
}

test("answers its health check, and says who it is", async () => {
  const server = await startOrigin("europe", "127.0.0.1", 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await (await fetch(`${url}/healthz`)).text()).toBe("ok\n");
  expect(await (await fetch(url)).text()).toBe("This is europe, on 127.0.0.1.\n");
  server.closeAllConnections();
  server.close();
});

test.each(["SIGTERM", "disconnect"])(
  "as a child it reports, survives SIGINT and ends with %s",
  async (event) => {
    const port = await freePort();
    const fake = new FakeProcess(["europe", "127.0.0.1", String(port)], true);
    await run(fake);
    expect(fake.reports).toEqual([{ listening: true }]);
    fake.emit("SIGINT");
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    fake.emit(event);
    expect(await isGone(port)).toBe(true);
    expect(fake.connected).toBe(false);
  },
);

test("by hand it writes a line and ends with SIGINT", async () => {
  const port = await freePort();
  const fake = new FakeProcess(["europe", "127.0.0.1", String(port)], false);
  await run(fake);
  expect(fake.written).toBe(`europe: 127.0.0.1:${port}\n`);
  fake.emit("SIGINT");
  expect(await isGone(port)).toBe(true);
});

test("by hand it ends with the demo that named it", async () => {
  const port = await freePort();
  const fake = new FakeProcess(["europe", "127.0.0.1", String(port), "4711"], false);
  fake.demo = 4711;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  await run(fake);
  vi.advanceTimersByTime(10_000);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  fake.demo = 0;
  vi.advanceTimersByTime(250);
  expect(await isGone(port)).toBe(true);
  expect(fake.written).toContain("europe: the demo has ended\n");
  expect(vi.getTimerCount()).toBe(0);
});

test("a port in use is reported, not thrown", async () => {
  const server = await startOrigin("first", "127.0.0.1", 0);
  const port = String((server.address() as AddressInfo).port);
  const child = new FakeProcess(["second", "127.0.0.1", port], true);
  await run(child);
  expect(child.reports).toEqual([{ listening: false, code: "EADDRINUSE" }]);
  expect(child.connected).toBe(false);
  const alone = new FakeProcess(["second", "127.0.0.1", port], false);
  await run(alone);
  expect(alone.written).toBe("second: EADDRINUSE\n");
  server.close();
});
