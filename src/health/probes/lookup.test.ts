import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { ProbeTarget } from "../plan.ts";
import type { ProbeResult } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { lookupAllowed, type ResolveName } from "./lookup.ts";
import { prepareProbe } from "./prepare.ts";

const answering =
  (...addresses: string[]): ResolveName =>
  (_name, _options, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );

/** The address that a probe would connect to, or the error's code. */
function looked(resolve: ResolveName, allow: string[] = []): unknown {
  let found: unknown;
  lookupAllowed(allow, resolve)("cdn.example.", {}, (error, address) => {
    found = error === null ? address : error.code;
  });
  return found;
}

describe("a name that is probed", () => {
  test("is its first address that may be probed", () => {
    expect(looked(answering("169.254.169.254", "10.0.0.1", "192.0.2.1", "192.0.2.2"))).toBe("192.0.2.1");
    expect(looked(answering("10.0.0.1", "192.0.2.1"), ["10.0.0.0/8"])).toBe("10.0.0.1");
    expect(looked(answering("fe80::1%eth0", "2001:db8::1"))).toBe("2001:db8::1");
  });

  test("row 63: a name with 1,000 addresses costs a look at 16 of them", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    expect(looked(answering(...many.slice(0, 15), "192.0.2.1"))).toBe("192.0.2.1");
    expect(looked(answering(...many, "192.0.2.1"))).toBe("STEERD_NAME_FORBIDDEN");
  });

  test("row 64: link-local and metadata addresses are refused", () => {
    expect(looked(answering("169.254.169.254", "fd00:ec2::254", "fe80::1"))).toBe("STEERD_NAME_FORBIDDEN");
    expect(looked(answering())).toBe("STEERD_NAME_FORBIDDEN");
  });

  test("that nobody knows is an error of its resolver", () => {
    const failing: ResolveName = (_name, _options, done) =>
      done(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }), []);
    expect(looked(failing)).toBe("ENOTFOUND");
  });
});

describe("a probe of localhost", () => {
  let server: Server | null = null;
  afterEach(() => server?.close());

  async function probe(port: number, allow: string[]): Promise<ProbeResult> {
    const check = {
      type: "tcp",
      name: "c",
      port,
      intervalMs: 1000,
      timeoutMs: 500,
      fall: 1,
      rise: 1,
    } as const;
    const target: ProbeTarget = {
      ...{ row: 0, keyHigh: 1, keyLow: 1, address: "localhost", family: 0, check, allow },
      ...{ zone: "z", pool: "p", endpoint: "e" },
    };
    const clock = {
      nowMs: () => 0,
      wallMs: () => 0,
      setTimer: () => null,
      clearTimer: () => undefined,
    };
    return new Promise((resolve) => prepareProbe(target, clock)(resolve));
  }

  test("connects where the system's resolver says, when loopback is allowed; else it is refused", async () => {
    server = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((resolve) =>
      server!.listen({ port: 0, host: "127.0.0.1" }, () =>
        resolve((server!.address() as { port: number }).port),
      ),
    );
    expect((await probe(port, ["127.0.0.0/8"])).ok).toBe(true);
    const { ok, reason } = await probe(port, []);
    expect([ok, reasonText(reason)]).toEqual([false, "name-forbidden"]);
  });
});
