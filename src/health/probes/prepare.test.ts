import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  type Certificate,
  type CertificateOptions,
  makeCertificate,
} from "../../../test/support/certificates.ts";
import type { CheckSpec, HttpSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, PrepareProbe, ProbeResult } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { prepareProbe, prepareProbeTrusting } from "./prepare.ts";

const clock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: setTimeout,
  clearTimer: () => {},
};

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  sockets.clear();
});

async function listen(server: Server, host = "127.0.0.1"): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const serve = (onSocket: (socket: Socket) => void, host?: string): Promise<number> =>
  listen(createServer(onSocket), host);

/** A server that answers every request with the same octets, after which `then` may do more. */
function answer(text: string, then: (socket: Socket) => void = (socket) => socket.end()): Promise<number> {
  return serve((socket) => {
    socket.once("data", () => {
      socket.write(Buffer.from(text, "latin1"));
      then(socket);
    });
  });
}

type Overrides = Partial<HttpSpec> & { address?: string };

function target(type: CheckSpec["type"], port: number, overrides: Overrides = {}): ProbeTarget {
  const address = overrides.address ?? "127.0.0.1";
  const check = {
    name: "web",
    port,
    path: "/healthz",
    host: "",
    expectStatus: [],
    expectBody: "",
    verify: true,
    intervalMs: 1_000,
    timeoutMs: 500,
    fall: 3,
    rise: 2,
    ...overrides,
    type,
  } as CheckSpec;
  return {
    row: 0,
    keyHigh: 1,
    keyLow: 1,
    address,
    family: address.includes(":") ? 6 : 4,
    check,
    zone: "z.example.",
    pool: "p",
    endpoint: address,
  };
}

/** Lets the deadline of the probe under way pass: a server calls it when the probe is where the test wants it. */
let passDeadline: () => void = () => {};

/** Gives what was just written the time to arrive, then lets the deadline pass. */
const passDeadlineSoon = (): void => {
  setTimeout(() => passDeadline(), 30);
};

/** Runs one probe to its result. Fails when it reports twice. */
async function probe(of: ProbeTarget, prepare: PrepareProbe = prepareProbe): Promise<ProbeResult> {
  const results: ProbeResult[] = [];
  await new Promise<void>((resolve) => {
    const running = prepare(
      of,
      clock,
    )((result) => {
      results.push(result);
      resolve();
    });
    passDeadline = () => running.expire();
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(results).toHaveLength(1);
  return results[0]!;
}

const reasonOf = async (...run: Parameters<typeof probe>): Promise<string> =>
  reasonText((await probe(...run)).reason);

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

describe("tcp", () => {
  it("is up when the connection stands, and times it", async () => {
    const result = await probe(target("tcp", await serve(() => {})));
    expect(result).toMatchObject({ ok: true, reason: 1, status: 0, tlsMs: -1, firstOctetMs: -1 });
    expect(result.connectMs).toBeGreaterThanOrEqual(0);
    expect(result.totalMs).toBeGreaterThanOrEqual(result.connectMs);
  });

  it("reaches IPv6", async () => {
    const port = await serve(() => {}, "::1");
    expect(await reasonOf(target("tcp", port, { address: "::1" }))).toBe("ok");
  });

  it("is refused where nobody listens", async () => {
    const port = await serve(() => {});
    const server = servers.pop()!;
    server.close();
    await once(server, "close");
    const result = await probe(target("tcp", port));
    expect(result).toMatchObject({ ok: false, connectMs: -1 });
    expect(reasonText(result.reason)).toBe("refused");
  });

  it("names the phase that the deadline cut", async () => {
    // The deadline passes before the event loop could see the connection.
    const results: ProbeResult[] = [];
    const running = prepareProbe(
      target("tcp", await serve(() => {})),
      clock,
    )((result) => results.push(result));
    running.expire();
    running.expire();
    expect(results.map((result) => reasonText(result.reason))).toEqual(["timeout-connect"]);
  });

  it("reports nothing once cancelled", async () => {
    const results: ProbeResult[] = [];
    const port = await serve(() => {});
    const running = prepareProbe(target("tcp", port), clock)((result) => results.push(result));
    running.cancel();
    running.expire();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(results).toEqual([]);
  });

  it("cannot reach an address of no host", async () => {
    // TCP has no broadcast: the kernel refuses to route it, and nothing leaves the machine.
    expect(await reasonOf(target("tcp", 9, { address: "255.255.255.255" }))).toBe("unreachable");
  });
});

describe("http", () => {
  it("sends one plain request and reads the answer", async () => {
    let request = "";
    const port = await serve((socket) => {
      socket.once("data", (data) => {
        request = data.toString("latin1");
        socket.end(OK);
      });
    });
    const result = await probe(
      target("http", port, { path: "/healthz?full=1", host: "www.example", expectBody: "ok" }),
    );
    expect(result).toMatchObject({ ok: true, status: 200 });
    expect(result.firstOctetMs).toBeGreaterThanOrEqual(result.connectMs);
    expect(request.split("\r\n")).toEqual([
      "GET /healthz?full=1 HTTP/1.1",
      "Host: www.example",
      "User-Agent: steerd-probe",
      "Accept: */*",
      "Accept-Encoding: identity",
      "Connection: close",
      "",
      "",
    ]);
  });

  it("names the address in the Host header when there is no host", async () => {
    let request = "";
    const port = await serve((socket) => {
      socket.once("data", (data) => {
        request = data.toString("latin1");
        socket.end(OK);
      });
    }, "::1");
    expect(await reasonOf(target("http", port, { address: "::1" }))).toBe("ok");
    expect(request).toContain(`Host: [::1]:${port}\r\n`);
  });

  it("fails by the status, redirects included (row 61)", async () => {
    expect(await reasonOf(target("http", await answer("HTTP/1.1 503 No\r\n\r\n")))).toBe("status-503");
    const redirect = await answer("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n");
    expect(await reasonOf(target("http", redirect))).toBe("status-301");
  });

  it("fails by the body", async () => {
    expect(await reasonOf(target("http", await answer(OK), { expectBody: "healthy" }))).toBe("body-mismatch");
  });

  it("sends the method and headers of the check", async () => {
    const requests: string[] = [];
    const port = await serve((socket) => {
      socket.once("data", (data) => {
        requests.push(data.toString("latin1"));
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
      });
    });
    const headers: [string, string][] = [
      ["User-Agent", "own/1"],
      ["X-Token", "a b"],
    ];
    expect(await reasonOf(target("http", port, { method: "HEAD", headers }))).toBe("ok");
    expect(await reasonOf(target("http", port, { method: "POST" }))).toBe("closed");
    expect(requests[0]!.split("\r\n").slice(0, 5)).toEqual([
      "HEAD /healthz HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Accept: */*",
      "User-Agent: own/1",
      "X-Token: a b",
    ]);
    expect(requests[1]).toContain("POST /healthz HTTP/1.1\r\n");
    expect(requests[1]).toContain("\r\nContent-Length: 0\r\n");
  });

  it("judges the body by pattern and as JSON", async () => {
    const body = '{"status":"healthy","checks":{"database":"ok"}}';
    const port = await answer(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const expectJson = { statusPath: ["status"], checksPath: ["checks"], healthy: ["healthy", "ok"] };
    expect(await reasonOf(target("http", port, { expectJson }))).toBe("ok");
    expect(await reasonOf(target("http", port, { expectJson: { ...expectJson, healthy: ["ok"] } }))).toBe(
      "json-status",
    );
    expect(await reasonOf(target("http", port, { expectJson, expectBody: "ok" }))).toBe("ok");
    expect(await reasonOf(target("http", port, { expectJson, expectBody: "red" }))).toBe("body-mismatch");
    expect(await reasonOf(target("http", port, { expectPattern: '"database":"(ok|slow)"' }))).toBe("ok");
    expect(await reasonOf(target("http", port, { expectPattern: "^healthy" }))).toBe("body-mismatch");
    expect(await reasonOf(target("http", port, { expectPattern: "(" }))).toBe("request-invalid");
  });

  it("row 60: a compressed body is never inflated", async () => {
    const port = await answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08");
    expect(await reasonOf(target("http", port, { expectPattern: "ok" }))).toBe("body-encoded");
    expect(await reasonOf(target("http", port))).toBe("ok");
  });

  describe("row 61: redirects", () => {
    /** Redirects by path, as many times as it says, and remembers what was asked. */
    async function redirector(asked: string[], locationOf: (left: number) => string): Promise<number> {
      return serve((socket) => {
        socket.once("data", (data) => {
          const head = data.toString("latin1");
          asked.push(head);
          const left = Number(/^GET \/(\d+)/.exec(head)?.[1] ?? 0);
          socket.end(left === 0 ? OK : `HTTP/1.1 302 Found\r\nLocation: ${locationOf(left)}\r\n\r\n`);
        });
      });
    }

    it("are failures unless allowed, and then at most as many as allowed", async () => {
      const asked: string[] = [];
      const port = await redirector(asked, (left) => `/${left - 1}`);
      const of = (path: string, redirects: number) => reasonOf(target("http", port, { path, redirects }));
      expect(await of("/1", 0)).toBe("status-302");
      expect(await of("/1", 1)).toBe("ok");
      expect(await of("/3", 3)).toBe("ok");
      expect(await of("/4", 3)).toBe("redirect-limit");
      expect(asked).toHaveLength(1 + 2 + 4 + 4);
      expect(await reasonOf(target("http", port, { path: "/1", expectStatus: [302], redirects: 3 }))).toBe(
        "ok",
      );
    });

    it("go to the probed address, whatever host they name, and take no secrets along", async () => {
      const asked: string[] = [];
      const port = await redirector(asked, () => `http://169.254.169.254:${port}/0?a=b#c`);
      const headers: [string, string][] = [["Authorization", "secret"]];
      expect(await reasonOf(target("http", port, { path: "/1", redirects: 1, headers }))).toBe("ok");
      expect(asked[0]).toContain("Authorization: secret");
      expect(asked[1]).toContain(`GET /0?a=b HTTP/1.1\r\nHost: 169.254.169.254:${port}\r\n`);
      expect(asked[1]).not.toContain("secret");
    });

    it("to nowhere are failures", async () => {
      for (const location of ["ftp://x/", "http://[", `/${"x".repeat(3_000)}`, "javascript:1"]) {
        const port = await redirector([], () => location);
        expect(await reasonOf(target("http", port, { path: "/1", redirects: 3 }))).toBe("redirect-invalid");
      }
    });

    it("share one deadline, and are cancelled with the probe", async () => {
      const port = await serve((socket) => {
        socket.once("data", (data) => {
          if (data.toString("latin1").startsWith("GET /healthz"))
            socket.end("HTTP/1.1 302 Found\r\nLocation: /slow\r\n\r\n");
          else passDeadlineSoon();
        });
      });
      const result = await probe(target("http", port, { redirects: 1 }));
      expect(reasonText(result.reason)).toBe("timeout-headers");
      expect(result.firstOctetMs).toBeGreaterThanOrEqual(0);
      expect(result.totalMs).toBeGreaterThan(result.firstOctetMs);
    });
  });

  it("fails when what answers is not HTTP", async () => {
    expect(await reasonOf(target("http", await serve((socket) => socket.write("220 smtp ready\r\n"))))).toBe(
      "malformed",
    );
  });

  it("row 59: slow headers, slow body: one deadline for the whole probe", async () => {
    const silent = await serve((socket) => socket.once("data", passDeadlineSoon));
    expect(await reasonOf(target("http", silent))).toBe("timeout-headers");
    const drip = (socket: Socket): void => {
      const timer = setInterval(() => socket.write("x"), 5);
      socket.on("close", () => clearInterval(timer));
      passDeadlineSoon();
    };
    const headers = await answer("HTTP/1.1 200 OK\r\nX: ", drip);
    expect(await reasonOf(target("http", headers))).toBe("timeout-headers");
    const body = await answer("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", drip);
    const result = await probe(target("http", body));
    expect(reasonText(result.reason)).toBe("timeout-body");
    expect(result.status).toBe(200);
  });

  it("row 60: an endless body is read to 5,120 octets", async () => {
    let sent = 0;
    const port = await answer("HTTP/1.1 200 OK\r\n\r\n", (socket) => {
      const push = (): void => {
        while (!socket.destroyed && socket.write("y".repeat(10_000))) sent += 10_000;
      };
      socket.on("drain", push);
      push();
    });
    expect(await reasonOf(target("http", port, { expectBody: "never" }))).toBe("body-mismatch");
    expect(await reasonOf(target("http", port))).toBe("ok");
    expect(sent).toBeLessThan(20_000_000);
  });

  it("a reset is a reset, a close a close", async () => {
    const reset = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await reasonOf(target("http", reset))).toBe("reset");
    const half = await answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", (socket) =>
      socket.resetAndDestroy(),
    );
    expect(["closed", "reset"]).toContain(await reasonOf(target("http", half)));
    const early = await serve((socket) => socket.end());
    expect(["closed", "reset"]).toContain(await reasonOf(target("http", early)));
    expect(
      await reasonOf(target("http", await answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))),
    ).toBe("closed");
  });

  it("reads HTTP/1.0 to the end of the connection, and chunks that come apart", async () => {
    expect(await reasonOf(target("http", await answer("HTTP/1.0 200 OK\r\n\r\nall well")))).toBe("ok");
    const port = await answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall ", (socket) => {
      setTimeout(() => socket.write("\r\n4\r\nwell\r\n0\r\n\r\n"), 10);
    });
    expect(await reasonOf(target("http", port, { expectBody: "all well" }))).toBe("ok");
  });

  it("refuses what cannot be sent", async () => {
    const port = await answer(OK);
    for (const broken of [
      { path: "/a b" },
      { path: "/\r\nX: y" },
      { host: "a\r\nX: y" },
      { address: "localhost" },
      { port: 70_000 },
      { headers: [["X", "a\r\nY: b"]] as [string, string][] },
      { headers: [["X Y", "a"]] as [string, string][] },
    ]) {
      expect(await reasonOf(target("http", port, broken))).toBe("request-invalid");
    }
    expect(await reasonOf(target("https", port, { path: "nowhere" }))).toBe("request-invalid");
    const running = prepareProbe(target("http", port, { path: "" }), clock)(() => {});
    running.expire();
    running.cancel();
  });
});

describe("https", () => {
  let authority: Certificate;
  let trusting: PrepareProbe;

  beforeAll(() => {
    authority = makeCertificate({ name: "steerd test authority" });
    trusting = prepareProbeTrusting(authority.cert);
  });

  function secure(options: Omit<CertificateOptions, "name">, onSocket = greet): Promise<number> {
    const { cert, key } = makeCertificate({ name: "origin", issuer: authority, ...options });
    const server = createTlsServer({ cert, key, ALPNProtocols: ["http/1.1"] }, (socket) => {
      socket.on("error", () => {});
      onSocket(socket);
    });
    server.on("tlsClientError", () => {});
    return listen(server);
  }

  const greet = (socket: Socket): void => {
    socket.once("data", () => socket.end(OK));
  };

  it("verifies the chain, and the host's name, which it asks for", async () => {
    let servername: string | false | null = null;
    const port = await secure({ hosts: ["www.example"] }, (socket) => {
      servername = (socket as Socket & { servername: string | false }).servername;
      greet(socket);
    });
    const result = await probe(
      target("https", port, { host: "www.example:8443", expectBody: "ok" }),
      trusting,
    );
    expect(result).toMatchObject({ ok: true, status: 200 });
    expect(result.tlsMs).toBeGreaterThanOrEqual(result.connectMs);
    expect(result.firstOctetMs).toBeGreaterThanOrEqual(result.tlsMs);
    expect(servername).toBe("www.example");
  });

  it("without a host the certificate must be for the address", async () => {
    const right = await secure({ hosts: ["127.0.0.1"] });
    expect(await reasonOf(target("https", right), trusting)).toBe("ok");
    const wrong = await secure({ hosts: ["127.0.0.2", "www.example"] });
    expect(await reasonOf(target("https", wrong), trusting)).toBe("tls-name");
  });

  it("row 62: expired, not yet valid, wrong name, self-signed, unknown authority, hanging: each its own reason", async () => {
    const past = new Date(Date.now() - 3_600_000);
    const future = new Date(Date.now() + 3_600_000);
    const hosts = ["www.example"];
    const host = { host: "www.example" };
    const of = async (port: Promise<number>, using = trusting): Promise<string> =>
      reasonOf(target("https", await port, host), using);
    expect(await of(secure({ hosts, notAfter: past }))).toBe("tls-expired");
    expect(await of(secure({ hosts, notBefore: future }))).toBe("tls-not-yet-valid");
    expect(await of(secure({ hosts: ["other.example"] }))).toBe("tls-name");
    expect(await of(secure({ hosts }), prepareProbe)).toBe("tls-untrusted");
    const own = makeCertificate({ name: "self", hosts });
    const selfSigned = createTlsServer({ cert: own.cert, key: own.key });
    expect(await of(listen(selfSigned))).toBe("tls-self-signed");
    const hanging = await serve((socket) => socket.once("data", passDeadlineSoon));
    expect(await reasonOf(target("https", hanging, host), trusting)).toBe("timeout-tls");
    expect(await of(serve((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")))).toBe(
      "tls-handshake",
    );
    expect(await of(serve((socket) => socket.once("data", () => socket.resetAndDestroy())))).toBe("reset");
  });

  it("asks for the name in sni, and verifies it, whatever the host", async () => {
    let servername: string | false | null = null;
    const port = await secure({ hosts: ["inner.example"] }, (socket) => {
      servername = (socket as Socket & { servername: string | false }).servername;
      greet(socket);
    });
    const names = { host: "www.example", sni: "inner.example" };
    expect(await reasonOf(target("https", port, names), trusting)).toBe("ok");
    expect(servername).toBe("inner.example");
    expect(await reasonOf(target("https", port, { host: "www.example" }), trusting)).toBe("tls-name");
  });

  it("row 61: a redirect from http to https, to another name", async () => {
    const tls = await secure({ hosts: ["new.example"] });
    const port = await answer(`HTTP/1.1 301 Moved\r\nLocation: https://new.example:${tls}/\r\n\r\n`);
    expect(await reasonOf(target("http", port, { redirects: 1 }), trusting)).toBe("ok");
    const other = await answer(`HTTP/1.1 301 Moved\r\nLocation: https://old.example:${tls}/\r\n\r\n`);
    expect(await reasonOf(target("http", other, { redirects: 1 }), trusting)).toBe("tls-name");
  });

  it("verify: false takes any certificate", async () => {
    const port = await secure({ hosts: ["other.example"], notAfter: new Date(Date.now() - 1_000) });
    expect(await reasonOf(target("https", port, { verify: false }))).toBe("ok");
  });

  it("row 59: slow headers and slow body within TLS", async () => {
    const silent = await secure({ hosts: ["127.0.0.1"] }, (socket) => {
      socket.once("data", passDeadlineSoon);
    });
    expect(await reasonOf(target("https", silent), trusting)).toBe("timeout-headers");
    const body = await secure({ hosts: ["127.0.0.1"] }, (socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
        passDeadlineSoon();
      });
    });
    expect(await reasonOf(target("https", body), trusting)).toBe("timeout-body");
  });

  it("reads a large body in many records, and one that ends by closing", async () => {
    const large = await secure({ hosts: ["127.0.0.1"] }, (socket) => {
      socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\n\r\n${"z".repeat(500_000)}`));
    });
    expect(await reasonOf(target("https", large, { expectBody: "zzza" }), trusting)).toBe("body-mismatch");
    const closing = await secure({ hosts: ["127.0.0.1"] }, (socket) => {
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nfine"));
    });
    expect(await reasonOf(target("https", closing, { expectBody: "fine" }), trusting)).toBe("ok");
    expect(await reasonOf(target("https", closing, { expectBody: "other" }), trusting)).toBe("body-mismatch");
  });
});
