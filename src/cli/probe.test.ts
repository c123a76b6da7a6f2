import { once } from "node:events";
import { createServer } from "node:http";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { listenOn } from "../../test/support/probing.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

const closers: (() => void)[] = [];
let port: number;

beforeEach(async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/up" ? 200 : 503;
    response.end("ok");
  });
  port = await listenOn(server, closers);
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const zone = (name: string) => `checks:
  web: {type: http, port: ${port}, path: /up, timeout: 900ms}
  ${name}: {type: http, port: ${port}, path: /down, timeout: 900ms}
  busy: {type: http, port: ${port}, timeout: 900ms, load: true, reuse: 5}
  off: {type: static, state: down}
pools:
  ${name}: {check: web, endpoints: [{name: lb1, address: 127.0.0.1}, {name: lb2, address: 192.0.2.1, probe_address: 127.0.0.1}]}
records: {www: {policy: ${name}}}
`;
  const folder = configFolder({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "zones/a.example.yaml": zone("us"),
    "zones/b.example.yaml": zone("eu"),
  });
  const terminal = recordedTerminal();
  const code = await runCommandLine([...args, "--config", join(folder.root, "steerd.yaml")], terminal);
  return { code, out: terminal.stdout, err: terminal.stderr };
}

describe("steerd probe", () => {
  test("shows each phase with its time, and the verdict", async () => {
    const { code, out } = await run("probe", "a.example/web", "us/lb1");
    expect(code).toBe(0);
    expect(out.split("\n")[0]).toBe("127.0.0.1 (us/lb1): up: ok, by web (http)");
    expect(out.match(/^ {2}(connect|first octet|end) +[\d.]+ ms +\+[\d.]+$/gm)).toHaveLength(3);
  });

  test("exits with 1 when one is down, and says why", async () => {
    const { code, out } = await run("probe", "eu", "eu");
    expect(code).toBe(1);
    expect(out).toContain("127.0.0.1 (eu/lb1): down: status-503, by eu (http)");
    expect(out).toContain("192.0.2.1 (eu/lb2), probed at 127.0.0.1: down: status-503");
    expect((await run("probe", "b.example/off", "eu/lb1")).out).toContain(
      "down: state-down, by off (static)",
    );
  });

  test("takes an address that is in no pool, and writes JSON", async () => {
    const { code, out } = await run("probe", "us", "127.0.0.1", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      zone: "a.example",
      address: "127.0.0.1",
      check: "us",
      type: "http",
      up: false,
      warning: false,
      reason: "status-503",
      status: 503,
      ms: { tls: -1 },
    });
  });

  test("shows what the endpoint says of its load, and leaves no connection behind", async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => {
      sockets.push(socket);
      const body = '{"active_connections":40,"capacity":200,"error_rate":0.015}';
      socket.on("data", () =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
      );
    });
    port = await listenOn(server, closers);
    const { out } = await run("probe", "a.example/busy", "127.0.0.1");
    expect(out).toContain("  load        40 connections, capacity 200, 1.5% errors\n");
    const json = JSON.parse((await run("probe", "a.example/busy", "127.0.0.1", "--json")).out);
    expect(json.load).toEqual({ activeConnections: 40, capacity: 200, errorRate: 0.015 });
    for (const socket of sockets) if (!socket.closed) await once(socket, "close");
    expect(sockets).toHaveLength(2);
  });

  test.each([
    [["probe", "wbe", "us"], '"wbe" is not a check: did you mean web?'],
    [["probe", "web", "us"], "web is in 2 zones: expected one of a.example/web, b.example/web"],
    [["probe", "us", "su"], '"su" is not a pool: expected one of us, eu'],
    [["probe", "us", "host.example"], '"host.example" is neither an address nor a pool: expected one of'],
    [["probe", "us", "169.254.169.254"], "169.254.169.254 lies in 169.254.0.0/16, link local"],
    [["probe", "us"], "A name is missing"],
  ])("%j is a usage error", async (args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test("ends at the deadline of the check", async () => {
    const silent = await listenOn(createTcpServer(), closers);
    connect(silent, "127.0.0.1").on("error", () => {});
    port = silent;
    const { code, out } = await run("probe", "us", "127.0.0.1");
    expect(code).toBe(1);
    expect(out).toContain("down: timeout-headers");
  });
});
