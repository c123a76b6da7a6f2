import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { type Answer, decode, encode, type Packet, RECURSION_DESIRED, TRUNCATED_RESPONSE } from "dns-packet";
import { afterEach, describe, expect, it } from "vitest";
import { listenOn, runProbe, targetOf } from "../../../test/support/probing.ts";
import type { DnsSpec } from "../plan.ts";
import type { RunningProbe } from "../probe.ts";
import { reasonText } from "../reasons.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Reply = (query: Packet) => Packet[];

/** A server of another codec: answers each query with the packets that `reply` makes of it. */
async function serveUdp(reply: Reply): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (octets, { port, address }) => {
    for (const packet of reply(decode(octets))) socket.send(encode(packet), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  closers.push(() => socket.close());
  return socket.address().port;
}

async function serveTcp(reply: Reply, split = false): Promise<number> {
  const server = createServer((socket) => {
    socket.once("data", (data) => {
      for (const packet of reply(decode(data.subarray(2)))) {
        const octets = encode(packet);
        const framed = Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 0xff]), octets]);
        if (!split) socket.write(framed);
        else {
          socket.write(framed.subarray(0, 1));
          setTimeout(() => socket.write(framed.subarray(1, 9)), 5);
          setTimeout(() => socket.end(framed.subarray(9)), 10);
        }
      }
    });
  });
  return listenOn(server, closers);
}

const responding =
  (answers: Answer[], more: Partial<Packet> & { rcode?: number } = {}): Reply =>
  ({ id, questions }) => [
    {
      ...(id === undefined ? {} : { id }),
      type: "response",
      questions: questions ?? [],
      answers,
      ...more,
      flags: (more.flags ?? 0) | (more.rcode ?? 0),
    },
  ];

function check(port: number, more: Partial<DnsSpec> = {}) {
  const usual = { query: "www.example.", queryType: 1, transport: "udp", recursion: false } as const;
  return targetOf({ type: "dns", port, ...usual, expectRcode: 0, expectAnswer: [], ...more });
}

const reasonOf = async (...run: Parameters<typeof runProbe>) => reasonText((await runProbe(...run)).reason);
const A: Answer = { type: "A", name: "www.example", ttl: 30, data: "192.0.2.1" };

describe.each([
  ["udp", serveUdp],
  ["tcp", (reply: Reply) => serveTcp(reply)],
] as const)("dns over %s", (transport, serve) => {
  it("is up when it answers, and asks what the check says", async () => {
    let asked: Packet = {};
    const port = await serve((query) => {
      asked = query;
      return responding([A])(query);
    });
    const result = await runProbe(check(port, { transport }));
    expect(result.ok).toBe(true);
    expect(result.firstOctetMs).toBeGreaterThan(0);
    expect(asked.questions).toEqual([{ name: "www.example", type: "A", class: "IN" }]);
    expect((asked.flags ?? 0) & RECURSION_DESIRED).toBe(0);
    await runProbe(check(port, { transport, recursion: true }));
    expect((asked.flags ?? 0) & RECURSION_DESIRED).toBe(RECURSION_DESIRED);
  });

  it("wants the data and the code that the check expects", async () => {
    const port = await serve(responding([A, { ...A, data: "192.0.2.2" } as Answer]));
    expect(await reasonOf(check(port, { transport, expectAnswer: ["192.0.2.2"] }))).toBe("ok");
    expect(await reasonOf(check(port, { transport, expectAnswer: ["192.0.2.2", "192.0.2.3"] }))).toBe(
      "answer-mismatch",
    );
    expect(await reasonOf(check(port, { transport, expectRcode: 3 }))).toBe("rcode-noerror");
    const failing = await serve(responding([], { rcode: 2 }));
    expect(await reasonOf(check(failing, { transport }))).toBe("rcode-servfail");
    const absent = await serve(responding([], { rcode: 3 }));
    expect(await reasonOf(check(absent, { transport, expectRcode: 3 }))).toBe("ok");
    const mail = await serve(
      responding([{ type: "MX", name: "www.example", data: { preference: 10, exchange: "MX.example" } }]),
    );
    expect(await reasonOf(check(mail, { transport, queryType: 15, expectAnswer: ["10 mx.example."] }))).toBe(
      "ok",
    );
  });

  it("row 59: a server that is silent runs into the deadline", async () => {
    const port = await serve(() => []);
    const reason = await reasonOf(check(port, { transport }), undefined, (running: RunningProbe) => {
      setTimeout(() => running.expire(), 50);
    });
    expect(reason).toBe("timeout");
  });
});

it("over udp, what is not the response to this query is not heard", async () => {
  const port = await serveUdp((query) => [
    { ...query, id: (query.id! + 1) & 0xffff, type: "response" },
    { ...query, type: "response", questions: [{ type: "A", name: "other.example" }] },
    { ...query, type: "query" },
    ...responding([A])(query),
  ]);
  expect(await reasonOf(check(port, { expectAnswer: ["192.0.2.1"] }))).toBe("ok");
});

it("over udp, a cut answer says so", async () => {
  const port = await serveUdp(responding([], { flags: TRUNCATED_RESPONSE }));
  expect(await reasonOf(check(port, { expectAnswer: ["192.0.2.1"] }))).toBe("truncated");
});

it("over udp, nobody listening is refused", async () => {
  const port = await serveUdp(() => []);
  for (const close of closers.splice(0)) close();
  expect(await reasonOf(check(port))).toBe("refused");
});

it("over tcp, a message may come in pieces, must come whole, and must be ours", async () => {
  expect(await reasonOf(check(await serveTcp(responding([A]), true), { transport: "tcp" }))).toBe("ok");
  const server = createServer((socket) => socket.once("data", () => socket.end(Buffer.from([0, 40, 1, 2]))));
  expect(await reasonOf(check(await listenOn(server, closers), { transport: "tcp" }))).toBe("closed");
  const foreign = createServer((socket) =>
    socket.once("data", () => socket.write(Buffer.from([0, 3, 1, 2, 3]))),
  );
  expect(await reasonOf(check(await listenOn(foreign, closers), { transport: "tcp" }))).toBe("malformed");
});

it("reports nothing once cancelled, and refuses what is no name", async () => {
  let count = 0;
  const { prepareProbe } = await import("./prepare.ts");
  const { realClock } = await import("../../../test/support/probing.ts");
  const running = prepareProbe(check(await serveUdp(responding([A]))), realClock)(() => count++);
  running.cancel();
  running.cancel();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(count).toBe(0);
  expect(await reasonOf(check(53, { query: "a..b." }))).toBe("request-invalid");
});
