import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasCommand } from "../support/child.ts";
import { ROOT } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ZONE = "pools: {here: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: here}}\n";

/** What a command on a terminal of its own did when that was hung up: what it had said, and how it ended. */
function hangUp(command: string, word: string, signal: string): string[] {
  const folder = temporaryFolder("hang-up");
  const config = join(folder, "steerd.yaml");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/example.test.yaml"), ZONE);
  writeFileSync(
    config,
    'listen: ["127.0.0.1:0"]\napi: {listen: "127.0.0.1:0"}\nnameservers: [ns.example.net.]\n',
  );
  const program = [process.execPath, join(ROOT, "bin/steerd"), command, "--config", config];
  const script = join(ROOT, "test/support/hang-up.py");
  const { stdout } = spawnSync("python3", [script, word, signal, ...program], {
    encoding: "utf8",
    timeout: 40_000,
  });
  expect(stdout).toContain(word);
  return stdout.trimEnd().split("\n").slice(-2);
}

describe.skipIf(!hasCommand("python3", ["--version"]))("a terminal that is hung up", () => {
  test("demo ends with it", () => {
    expect(hangUp("demo", "Ctrl-C ends everything.", "-")).toEqual([expect.any(String), "code 0"]);
  });

  test("serve goes on without it, and ends with 0 when it is told to", () => {
    expect(hangUp("serve", "answering on", "SIGTERM")).toEqual(["runs", "code 0"]);
  });
});
