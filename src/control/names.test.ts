import { createSocket, type Socket } from "node:dgram";
import { decode, encode } from "dns-packet";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { type Looked, type LookUp, lookUp } from "./look-up.ts";
import { createNames, type Names } from "./names.ts";

let clock: FakeClock;
let answers: Map<string, Looked>;
let asked: string[];
let log: string[];
let changes: number;
let names: Names;

const fault = (code: string, isAnswer = false) => ({ code, isAnswer });
const FAILED: Looked = { ipv4: fault("ETIMEOUT"), ipv6: fault("ETIMEOUT") };
const none = fault("ENODATA", true);
const settle = () => new Promise((resolve) => setImmediate(resolve));
const wanted = (name: string, intervalMs = 10_000) => ({ name, intervalMs, place: "z.yaml:3" });

function create(known: [string, string[]][] = []): Names {
  const look: LookUp = async (name) => {
    asked.push(name);
    return answers.get(name) ?? FAILED;
  };
  return createNames({
    clock,
    log: (level, message) => log.push(`${level} ${message}`),
    lookUp: look,
    known: new Map(known),
    onChange: () => changes++,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  answers = new Map([["a.", { ipv4: ["192.0.2.2", "192.0.2.1"], ipv6: none }]]);
  asked = [];
  log = [];
  changes = 0;
  names = create();
});
afterEach(() => names.stop());

describe("names", () => {
  test("are looked up at once and then on their intervals", async () => {
    expect(names.want([wanted("a."), wanted("b.", 25_000)], [])).toBe(true);
    await settle();
    expect(asked).toEqual(["a.", "b."]);
    for (let i = 0; i < 3; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(asked).toEqual(["a.", "b.", "a.", "a.", "b.", "a."]);
  });

  test("the order of an answer is no change; an address more is one", async () => {
    names.want([wanted("a.")], []);
    await settle();
    expect(names.known.get("a.")).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(changes).toBe(1);
    answers.set("a.", { ipv4: ["192.0.2.1", "192.0.2.2"], ipv6: none });
    clock.advance(10_000);
    await settle();
    expect(changes).toBe(1);
    answers.set("a.", { ipv4: ["192.0.2.1", "192.0.2.2"], ipv6: ["2001:db8::1"] });
    clock.advance(10_000);
    await settle();
    expect(changes).toBe(2);
    expect(names.known.get("a.")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  });

  test.each([
    ["a timeout", FAILED, "ETIMEOUT"],
    ["SERVFAIL", { ipv4: fault("ESERVFAIL"), ipv6: fault("ESERVFAIL") }, "ESERVFAIL"],
    ["NXDOMAIN", { ipv4: fault("ENOTFOUND", true), ipv6: fault("ENOTFOUND", true) }, "ENOTFOUND"],
    ["an empty answer", { ipv4: [], ipv6: [] }, "no address"],
  ])("%s keeps what is known, and is told once, with place and age", async (_, looked: Looked, code) => {
    names.want([wanted("a.")], []);
    await settle();
    answers.set("a.", looked);
    for (let i = 0; i < 3; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(names.known.get("a.")).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(changes).toBe(1);
    expect(log.filter((line) => line.startsWith("warn"))).toEqual([
      `warn z.yaml:3 resolve a.: ${code}; the addresses found 10 s ago stay in use`,
    ]);
    answers.set("a.", { ipv4: ["192.0.2.9"], ipv6: none });
    clock.advance(10_000);
    await settle();
    expect(names.known.get("a.")).toEqual(["192.0.2.9"]);
    expect(log).toContain("info a. is looked up again (z.yaml:3)");
  });

  test("a family of which nobody can say anything stays; one that is gone goes", async () => {
    answers.set("a.", { ipv4: ["192.0.2.1"], ipv6: ["2001:db8::1"] });
    names.want([wanted("a.")], []);
    await settle();
    answers.set("a.", { ipv4: ["192.0.2.2"], ipv6: fault("ETIMEOUT") });
    clock.advance(10_000);
    await settle();
    expect(names.known.get("a.")).toEqual(["192.0.2.2", "2001:db8::1"]);
    answers.set("a.", { ipv4: ["192.0.2.2"], ipv6: none });
    clock.advance(10_000);
    await settle();
    expect(names.known.get("a.")).toEqual(["192.0.2.2"]);
  });

  test("a name that nobody wants any longer is forgotten, its answer on the way too", async () => {
    names.want([wanted("a.")], []);
    names.want([], []);
    await settle();
    expect([...names.known.keys(), ...names.states.keys()]).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(changes).toBe(0);
  });

  test("whoever waits goes on when all were tried, failed ones too, and counts as told", async () => {
    let went = 0;
    expect(names.want([wanted("a."), wanted("b.")], [])).toBe(true);
    names.whenTried(1000, () => went++);
    expect(went).toBe(0);
    await settle();
    expect([went, changes]).toEqual([1, 0]);
    expect(names.want([wanted("a."), wanted("b.")], [])).toBe(false);
  });

  test("or after the longest wait", async () => {
    let went = 0;
    const never = createNames({
      ...{ clock, log: () => undefined, known: new Map(), onChange: () => undefined },
      lookUp: () => new Promise(() => undefined),
    });
    never.want([wanted("a.")], []);
    never.whenTried(1000, () => went++);
    clock.advance(999);
    expect(went).toBe(0);
    never.whenTried(1000, () => went++);
    clock.advance(1);
    expect(went).toBe(1);
    never.stop();
  });

  test("what a worker before knew is used until it is looked up", async () => {
    names = create([["b.", ["192.0.2.7", "2001:db8::7"]]]);
    expect(names.want([wanted("b.")], [])).toBe(false);
    expect(names.known.get("b.")).toEqual(["192.0.2.7", "2001:db8::7"]);
    await settle();
    expect(names.known.get("b.")).toEqual(["192.0.2.7", "2001:db8::7"]);
  });
});

describe("one lookup", () => {
  let server: Socket;
  let rcode: string;

  beforeEach(async () => {
    rcode = "NOERROR";
    server = createSocket("udp4");
    server.on("message", (packet, peer) => {
      const { id, questions = [] } = decode(packet);
      const [question] = questions;
      const isA = question!.type === "A";
      const addresses = isA ? ["192.0.2.2", "192.0.2.1"] : [];
      const reply = encode({
        type: "response",
        id: id!,
        flags: rcode === "NOERROR" ? 0 : 2,
        questions,
        answers:
          rcode === "NOERROR"
            ? addresses.map((data) => ({ type: "A", name: question!.name, ttl: 1, data }))
            : [],
      });
      server.send(reply, peer.port, peer.address);
    });
    await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  });
  afterEach(() => server.close());

  test("asks the given resolver for both families", async () => {
    const looked = await lookUp("lb.example.", [`127.0.0.1:${server.address().port}`]);
    expect(looked).toEqual({ ipv4: ["192.0.2.2", "192.0.2.1"], ipv6: { code: "ENODATA", isAnswer: true } });
  });

  test("SERVFAIL is no answer", async () => {
    rcode = "SERVFAIL";
    const looked = await lookUp("lb.example.", [`127.0.0.1:${server.address().port}`]);
    expect(looked.ipv4).toEqual({ code: "ESERVFAIL", isAnswer: false });
  });
});
