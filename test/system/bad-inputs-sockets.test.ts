import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askTcp, askUdp, openStream } from "../support/dns-client.ts";
import { type Message, readMessage } from "../support/message.ts";
import { buildQuery, ecsOption } from "../support/packet.ts";
import { decodePacket } from "../support/second-opinion.ts";
import { type Steerd, startSteerd } from "../support/steerd.ts";

/** Some rows of the list of bad inputs again, over real sockets: what the transports add, or get wrong. */
let server: Steerd;

beforeAll(async () => {
  const texts = Array.from(
    { length: 100 },
    (_, index) => `large 300 IN TXT "${String(index).padStart(200, "x")}"`,
  );
  server = await startSteerd({
    "example.test.zone": `@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.53
www 300 IN A 192.0.2.1
loop1 300 IN CNAME loop2
loop2 300 IN CNAME loop1
${texts.join("\n")}
`,
  });
});

afterAll(() => server?.stop());

const WWW = "www.example.test.";

async function overUdp(packet: Uint8Array): Promise<Message> {
  const reply = await askUdp(server, packet);
  expect(reply, "a reply").not.toBeNull();
  decodePacket(reply!);
  return readMessage(reply!);
}

async function overTcp(packet: Uint8Array): Promise<Message> {
  const reply = await askTcp(server, packet);
  decodePacket(reply);
  return readMessage(reply);
}

describe("over UDP and TCP", () => {
  test("rows 1 and 2: silence over UDP, and the server goes on", async () => {
    expect(await askUdp(server, buildQuery({ name: WWW }).subarray(0, 11), 150)).toBeNull();
    expect(await askUdp(server, buildQuery({ name: WWW, flags: 0x8000 }), 150)).toBeNull();
    expect((await overUdp(buildQuery({ name: WWW }))).answer).toHaveLength(1);
  });

  test.each<[string, Uint8Array, number]>([
    ["row 3", buildQuery({ question: false }), 1],
    ["row 4", buildQuery({ name: WWW, counts: [2] }), 1],
    ["row 6", buildQuery({ name: [0xc0, 12] }), 1],
    ["row 7", buildQuery({ name: [0x41, 0x61, 0] }), 1],
    ["row 10", buildQuery({ name: WWW, counts: [1, 0, 0, 65_535] }), 1],
    ["row 13", buildQuery({ name: WWW, flags: 2 << 11 }), 4],
    ["row 17", buildQuery({ name: "example.test.", type: "AXFR" }), 5],
    ["row 19", buildQuery({ name: "elsewhere.invalid." }), 5],
    ["row 20", buildQuery({ name: "version.bind.", type: "TXT", class: 3 }), 5],
    ["row 22", buildQuery({ name: "loop1.example.test." }), 0],
    ["row 25", buildQuery({ name: WWW, edns: { version: 1 } }), 16],
    ["row 33", buildQuery({ name: WWW, edns: { options: [{ code: 8, data: [0, 1, 33, 0] }] } }), 1],
    ["row 36", buildQuery({ name: WWW, edns: { options: [ecsOption("198.51.100.0/24")] } }), 0],
  ])("%s is answered alike over both", async (_, packet, rcode) => {
    const udp = await overUdp(packet);
    expect(udp.rcode).toBe(rcode);
    expect(await overTcp(packet)).toEqual(udp);
  });

  test("row 24: TC over UDP, the whole answer over TCP", async () => {
    for (const udpSize of [512, 1232, 4096]) {
      const packet = buildQuery({ name: "large.example.test.", type: "TXT", edns: { udpSize } });
      const reply = await overUdp(packet);
      expect([reply.tc, reply.answer.length, reply.opt !== null]).toEqual([true, 0, true]);
      const whole = await overTcp(packet);
      expect([whole.tc, whole.answer.length]).toEqual([false, 100]);
    }
  });

  test("a malformed message does not end a connection that carries good ones", async () => {
    const stream = await openStream(server);
    stream.send(buildQuery({ id: 1, name: [0xc0, 12] }));
    stream.send(buildQuery({ id: 2, name: WWW }));
    const replies = [readMessage(await stream.receive()), readMessage(await stream.receive())];
    stream.close();
    expect(new Map(replies.map((reply) => [reply.id, reply.rcode]))).toEqual(
      new Map([
        [1, 1],
        [2, 0],
      ]),
    );
  });
});
