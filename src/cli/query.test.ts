import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { decode, encode, streamEncode } from "dns-packet";
import { afterEach, expect, test } from "vitest";
import { bindPair } from "../../test/support/port-pair.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

const close: (() => void)[] = [];
afterEach(() => {
  for (const end of close.splice(0)) end();
});

/** What the server says to a query, as dns-packet has it. */
type Reply = Record<string, unknown>;

/** A server on a loopback port, over UDP and TCP, that answers with what `reply` makes of the query. */
async function serve(reply: (overTcp: boolean) => Reply): Promise<string> {
  const respond = (query: Buffer, overTcp: boolean): Reply => {
    const { id, questions } = decode(query);
    return { type: "response", id, questions, ...reply(overTcp) };
  };
  const tcp = createServer((socket) => {
    socket.on("data", (query) => socket.write(streamEncode(respond(query.subarray(2), true) as never)));
  });
  const { udp, port } = await bindPair(tcp);
  udp.on("message", (query, from) =>
    udp.send(encode(respond(query, false) as never), from.port, from.address),
  );
  close.push(
    () => udp.close(),
    () => tcp.close(),
  );
  return `127.0.0.1:${port}`;
}

async function query(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runCommandLine(["query", ...args], terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const subnetOption = {
  code: 8,
  family: 1,
  sourcePrefixLength: 24,
  scopePrefixLength: 20,
  ip: "193.0.6.0",
};
const opt = (options: unknown[]): Reply => ({
  type: "OPT",
  name: ".",
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options,
});
const address = (data: string, ttl: number): Reply => ({
  type: "A",
  class: "IN",
  name: "www.example",
  ttl,
  data,
});

test("records stand in columns, below the header, the subnet with its scope, and the question", async () => {
  const server = await serve(() => ({
    flags: 0x0400,
    answers: [address("192.0.2.1", 30), address("192.0.2.20", 3600)],
    authorities: [{ type: "NS", class: "IN", name: "example", ttl: 60, data: "ns.example" }],
    additionals: [opt([subnetOption])],
  }));
  const { code, stdout } = await query("www.example", "A", "--server", server, "--subnet", "193.0.6.0/24");
  expect(code).toBe(0);
  expect(stdout.replace(/id \d+/, "id N").replace(/\d+ ms, \d+/, "T ms, L")).toBe(
    [
      ";; NOERROR, id N, flags qr aa",
      ";; EDNS version 0, udp 1232",
      ";; client subnet 193.0.6.0/24, scope /20",
      ";www.example. IN A",
      "",
      ";; answer",
      "www.example. 30   IN A 192.0.2.1",
      "www.example. 3600 IN A 192.0.2.20",
      "",
      ";; authority",
      "example. 60 IN NS ns.example.",
      "",
      `;; ${server.replace(":", "#")} (UDP), T ms, L octets`,
      "",
    ].join("\n"),
  );
});

test("--json: one object", async () => {
  const error = { code: 15, data: Buffer.from([0, 20, ...Buffer.from("no")]) };
  const server = await serve(() => ({ flags: 5, answers: [], additionals: [opt([subnetOption, error])] }));
  const { code, stdout } = await query("www.example", "AAAA", "--server", server, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    rcode: "REFUSED",
    flags: ["qr"],
    question: { name: "www.example.", type: "AAAA" },
    answer: [],
    subnet: { address: "193.0.6.0", sourceBits: 24, scopeBits: 20 },
    extendedError: { code: 20, text: "no" },
    transport: "UDP",
  });
});

test("a reply that was cut is asked for again over TCP", async () => {
  const server = await serve((overTcp) =>
    overTcp ? { flags: 0x0400, answers: [address("192.0.2.7", 5)] } : { flags: 0x0600, answers: [] },
  );
  const { stdout } = await query("www.example", "A", "--server", server);
  expect(stdout).toContain("www.example. 5 IN A 192.0.2.7");
  expect(stdout).toContain("(TCP, after the UDP reply was cut)");
});

test("--tcp asks over TCP at once", async () => {
  const server = await serve((overTcp) => ({ answers: [address(overTcp ? "192.0.2.2" : "192.0.2.1", 5)] }));
  const { stdout } = await query("www.example", "A", "--server", server, "--tcp");
  expect(stdout).toContain("192.0.2.2");
});

test("no server: exit code 1, and a sentence", async () => {
  const server = await serve(() => ({}));
  for (const end of close.splice(0)) end();
  for (const transport of [[], ["--tcp"]]) {
    const { code, stdout, stderr } = await query("www.example", "A", "--server", server, ...transport);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(`${server.replace(":", "#")}: connection refused: no server listens there\n`);
  }
});

test("a reply that is no message: exit code 1", async () => {
  const udp = createSocket("udp4");
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  udp.on("message", (octets, from) => udp.send(octets.subarray(0, 11), from.port, from.address));
  close.push(() => udp.close());
  const { code, stderr } = await query("a.example", "A", "--server", `127.0.0.1:${udp.address().port}`);
  expect(code).toBe(1);
  expect(stderr).toContain("the reply is not a DNS message");
});

test.each([["127.0.0.1"], ["0.0.0.0"]])(
  "without --server the first listener of the configuration is asked: %s",
  async (host) => {
    const server = await serve(() => ({ answers: [address("192.0.2.7", 30)] }));
    const config = join(temporaryFolder("query"), "steerd.yaml");
    writeFileSync(config, `listen: ["${host}:${server.split(":")[1]}", "127.0.0.1:1"]\n`);
    const { code, stdout } = await query("www.example.com", "--config", config);
    expect(code).toBe(0);
    expect(stdout).toContain(`;; ${server.replace(":", "#")} (UDP)`);
  },
);

test.each([
  ["listen: [127.0.0.1:0]", 2, "--server is missing"],
  ["listen: [127.0.0.1]", 1, "1 error in 1 file; --server asks a server whatever the files say"],
])("without --server, %s: exit code %d", async (yaml, exit, words) => {
  const config = join(temporaryFolder("query"), "steerd.yaml");
  writeFileSync(config, `${yaml}\n`);
  const { code, stderr } = await query("www.example.com", "--config", config);
  expect(code).toBe(exit);
  expect(stderr).toContain(words);
});
