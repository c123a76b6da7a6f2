import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StartProbe } from "../../src/health/probe.ts";
import { prepareProbeTrusting } from "../../src/health/probes/prepare.ts";
import { reasonText } from "../../src/health/reasons.ts";
import { type CertificateOptions, makeCertificate } from "../support/certificates.ts";
import { hasNginx, type Nginx, startNginx } from "../support/nginx.ts";
import { realClock, runProbe, targetOf } from "../support/probing.ts";

const DAY_MS = 86_400_000;
const authority = makeCertificate({ name: "authority" });
const prepare = prepareProbeTrusting(authority.cert);

/** One `server` block for each certificate, all with HTTP/1.1 and HTTP/2. */
const CERTIFICATES: Record<string, CertificateOptions> = {
  valid: {
    name: "valid",
    issuer: authority,
    hosts: ["www.example"],
    notAfter: new Date(Date.now() + 30 * DAY_MS),
  },
  expired: {
    name: "expired",
    issuer: authority,
    hosts: ["www.example"],
    notAfter: new Date(Date.now() - DAY_MS / 2),
  },
  other: { name: "other", issuer: authority, hosts: ["mail.example"] },
  own: { name: "own", hosts: ["www.example"] },
};
const LOCATIONS = `
default_type text/plain;
location /ok { return 200 "all is well\\n"; }
location /json { return 200 '{"status":"healthy","checks":{"database":"ok"},"active_connections":40,"capacity":200}'; }
location /busy { add_header X-Load "active_connections=7, capacity=10"; return 200 "ok"; }
location /ill { return 503; }
location /away { return 302 /ok; }
location /zipped { gzip on; gzip_types *; gzip_min_length 1; return 200 "all is well, at some length, to be worth the compression\\n"; }
`;

let nginx: Nginx;
let folder: string;
const ports: Record<string, number> = {};

beforeAll(async () => {
  if (!hasNginx()) return;
  const plain = (port: number, at: string): string => {
    folder = at;
    return `listen 127.0.0.1:${port}; access_log ${at}/connections.log connections; ${LOCATIONS}`;
  };
  const secure = (options: CertificateOptions) => (port: number, at: string) => {
    const { cert, key } = makeCertificate(options);
    writeFileSync(join(at, `${options.name}.pem`), cert + key);
    const files = `ssl_certificate ${at}/${options.name}.pem; ssl_certificate_key ${at}/${options.name}.pem;`;
    return `listen 127.0.0.1:${port} ssl http2; ${files} ${LOCATIONS}`;
  };
  nginx = await startNginx([plain, ...Object.values(CERTIFICATES).map(secure)]);
  for (const [place, name] of ["plain", ...Object.keys(CERTIFICATES)].entries())
    ports[name] = nginx.ports[place]!;
});

afterAll(async () => {
  await nginx?.child.stop();
});

const HTTP = { type: "http", path: "/ok", host: "", verify: true, expectStatus: [], expectBody: "" };
const target = (check: object) => targetOf({ ...HTTP, port: ports.plain, ...check } as never);

async function reasonOf(check: object): Promise<string> {
  return reasonText((await runProbe(target(check), prepare)).reason);
}

describe.skipIf(!hasNginx())("nginx", () => {
  it.each([
    [{ expectBody: "all is well" }, "ok"],
    [{ expectPattern: "^all .* well$" }, "body-mismatch"],
    [{ expectPattern: "(?m)^all .* well$" }, "ok"],
    [{ path: "/ill" }, "status-503"],
    [{ path: "/ill", expectStatus: [503] }, "ok"],
    [{ path: "/away" }, "status-302"],
    [{ path: "/away", redirects: 1 }, "ok"],
    [{ path: "/missing" }, "status-404"],
    [{ path: "/zipped", expectBody: "well" }, "ok"],
    [{ path: "/ok", method: "HEAD" }, "ok"],
    [
      {
        path: "/json",
        expectJson: { statusPath: ["status"], checksPath: ["checks"], healthy: ["healthy", "ok"] },
      },
      "ok",
    ],
  ])("over HTTP/1.1 %j: %s", async (check, reason) => {
    expect(await reasonOf(check)).toBe(reason);
  });

  it.each([
    ["valid", "ok"],
    ["expired", "tls-expired"],
    ["other", "tls-name"],
    ["own", "tls-self-signed"],
  ])("row 62: a certificate that is %s: %s", async (name, reason) => {
    const place = { port: ports[name], host: "www.example" };
    expect(await reasonOf({ type: "https", ...place })).toBe(reason);
    expect(await reasonOf({ type: "http2", tls: true, ...place })).toBe(reason);
    expect(await reasonOf({ type: "tls", warnDays: 0, ...place })).toBe(reason);
    expect(await reasonOf({ type: "https", ...place, verify: false })).toBe("ok");
  });

  it("warns of a certificate that ends soon", async () => {
    const place = { type: "tls", port: ports.valid, host: "www.example" };
    expect(await reasonOf({ ...place, warnDays: 29 })).toBe("ok");
    expect(await reasonOf({ ...place, warnDays: 31 })).toBe("tls-expires-soon");
  });

  it("over HTTP/2 says what it says over HTTP/1.1", async () => {
    const place = { type: "http2", tls: true, port: ports.valid, host: "www.example" };
    expect(await reasonOf({ ...place, expectBody: "all is well" })).toBe("ok");
    expect(await reasonOf({ ...place, path: "/ill" })).toBe("status-503");
    expect(await reasonOf({ ...place, expectBody: "other" })).toBe("body-mismatch");
  });

  it("reports its load", async () => {
    const load = { path: [], header: "", expireMs: 1_000 };
    const json = await runProbe(target({ path: "/json", load }), prepare);
    expect(json.report).toMatchObject({ connections: 40, capacity: 200 });
    const header = await runProbe(target({ path: "/busy", load: { ...load, header: "x-load" } }), prepare);
    expect(header.report).toMatchObject({ connections: 7, capacity: 10 });
  });

  it("serves `reuse` probes on a connection, and none fails when its workers are replaced", async () => {
    const log = join(folder, "connections.log");
    const seen = () => readFileSync(log, "utf8").trim().split("\n");
    const before = seen().length;
    const start: StartProbe = prepare({ ...target({ reuse: 4 }), row: 3 }, realClock);
    const once = () =>
      new Promise<string>((resolve) => start((result) => resolve(reasonText(result.reason))));
    const reasons: string[] = [];
    for (let i = 0; i < 8; i++) reasons.push(await once());
    const requests = seen()
      .slice(before)
      .map((line) => Number(line.split(" ")[1]));
    expect(requests).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    for (let i = 0; i < 40; i++) {
      if (i % 10 === 1) nginx.child.signal("SIGHUP");
      reasons.push(await once());
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    start.release?.();
    expect(new Set(reasons)).toEqual(new Set(["ok"]));
  });

  it("is refused once it has stopped", async () => {
    await nginx.child.stop();
    expect(await reasonOf({})).toBe("refused");
    expect(await reasonOf({ type: "tcp" })).toBe("refused");
  });
});
