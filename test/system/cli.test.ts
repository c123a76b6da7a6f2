import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Child, startChild } from "../support/child.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const root = resolve(import.meta.dirname, "../..");
const BIN = join(root, "bin/steerd");

const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
});

function steerd(args: string[], cwd = root, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: "utf8",
    cwd,
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** A folder with a steerd.yaml and one zone. */
function writeFiles(
  port: number,
  zone = "pools:\n  us: {endpoints: [192.0.2.1]}\nrecords:\n  www: {policy: us}\n",
): string {
  const folder = temporaryFolder("cli");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/c.example.yaml"), zone);
  const options = [
    `listen: ["127.0.0.1:${port}"]`,
    'api: {listen: "127.0.0.1:0"}',
    "nameservers: [ns1.example.net.]",
  ];
  writeFileSync(join(folder, "steerd.yaml"), `${options.join("\n")}\n`);
  return folder;
}

test("a checkout that is not built says in one line what to do", () => {
  const folder = temporaryFolder("checkout");
  mkdirSync(join(folder, "bin"));
  copyFileSync(BIN, join(folder, "bin/steerd"));
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  const args = [join(folder, "bin/steerd"), "serve"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 10_000 });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(`steerd is not built: run "npm ci && npm run build" in ${folder}/\n`);
});

describe("the process", () => {
  test.each<[string[], number, "stdout" | "stderr", string]>([
    [["version"], 0, "stdout", "steerd "],
    [["--help"], 0, "stdout", "steerd serve"],
    [["check"], 0, "stdout", ": no errors"],
    [["check", "--config", "none.yaml"], 1, "stdout", "none.yaml"],
    [["frobnicate"], 2, "stderr", "is not a command"],
    [[], 2, "stderr", "Give a command"],
  ])("%j ends with exit code %i and writes to %3$s", (args, status, stream, text) => {
    const result = steerd(args);
    expect(result.status).toBe(status);
    expect(result[stream]).toContain(text);
    expect(result[stream === "stdout" ? "stderr" : "stdout"]).toBe("");
  });

  test("no colours into a pipe", () => {
    expect(steerd(["check"]).stdout).not.toContain("\u001b");
  });

  test("a reader that has seen enough is no failure", () => {
    const command = `"${process.execPath}" "${BIN}" schema zone | head -c 10; exit "\${PIPESTATUS[0]}"`;
    const { status, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test("bash completes commands and options", () => {
    const folder = temporaryFolder("completion");
    writeFileSync(join(folder, "steerd"), `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`, {
      mode: 0o755,
    });
    const print = '_steerd; printf "%s\\n" "$COMPREPLY"';
    const script = [
      `PATH="${folder}:$PATH"`,
      'eval "$(steerd completion)"',
      `COMP_WORDS=(steerd ex) COMP_CWORD=1; ${print}`,
      `COMP_WORDS=(steerd query --su) COMP_CWORD=2; ${print}`,
    ].join("\n");
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "explain\n--subnet\n", stderr: "" });
  });
});

describe("serve", () => {
  test("answers until SIGTERM, reads the files again on SIGHUP", async () => {
    const port = await freePort();
    const folder = writeFiles(port);
    const server = startChild(process.execPath, [BIN, "serve"], { cwd: folder });
    running.push(server);
    await server.waitFor(/answering on 127\.0\.0\.1:\d+/, 20_000);
    const query = ["query", "www.c.example", "A", "--server", `127.0.0.1#${port}`];
    expect(steerd(query)).toMatchObject({ status: 0, stdout: expect.stringContaining("192.0.2.1") });
    expect(steerd([...query, "--tcp"])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("192.0.2.1"),
    });

    writeFileSync(
      join(folder, "zones/c.example.yaml"),
      "pools:\n  us: {endpoints: [192.0.2.2]}\nrecords:\n  www: {policy: us}\n",
    );
    server.signal("SIGHUP");
    await server.waitFor(/configuration 2 accepted/);
    await expect.poll(() => steerd(query).stdout, { timeout: 10_000, interval: 100 }).toContain("192.0.2.2");

    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
  });

  test("logs JSON lines where nobody looks", async () => {
    const server = startChild(process.execPath, [BIN, "serve"], { cwd: writeFiles(await freePort()) });
    running.push(server);
    await server.waitFor(/answering on/, 20_000);
    for (const line of server.stdout().trim().split("\n")) {
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
    }
  });

  test("files with errors: every finding on standard error, exit code 1", async () => {
    const folder = writeFiles(
      await freePort(),
      "pools:\n  us: {endpionts: [192.0.2.1]}\nrecords:\n  www: {policy: su}\n",
    );
    const { status, stderr } = steerd(["serve"], folder);
    expect(status).toBe(1);
    expect(stderr).toContain("zones/c.example.yaml:2:8");
    expect(stderr).toContain("endpionts");
  });

  test("an address that is taken: a sentence, exit code 1", async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const { port } = other.address() as { port: number };
    const { status, stderr } = steerd(["serve"], writeFiles(port));
    other.close();
    expect(status).toBe(1);
    expect(stderr).toContain(`listen 127.0.0.1:${port}/tcp: address in use`);
  });
});
