import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Child, startChild } from "../support/child.ts";
import { askAll, askTcp, askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** The process as users see it: sockets, messages, exit codes, signals. */
const ZONE = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\nwww 60 A 192.0.2.1\n";
const QUERY = buildQuery({ name: "www.example.test.", type: "A" });

const children: Child[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
});

function serve(yaml: string, files: Record<string, string> = { "example.test.zone": ZONE }): Child {
  const folder = temporaryFolder("serve");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "steerd.yaml"), yaml);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "zones", name), text);
  const child = startChild(
    process.execPath,
    [join(ROOT, "bin/steerd"), "serve", "--config", join(folder, "steerd.yaml")],
    { env: { NO_COLOR: "1" } },
  );
  children.push(child);
  return child;
}

const answersOf = (reply: Uint8Array | null): string[] =>
  readMessage(reply!).answer.map(({ rdataOctets }) => rdataOctets.join("."));

const LOOPBACK = 'listen: ["127.0.0.1:0"]\napi: {listen: "127.0.0.1:0"}\n';

describe("steerd serve", () => {
  test("answers over UDP and TCP, IPv4 and IPv6, on every listener", async () => {
    const child = serve('listen: ["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"]\napi: {listen: "127.0.0.1:0"}\n');
    const [, ...ports] = await child.waitFor(
      /answering on 127\.0\.0\.1:(\d+), \[::1\]:(\d+), 127\.0\.0\.2:(\d+)\D/,
    );
    for (const [i, host] of ["127.0.0.1", "::1", "127.0.0.2"].entries()) {
      const server = { host, port: Number(ports[i]) };
      expect(answersOf(await askUdp(server, QUERY)), `udp ${host}`).toEqual(["192.0.2.1"]);
      expect(answersOf(await askTcp(server, QUERY)), `tcp ${host}`).toEqual(["192.0.2.1"]);
    }
  });

  test("1,000 queries pipelined over one connection are all answered (row 42)", async () => {
    const child = serve(LOOPBACK);
    const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/);
    const queries = Array.from({ length: 1000 }, (_, id) =>
      buildQuery({ id, name: "www.example.test.", type: "A" }),
    );
    const replies = await askAll({ port: Number(port) }, queries, 1000);
    expect(new Set(replies.map((reply) => readMessage(reply).id)).size).toBe(1000);
    expect(replies.every((reply) => answersOf(reply)[0] === "192.0.2.1")).toBe(true);
  });

  test.each(["udp", "tcp"] as const)(
    "a %s port that is taken is said, with exit code 1",
    async (transport) => {
      let port: number;
      let free: () => void;
      if (transport === "udp") {
        const first = serve(LOOPBACK);
        port = Number((await first.waitFor(/answering on 127\.0\.0\.1:(\d+)/))[1]);
        free = () => undefined;
      } else {
        const holder = createServer();
        await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
        port = (holder.address() as { port: number }).port;
        free = () => holder.close();
      }
      const child = serve(`listen: ["127.0.0.1:${port}"]\napi: {listen: "127.0.0.1:0"}\n`);
      expect(await child.exited).toBe(1);
      expect(child.stderr()).toMatch(
        new RegExp(`^listen 127\\.0\\.0\\.1:${port}/${transport}: address in use: .*ss -lunpt\n$`),
      );
      free();
    },
  );

  test("errors of the files are all printed, with exit code 1, and nothing is served", async () => {
    const child = serve(LOOPBACK, { "a.zone": "@ 60 SOA\n", "b.yaml": "recrods: {}\n" });
    expect(await child.exited).toBe(1);
    expect(child.stderr()).toMatch(/a\.zone:1/);
    expect(child.stderr()).toMatch(/b\.yaml:1:1 CFG_KEY_UNKNOWN/);
    expect(child.stdout()).not.toMatch(/answering/);
  });

  test("an API port that is taken is an alarm; DNS is served", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const taken = (holder.address() as { port: number }).port;
    const child = serve(`listen: ["127.0.0.1:0"]\napi: {listen: "127.0.0.1:${taken}"}\n`);
    const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/);
    await child.waitFor(/no metrics and no API: listen .* address in use/);
    expect(answersOf(await askUdp({ port: Number(port) }, QUERY))).toEqual(["192.0.2.1"]);
    await new Promise((resolve) => holder.close(resolve));
    await child.waitFor(/metrics and health on/);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s ends it with 0, and frees the port", async (signal) => {
    const child = serve(LOOPBACK);
    const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/);
    const startedMs = performance.now();
    child.signal(signal);
    expect(await child.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    const second = serve(`listen: ["127.0.0.1:${port}"]\napi: {listen: "127.0.0.1:0"}\n`);
    await second.waitFor(/answering on/);
  });
});

/** What follows `bin/steerd`, in the place of the program: it gets a SIGHUP while it is being loaded. */
const LOADING = 'process.kill(process.pid, "SIGHUP");\nsetTimeout(() => console.log("alive"), 20);\n';

test.each([
  ["serve", "alive\n"],
  ["check", ""],
])("a reload that comes while the program loads: %s says %j", (command, said) => {
  const folder = temporaryFolder("early");
  for (const name of ["bin", "dist/control-plane"]) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(join(ROOT, "bin/steerd"), join(folder, "bin/steerd"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFileSync(join(folder, "dist/control-plane/main.js"), LOADING);
  const { stdout } = spawnSync(process.execPath, [join(folder, "bin/steerd"), command], { encoding: "utf8" });
  expect(stdout).toBe(said);
});
