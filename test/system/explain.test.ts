import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Child, startChild } from "../support/child.ts";
import { ROOT } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** `_explain.NAME TXT` through sockets: the names cross threads with the snapshot. */
const ZONE = `pools: {eu: {endpoints: [198.51.100.1]}}
records: {www: {policy: {subnets: {127.0.0.0/8: eu, 81.2.69.0/24: eu, default: eu}}}}
`;

const children: Child[] = [];
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
});

/** A server with these options; returns what asks it. */
async function serve(options: string) {
  const folder = temporaryFolder("explain");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/t.example.yaml"), ZONE);
  const yaml = `listen: ["127.0.0.1:0"]\napi: {listen: "127.0.0.1:0"}\nnameservers: [ns1.example.net.]\n${options}`;
  writeFileSync(join(folder, "steerd.yaml"), yaml);
  const args = [join(ROOT, "bin/steerd"), "serve", "--config", join(folder, "steerd.yaml")];
  const child = startChild(process.execPath, args, { env: { NO_COLOR: "1" } });
  children.push(child);
  const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/);
  return (...words: string[]): string => {
    const query = ["query", "_explain.www.t.example", "TXT", "--server", `127.0.0.1:${port}`, ...words];
    return spawnSync(process.execPath, [join(ROOT, "bin/steerd"), ...query], { encoding: "utf8" }).stdout;
  };
}

test.each([[[]], [["--tcp"]]])("who is on the list is told why, %j", async (words) => {
  const ask = await serve("explain: {allow: [127.0.0.0/8]}\n");
  const reply = ask("--subnet", "81.2.69.0/24", ...words);
  expect(reply).toContain('0 IN TXT "www.t.example. A: 198.51.100.1" "client: 81.2.69.0, client subnet /24"');
  expect(reply).toContain('"scope: /24, subnets /24"');
});

test("nobody is told by default, nor is who is not on the list", async () => {
  for (const options of ["", "explain: {allow: [192.0.2.0/24]}\n"]) {
    const ask = await serve(options);
    const reply = ask();
    expect(reply).toContain("NXDOMAIN");
    expect(reply).not.toContain("198.51.100.1");
  }
});
