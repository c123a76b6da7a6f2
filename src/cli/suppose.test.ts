import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

const DYNAMIC = `ttl: {max: 60, min: 1}
checks:
  web: {type: http, port: 80, interval: 2s, timeout: 1s, fall: 3, rise: 4}
regions:
  dublin: {location: [53.3, -6.3]}
  tokyo: {location: [35.7, 139.7]}
pools:
  eu: {region: dublin, check: web, endpoints: [198.51.100.1, 198.51.100.2], min_healthy: 2}
  jp: {region: tokyo, check: web, endpoints: [203.0.113.1]}
  shares: {check: web, endpoints: [{address: 192.0.2.1, weight: 1}, {address: 192.0.2.2, weight: 1}]}
  sorry: {region: tokyo, endpoints: [192.0.2.98, {name: spare, address: 192.0.2.99}], min_healthy: 2}
records:
  www: {policy: {failover: [eu, jp, sorry]}}
  odd: {policy: {failover: [sorry, eu]}}
  share: {policy: shares}
`;

let folder = "";

beforeAll(() => {
  folder = temporaryFolder("suppose");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/t.example.yaml"), DYNAMIC);
  writeFileSync(join(folder, "steerd.yaml"), "nameservers: [ns1.example.net.]\n");
});

/** What explain prints when health is what `file` says. */
async function explain(name: string, file: string, ...args: string[]) {
  const path = join(folder, "health.yaml");
  writeFileSync(path, file);
  const terminal = recordedTerminal();
  const words = ["explain", `${name}.t.example`, "A", "--client", "193.0.6.1", "--at-health", path, ...args];
  const code = await runCommandLine([...words, "--config", join(folder, "steerd.yaml")], terminal);
  return { code, lines: terminal.stdout.split("\n"), stderr: terminal.stderr.replaceAll(`${folder}/`, "") };
}

describe("what a file supposes, decides", () => {
  test("a region that is down", async () => {
    const { lines } = await explain("www", "region:dublin: down\n");
    expect(lines[0]).toMatch(/^www\.t\.example\. 8 IN A 203\.0\.113\.1$/);
    expect(lines).toContain("    198.51.100.1  down: as asked");
  });

  test("the narrower selector wins, wherever it stands", async () => {
    const { lines } = await explain(
      "www",
      "pool:eu/198.51.100.2: up\npool:eu: drain\nregion:dublin: forced-down\n",
    );
    expect(lines).toContain("  eu     chosen: 1 of 2 endpoints up");
    expect(lines).toContain("    198.51.100.1  drained by hand");
    expect(lines).toContain("    198.51.100.2  answered, up");
  });

  test("--down goes before the file", async () => {
    const { lines } = await explain("www", "pool:eu: up\n", "--down", "pool:eu/198.51.100.1");
    expect(lines).toContain("  eu     failed: 1 of 2 endpoints up, fewer than min_healthy: 2");
  });

  test.each([
    ["pool:eu: {run: 2}", 2],
    ["pool:eu: {run: 1}", 4],
    ["pool:eu: {state: down, run: 1}\npool:jp: up", 6],
    ["pool:eu: forced-up", 60],
    ["pool:eu: forced-down", 60],
  ])("results against a state make its horizon: %s gives %i s", async (file, seconds) => {
    expect((await explain("www", file)).lines[0]).toContain(`www.t.example. ${seconds} IN A `);
  });

  test.each([
    [
      "pool:eu/198.51.100.2: {run: 2}",
      "in 2 s at the earliest: 198.51.100.2 goes down after 1 more failed probe",
    ],
    ["pool:eu: {state: down, run: 1}", "in 6 s at the earliest: 198.51.100.1 needs 3 more good probes"],
  ])("what changes next: %s", async (file, sentence) => {
    expect((await explain("www", file)).lines).toContain(`next         ${sentence}`);
  });

  test("a scale of 0% takes the weight away", async () => {
    const { lines } = await explain("share", "pool:shares/192.0.2.1: {scale: 0%}");
    expect(lines[0]).toContain(" A 192.0.2.2");
  });
});

describe("pools without a check", () => {
  test("are down when that is supposed, and the explanation says so", async () => {
    const { lines } = await explain("odd", "", "--down", "pool:sorry/spare");
    expect(lines[0]).toContain(" A 198.51.100.");
    expect(lines).toContain(
      "  sorry  failed: no check of its own: 1 of 2 endpoints up, fewer than min_healthy: 2",
    );
    expect(lines).toContain("    192.0.2.98  always up");
    expect(lines).toContain("    192.0.2.99  down: as asked");
  });

  test("are part of their region", async () => {
    const { lines } = await explain("odd", "region:tokyo: drain");
    expect(lines).toContain("    192.0.2.98  drained by hand");
  });

  test("are always up where nothing is said of them", async () => {
    expect((await explain("odd", "pool:eu: down")).lines).toContain("  sorry  chosen: no check, always up");
  });
});

describe("what is wrong", () => {
  test("stands on standard error with its place, all at once; exit code 1", async () => {
    const file = [
      "pool:shraes: down",
      "region:tokio: down",
      "eu: down",
      "pool:eu: {run: 3}",
      "pool:jp: {state: drain, run: 1}",
      "pool:sorry: {state: down, run: 1}",
    ].join("\n");
    const { code, lines, stderr } = await explain("www", file);
    expect([code, lines]).toEqual([1, [""]]);
    expect(stderr.split("\n").map((line) => line.replaceAll(/ {2,}/g, " "))).toEqual([
      'health.yaml:1:1 CFG_SELECTOR_UNKNOWN "shraes" is not a pool: did you mean shares?',
      'health.yaml:2:1 CFG_SELECTOR_UNKNOWN "tokio" is not a region: did you mean tokyo?',
      'health.yaml:3:1 CFG_SELECTOR_UNKNOWN "eu" is not a selector: expected region:R or pool:[ZONE/]POOL[/ENDPOINT]',
      "health.yaml:4:10 CFG_VALUE_INVALID pool:eu: run is 3: expected at most 2: one more result changes the state",
      "health.yaml:5:10 CFG_VALUE_INVALID pool:jp: run is 1: expected 0: probes do not decide over a forced state",
      "health.yaml:6:13 CFG_VALUE_INVALID pool:sorry: run is 1: expected 0: there is no check",
      "6 errors in 1 file",
      "",
    ]);
  });

  test.each([
    ["none.yaml", "there is no such file"],
    ["zones", "this is a folder"],
    ["pipe", "this is not a regular file"],
    ["/dev/zero", "this is not a regular file"],
  ])("--at-health %s is a usage error: %s", async (name, words) => {
    spawnSync("mkfifo", [join(folder, "pipe")]);
    const terminal = recordedTerminal();
    const path = resolve(folder, name);
    const args = ["explain", "www.t.example", "--client", "::1", "--at-health", path];
    expect(await runCommandLine([...args, "--config", join(folder, "steerd.yaml")], terminal)).toBe(2);
    expect(terminal.stderr).toContain(`--at-health: ${path}: ${words}: expected`);
  });
});
