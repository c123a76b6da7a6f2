import { Server, ServerCredentials, type ServiceDefinition, type sendUnaryData, status } from "@grpc/grpc-js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { GrpcSpec } from "../../src/health/plan.ts";
import type { RunningProbe } from "../../src/health/probe.ts";
import { prepareProbeTrusting } from "../../src/health/probes/prepare.ts";
import { reasonText } from "../../src/health/reasons.ts";
import { type Certificate, makeCertificate } from "../support/certificates.ts";
import { runProbe, targetOf } from "../support/probing.ts";

const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** What the server says of each service; one that is absent is NOT_FOUND, as health.proto asks. */
const STATES: Record<string, number> = {
  "": SERVING,
  "shop.Cart": SERVING,
  "shop.Search": NOT_SERVING,
  "shop.Old": SERVICE_UNKNOWN,
  "shop.Undecided": 0,
  [`shop.${"Long".repeat(100)}`]: SERVING,
};

/** grpc.health.v1.Health/Check, its two messages read and written apart from what the probe has for them. */
const HEALTH: ServiceDefinition = {
  Check: {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: (octets: Buffer) => ({ service: serviceOf(octets) }),
    responseSerialize: (state: number) => Buffer.from(state === 0 ? [] : [0x08, state]),
    responseDeserialize: () => 0,
  },
};

/** The `service` of a HealthCheckRequest: field 1, a string of less than 16,384 octets. */
function serviceOf(octets: Buffer): string {
  if (octets.length === 0) return "";
  if (octets[0] !== 0x0a) throw new Error("no field 1");
  const isLong = octets[1]! >= 0x80;
  const length = isLong ? (octets[1]! & 0x7f) + octets[2]! * 128 : octets[1]!;
  const text = octets.subarray(isLong ? 3 : 2);
  if (text.length !== length) throw new Error(`${text.length} octets, and ${length} announced`);
  return text.toString("utf8");
}

type Check = (call: { request: { service: string } }, reply: sendUnaryData<number>) => void;

const check: Check = ({ request: { service } }, reply) => {
  const state = STATES[service];
  if (state === undefined) reply({ code: status.NOT_FOUND, details: `no service ${service}` });
  else reply(null, state);
};

const servers: Server[] = [];
let authority: Certificate;
let secure: ServerCredentials;

beforeAll(() => {
  authority = makeCertificate({ name: "steerd test authority" });
  const { cert, key } = makeCertificate({ name: "o", issuer: authority, hosts: ["grpc.example"] });
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  secure = ServerCredentials.createSsl(null, [pair]);
});

afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

async function start(credentials: ServerCredentials, implementation: Check | null, options = {}) {
  const server = new Server(options);
  servers.push(server);
  if (implementation !== null) server.addService(HEALTH, { Check: implementation });
  return new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function reasonOf(port: number, tls: boolean, more: Partial<GrpcSpec> = {}, deadlineMs = 5_000) {
  const spec = {
    type: "grpc",
    port,
    host: tls ? "grpc.example" : "",
    service: "",
    tls,
    verify: true,
  } as const;
  const expire = (running: RunningProbe): void => {
    setTimeout(() => running.expire(), deadlineMs).unref();
  };
  return reasonText(
    (await runProbe(targetOf({ ...spec, ...more }), prepareProbeTrusting(authority.cert), expire)).reason,
  );
}

describe.each([false, true])("a server of grpc-js, TLS: %s", (tls) => {
  const credentials = (): ServerCredentials => (tls ? secure : ServerCredentials.createInsecure());

  it("is judged by what it says of the service", async () => {
    const port = await start(credentials(), check);
    const asked = async (service: string) => reasonOf(port, tls, { service });
    expect(await asked("")).toBe("ok");
    expect(await asked("shop.Cart")).toBe("ok");
    expect(await asked(`shop.${"Long".repeat(100)}`)).toBe("ok");
    expect(await asked("shop.Search")).toBe("grpc-not-serving");
    expect(await asked("shop.Old")).toBe("grpc-service-unknown");
    expect(await asked("shop.Undecided")).toBe("grpc-unknown");
    expect(await asked("shop.Nowhere")).toBe("grpc-status-5");
  });

  it("follows a service that stops and starts", async () => {
    let state = SERVING;
    const port = await start(credentials(), (_call, reply) => reply(null, state));
    expect(await reasonOf(port, tls)).toBe("ok");
    state = NOT_SERVING;
    expect(await reasonOf(port, tls)).toBe("grpc-not-serving");
    state = SERVING;
    expect(await reasonOf(port, tls)).toBe("ok");
  });

  it("has until the deadline", async () => {
    const port = await start(credentials(), (_call, reply) => {
      setTimeout(() => reply(null, SERVING), 150).unref();
    });
    expect(await reasonOf(port, tls)).toBe("ok");
    expect(await reasonOf(port, tls, {}, 60)).toBe("timeout-headers");
  });

  it("may lack the health service, fail in it, or be gone", async () => {
    const bare = await start(credentials(), null);
    expect(await reasonOf(bare, tls)).toBe("grpc-status-12");
    const failing = await start(credentials(), (_call, reply) => reply({ code: status.UNAVAILABLE }));
    expect(await reasonOf(failing, tls)).toBe("grpc-status-14");
    for (const server of servers.splice(0)) server.forceShutdown();
    expect(await reasonOf(failing, tls)).toBe("refused");
  });

  it("does not compress what was not asked to be", async () => {
    const port = await start(credentials(), check, { "grpc.default_compression_algorithm": 2 });
    expect(await reasonOf(port, tls, { service: "shop.Cart" })).toBe("ok");
  });
});

describe("a server of grpc-js and its certificate", () => {
  it("has to be for the name, unless nobody verifies", async () => {
    const port = await start(secure, check);
    expect(await reasonOf(port, true, { host: "other.example" })).toBe("tls-name");
    expect(await reasonOf(port, true, { host: "other.example", verify: false })).toBe("ok");
    expect(await reasonOf(port, true, { host: "other.example", sni: "grpc.example" })).toBe("ok");
  });

  it("fails where only one side speaks TLS", async () => {
    expect(await reasonOf(await start(secure, check), false)).toMatch(/^(malformed|reset|closed)$/);
    expect(await reasonOf(await start(ServerCredentials.createInsecure(), check), true)).toMatch(
      /^(tls-handshake|reset|closed)$/,
    );
  });
});
