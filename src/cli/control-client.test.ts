import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { connectControl } from "./control-client.ts";
import { runCommandLine } from "./program.ts";

const ZONE =
  "pools: {eu: {endpoints: [192.0.2.1]}, us: {endpoints: [192.0.2.2]}}\nrecords: {www: {policy: {failover: [eu, us]}}}\n";

let folder: string;
let server: Server;
let sockets: Socket[];
/** What the server does with a client, or with its requests. */
let serve: (socket: Socket) => void;

beforeEach(async () => {
  folder = temporaryFolder("client");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "steerd.yaml"), "nameservers: [ns.example.net.]\n");
  writeFileSync(join(folder, "zones/example.com.yaml"), ZONE);
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, "steerd.sock"), resolve));
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const reply = (text: string) => (socket: Socket) => void socket.on("data", () => socket.write(text));

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = recordedTerminal();
  const code = await runCommandLine([...args, "--config", join(folder, "steerd.yaml")], terminal);
  const plain = (text: string) => text.replaceAll(`${folder}/`, "");
  return { code, stdout: plain(terminal.stdout), stderr: plain(terminal.stderr) };
}

const WRONG: [string, (socket: Socket) => void, string][] = [
  ["no JSON", reply("220 mail.example ESMTP\n"), 'is no steerd: it answers "220 mail.example ESMTP"'],
  ["JSON that is no reply", reply("[]\n"), "is no steerd"],
  ["a reply of another shape", reply('{"ok":true}\n'), "its answer cannot be understood ("],
  [
    "a reply with parts of another shape",
    reply('{"ok":true,"pools":7,"events":[{}],"frozen":"no"}\n'),
    "cannot be understood",
  ],
  [
    "half a reply, and its end",
    (socket) => void socket.on("data", () => socket.end('{"ok":tr')),
    "went away",
  ],
  ["nothing, and its end", (socket) => void socket.end(), "went away"],
];

describe.each(WRONG)("a server that answers %s", (_what, how, words) => {
  beforeEach(() => {
    serve = how;
  });

  it.each([["status"], ["events"], ["events", "--follow"], ["thaw"], ["failback", "www"]])(
    "%s %s: one line, exit code 3",
    async (...args) => {
      const { code, stdout, stderr } = await run(...args.filter((arg) => arg !== undefined));
      expect([code, stdout]).toEqual([3, ""]);
      expect(stderr).toMatch(/^steerd: [^\n]*steerd\.sock[^\n]*\n$/);
      expect(stderr).toContain(words);
    },
  );

  it("drain writes nothing", async () => {
    const { code, stderr } = await run("drain", "us");
    expect(code).toBe(1);
    expect(stderr).toContain("CFG_OVERRIDE_UNJUDGED");
    expect(stderr).toContain(words);
    expect(() => readFileSync(join(folder, "overrides.yaml"))).toThrow("ENOENT");
  });

  it("explain goes on without it", async () => {
    const { code, stdout } = await run("explain", "www.example.com", "--client", "9.9.9.9");
    expect(code).toBe(0);
    expect(stdout).toContain("IN A 192.0.2.1");
  });
});

it.each([1e300, -1, 8.64e15 + 1])("a moment that no clock shows, %d, is no reply", async (timeMs) => {
  const event = { timeMs, level: "info", message: "m", fields: {} };
  serve = reply(`${JSON.stringify({ ok: true, events: [event] })}\n`);
  const { code, stdout, stderr } = await run("events");
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toMatch(/^steerd: [^\n]*its answer cannot be understood \(events\.0\.timeMs: [^\n]*\n$/);
});

it("an event that is none ends events --follow with a line", async () => {
  serve = (socket) => void socket.on("data", () => socket.write('{"ok":true,"events":[]}\n{"event":7}\n'));
  const { code, stderr } = await run("events", "--follow");
  expect(code).toBe(3);
  expect(stderr).toContain("its answer cannot be understood (event: ");
});

it("a server that is gone after an entry was written is told, and the entry stays", async () => {
  const judged = {
    ok: true,
    unmatched: null,
    ambiguous: [],
    losses: [],
    addresses: ["eu/a 1"],
    held: [],
    was: [],
  };
  serve = (socket) => {
    let asked = 0;
    socket.on("data", () => (asked++ === 0 ? socket.write(`${JSON.stringify(judged)}\n`) : socket.destroy()));
  };
  const { code, stdout, stderr } = await run("drain", "us");
  expect(code).toBe(3);
  expect(stdout).toContain("pool:us is drained");
  expect(stderr).toMatch(/^steerd: it is written, but the server on steerd\.sock went away/);
  expect(readFileSync(join(folder, "overrides.yaml"), "utf8")).toContain("pool:us");
  const cleared = await run("clear", "us");
  expect(cleared.code).toBe(0);
});

it("a request after the end is not waited for", async () => {
  serve = (socket) => void socket.end();
  const client = await connectControl(join(folder, "steerd.sock"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(client.ask("status")).rejects.toThrow("went away");
});
