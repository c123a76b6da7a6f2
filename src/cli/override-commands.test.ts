import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { type RecordedTerminal, recordedTerminal } from "../../test/support/terminal.ts";
import {
  type Handler,
  openControlSocket,
  RequestRefused,
  type SocketServer,
} from "../control/socket-server.ts";
import { runCommandLine } from "./program.ts";

const ZONE = `
checks: {web: {type: http}}
regions: {dublin: {}}
pools:
  eu: {region: dublin, check: web, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: 192.0.2.2}]}
  us: {check: web, endpoints: [198.51.100.1]}
records: {www: {policy: {failover: [eu, us]}}, eu: {policy: eu}}
`;

let folder: string;
let terminal: RecordedTerminal;
let server: SocketServer | null;

beforeEach(() => {
  folder = temporaryFolder("commands");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "steerd.yaml"), "nameservers: [ns.example.net.]\n");
  writeFileSync(join(folder, "zones/example.com.yaml"), ZONE);
  server = null;
});
afterEach(() => server?.close());

async function run(...args: string[]): Promise<number> {
  terminal = recordedTerminal();
  const code = await runCommandLine([...args, "--config", join(folder, "steerd.yaml")], terminal);
  terminal.stdout = terminal.stdout.replaceAll(`${folder}/`, "");
  terminal.stderr = terminal.stderr.replaceAll(`${folder}/`, "");
  return code;
}

async function serve(handlers: Record<string, Handler>): Promise<void> {
  server = await openControlSocket(join(folder, "steerd.sock"), handlers, () => undefined);
}

const file = (): string => readFileSync(join(folder, "overrides.yaml"), "utf8");
const isWritten = (): boolean => existsSync(join(folder, "overrides.yaml"));
const NO_SERVER = "no server listens on steerd.sock: start it, or name its steerd.yaml with --config";

describe("without a server", () => {
  it("drain writes the entry, and says that it holds when one starts", async () => {
    expect(await run("drain", "us", "--reason", "kernel upgrade", "--author", "anna", "--for", "2h")).toBe(0);
    expect(terminal.stdout).toMatch(
      /^pool:us is drained: 1 address, until \d{4}-.*Z\n {2}us\/198\.51\.100\.1 198\.51\.100\.1\n/,
    );
    expect(terminal.stdout).toContain(`It holds when a server starts: ${NO_SERVER}.\n`);
    expect(file()).toMatch(
      /^overrides:\n {2}- match: pool:us\n {4}state: drain\n {4}until: .*Z\n {4}reason: kernel upgrade\n {4}author: anna\n {4}since: .*Z\n$/,
    );
    expect(await run("force", "eu/lb1", "--weight", "25%")).toBe(0);
    expect(terminal.stdout).toContain(
      "pool:eu/lb1 takes 25% of its weight: 1 address, until it is cleared\n",
    );
    expect(await run("force", "region:dublin", "up")).toBe(0);
    expect(await run("check")).toBe(0);
    expect(terminal.stdout).toContain("no errors");
  });

  it("a weight takes no drain back, and says so", async () => {
    expect(await run("drain", "eu", "--force")).toBe(0);
    expect(await run("force", "eu/lb1", "--weight", "10%")).toBe(0);
    expect(terminal.stdout).toContain(
      "pool:eu/lb1 takes 10% of its weight: 0 addresses, until it is cleared\n",
    );
    expect(terminal.stderr).toBe(
      "Warning: 1 address stays drained by pool:eu: steerd clear pool:eu ends that\n",
    );
    expect(await run("force", "eu", "--weight", "10%", "--json")).toBe(0);
    expect(JSON.parse(terminal.stdout)).toMatchObject({
      ok: true,
      addresses: [],
      held: [
        { address: "eu/lb1 192.0.2.1", state: "drain", by: "pool:eu" },
        { address: "eu/lb2 192.0.2.2", state: "drain", by: "pool:eu" },
      ],
    });
    expect(await run("force", "eu", "--weight", "20%")).toBe(0);
    expect(terminal.stderr).toContain("steerd clear pool:eu ends that, and the weight with it\n");
    expect(await run("clear", "eu")).toBe(0);
    expect(terminal.stdout).toContain("Cleared: pool:eu.\n");
    expect(await run("force", "eu/lb1", "--weight", "10%")).toBe(0);
    expect(terminal.stderr).toBe("");
  });

  it("an entry that is said again keeps its end, its reason and its author, and says so", async () => {
    await run(
      "drain",
      "us",
      "--reason",
      "kernel upgrade",
      "--author",
      "anna",
      "--until",
      "2999-01-01T00:00:00Z",
    );
    const before = file();
    expect(await run("drain", "us")).toBe(0);
    expect(terminal.stdout).toContain(
      'Kept of what stood: until 2999-01-01T00:00:00Z (--until cleared ends that), the reason "kernel upgrade", the author anna.\n',
    );
    expect(file()).toBe(before);
    await run("drain", "us", "--until", "cleared", "--reason", "disk");
    expect(terminal.stdout).toContain("1 address, until it is cleared\n");
    expect(file()).not.toContain("until");
    expect(file()).toContain("reason: disk\n    author: anna\n");
  });

  it("a weight and up go together, and each address says what was before", async () => {
    await run("force", "eu/lb1", "up");
    expect(await run("force", "eu/lb1", "--weight", "20%")).toBe(0);
    expect(terminal.stdout).toBe(
      `pool:eu/lb1 is forced up at 20% of its weight: 1 address, until it is cleared
  eu/lb1 192.0.2.1  before: forced up, by pool:eu/lb1
Kept of what stood: forced up.
It holds when a server starts: ${NO_SERVER}.
`,
    );
    await run("force", "eu", "up");
    expect(terminal.stdout).toContain(
      "  eu/lb1 192.0.2.1  before: forced up at 20% of its weight, by pool:eu/lb1\n  eu/lb2 192.0.2.2\n",
    );
    await run("force", "eu/lb2", "--weight", "10%", "--json");
    expect(JSON.parse(terminal.stdout)).toMatchObject({
      state: null,
      weight: 0.1,
      kept: [],
      was: [{ address: "eu/lb2 192.0.2.2", state: "up", weight: 1, by: "pool:eu" }],
    });
  });

  it("row 80: drain is refused where a record would have nothing left, unless forced", async () => {
    expect(await run("drain", "eu")).toBe(1);
    expect(terminal.stderr).toBe(
      "refused  CFG_OVERRIDE_EMPTIES  drain of pool:eu would leave some clients without a live address: eu.example.com. (A): expected --force, if that is meant\nNothing was changed.\n",
    );
    expect(isWritten()).toBe(false);
    expect(await run("drain", "eu", "--force")).toBe(0);
    expect(file()).toContain("force: true");
    expect(await run("drain", "us")).toBe(1);
    expect(terminal.stderr).toContain("www.example.com. (A)");
  });

  it.each([
    [["drain", "ue"], "no endpoint is called pool:ue: expected pool:eu"],
    [["force", "eu/lb3", "down"], "no endpoint is called pool:eu/lb3: expected pool:eu/lb"],
    [["force", "lb2", "down"], "no endpoint is called pool:lb2: expected POOL/ENDPOINT, as pool:eu/lb2"],
    [["drain", "region:dublyn"], "expected region:dublin"],
  ])("%j names nothing: refused, with what may be meant", async (args, words) => {
    expect(await run(...args)).toBe(1);
    expect(terminal.stderr).toContain(words);
    expect(isWritten()).toBe(false);
  });

  it("a name of several zones is refused, with what to write", async () => {
    writeFileSync(join(folder, "zones/example.org.yaml"), ZONE);
    expect(await run("drain", "us")).toBe(1);
    expect(terminal.stderr).toContain(
      "CFG_OVERRIDE_AMBIGUOUS  pool:us is in several zones: expected one of pool:example.com/us, pool:example.org/us",
    );
    expect(await run("drain", "example.org/us")).toBe(0);
  });

  it.each([
    [["drain", "a/b/c/d"], "is not a selector"],
    [["drain", "us", "--for", "soon"], "--for is"],
    [["drain", "us", "--until", "2020-01-01T00:00:00Z"], "which has passed"],
    [["drain", "us", "--until", "2999-02-30T00:00:00Z"], "expected a moment with its offset"],
    [["drain", "us", "--for", "1h", "--until", "2999-01-01T00:00:00Z"], "give one of them"],
    [["drain", "us", "--reason", "two\nlines"], "--reason takes one line"],
    [["drain", "us", "--timeout", "5s"], "--timeout goes with --wait"],
    [["force", "us"], "Give up, down, or --weight"],
    [["force", "us", "down", "--weight", "5%"], "--weight goes with up"],
    [["force", "us", "up", "--weight", "120%"], "0% to 100%"],
    [["clear"], "Give a selector, --all or --expired"],
    [["clear", "us", "--all"], "Give a selector, --all or --expired"],
    [["events", "--last", "-1"], "--last takes 0 to 1000"],
  ])("%j is no command line", async (args, words) => {
    expect(await run(...args)).toBe(2);
    expect(terminal.stderr).toContain(words);
    expect(isWritten()).toBe(false);
  });

  it("clear takes back what was said as it was said", async () => {
    await run("drain", "us");
    await run("force", "eu/lb1", "up");
    expect(await run("clear", "eu")).toBe(1);
    expect(terminal.stderr).toBe(
      "steerd: overrides.yaml has no entry for pool:eu; it has 2 entries: pool:us, pool:eu/lb1\n",
    );
    expect(await run("clear", "us")).toBe(0);
    expect(terminal.stdout).toContain("Cleared: pool:us.\n");
    expect(file()).not.toContain("pool:us");
    writeFileSync(
      join(folder, "overrides.yaml"),
      `${file()}  - {match: pool:us, state: up, until: 2020-01-01T00:00:00Z}\n`,
    );
    expect(await run("clear", "--expired", "--json")).toBe(0);
    expect(JSON.parse(terminal.stdout)).toEqual({ ok: true, removed: ["pool:us"], inForce: false });
    expect(await run("clear", "--all")).toBe(0);
    expect(await run("clear", "--all")).toBe(0);
    expect(terminal.stdout).toBe("There is nothing to clear.\n");
  });

  it("a file with mistakes is told, and not touched", async () => {
    writeFileSync(join(folder, "overrides.yaml"), "overrides: [{match: eu, state: drian}]\n");
    for (const args of [
      ["drain", "us"],
      ["clear", "--all"],
    ]) {
      expect(await run(...args)).toBe(1);
      expect(terminal.stderr).toMatch(/overrides\.yaml:1:21 .*\n.*overrides\.yaml:1:32 .*\n/);
    }
    expect(file()).toContain("drian");
  });

  it("explain heeds what is drained", async () => {
    await run("drain", "eu", "--force");
    await run("explain", "www.example.com", "--client", "9.9.9.9");
    expect(terminal.stdout).toContain("IN A 198.51.100.1");
    expect(terminal.stdout).not.toContain("running server");
  });

  it.each([["status"], ["events"], ["thaw"], ["failback", "www"]])(
    "%s with a wrong steerd.yaml: what is wrong, and nothing of changes",
    async (...args) => {
      writeFileSync(join(folder, "steerd.yaml"), "listen: [127.0.0.1:99999]\n");
      expect(await run(...args)).toBe(1);
      expect(terminal.stderr).toBe(
        'steerd.yaml:1:10  CFG_VALUE_INVALID  listen[0] is "127.0.0.1:99999": expected a port from 0 to 65535 in place of "99999", as 127.0.0.1:53\n1 error in 1 file\n',
      );
    },
  );

  it.each([["status"], ["events"], ["thaw"], ["failback", "www"], ["drain", "us", "--wait"]])(
    "%s: nobody to ask, exit code 3",
    async (...args) => {
      expect(await run(...args)).toBe(3);
      expect(terminal.stderr).toContain(NO_SERVER);
    },
  );
});

describe("with the example zones", () => {
  beforeEach(() => {
    rmSync(join(folder, "zones"), { recursive: true });
    for (const name of ["zones", "geo"])
      cpSync(new URL(`../../${name}`, import.meta.url), join(folder, name), { recursive: true });
  });

  it("the drains of the runbook and of the help work, and the one that is said to be refused is", async () => {
    const manual = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
    await run("drain", "--help");
    const lines = [...`${manual}${terminal.stdout}`.matchAll(/steerd drain (region:[a-z]+)(.*)/g)];
    expect(lines.length).toBeGreaterThanOrEqual(4);
    // Each drain compiles the example zones with the embedded database: the same one is not tried again.
    const said = new Map<string, boolean>();
    for (const [, region = "", rest = ""] of lines)
      said.set(region, said.get(region) === true || /refused/.test(rest));
    for (const [region, isRefused] of said) {
      expect(await run("drain", region), region).toBe(isRefused ? 1 : 0);
      if (isRefused) expect(terminal.stderr).toContain("eu-only.gslb.example. (A)");
      await run("clear", "--all");
    }
    expect([...said.values()].sort()).toEqual([false, true]);
  });
});

describe("with a server", () => {
  const POOLS = [
    ["example.com", "eu", "dublin", "lb1"],
    ["example.com", "us", null, "lb2"],
  ].map(([zone, pool, region, endpoint]) => {
    const rest = {
      probed: "up",
      forced: null,
      entry: null,
      since: null,
      reason: "",
      because: "",
      phases: null,
      weight: 1,
      drainedUntil: null,
    };
    const endpoints = [{ endpoint, address: "192.0.2.1", up: true, ...rest }];
    return { zone, pool, region, check: null, state: "unchecked", up: 1, usable: 1, since: null, endpoints };
  });
  const STATUS = {
    version: "0",
    startedMs: 0,
    nowMs: 0,
    generation: 1,
    reloadOk: true,
    frozen: false,
    stateFileOk: true,
    overrides: { file: "o", isSound: true, entries: 0, ignored: [] },
    pools: POOLS,
  };

  it.each([
    ["region:nowhere", 'no region of the server is called "nowhere": expected one of dublin'],
    ["us/lb1", 'no endpoint of the server is called "us/lb1": expected one of eu/lb1, us/lb2'],
    ["lb2", '"lb2" is not a pool but an endpoint: expected us/lb2'],
    ["asia", 'no pool of the server is called "asia": expected one of eu, us'],
    ["example.com/ue", 'no pool of the server is called "example.com/ue": expected one of example.com/eu'],
  ])("status %s: nothing but what there is", async (selector, words) => {
    await serve({ status: () => STATUS });
    expect(await run("status", selector)).toBe(1);
    expect(terminal.stdout).toBe("");
    expect(terminal.stderr).toMatch(/^steerd: [^\n]*\n$/);
    expect(terminal.stderr).toContain(words);
    expect(await run("status", "eu")).toBe(0);
    expect(terminal.stdout).toContain("example.com/eu");
    expect(await run("status", selector, "--json")).toBe(1);
    expect(JSON.parse(terminal.stdout)).toMatchObject({ ok: false, pools: [] });
  });

  it("asks it before anything is written, and has it read the file after", async () => {
    const ops: string[] = [];
    await serve({
      judge: ({ entries }) => {
        ops.push(`judge ${(entries as unknown[]).length} ${isWritten()}`);
        return {
          unmatched: null,
          ambiguous: [],
          losses: [],
          addresses: ["us/a 198.51.100.1"],
          held: [],
          was: [],
        };
      },
      overrides: () => {
        ops.push(`overrides ${isWritten()}`);
        return { file: join(folder, "overrides.yaml"), findings: [], ignored: [] };
      },
    });
    expect(await run("drain", "us", "--json")).toBe(0);
    expect(ops).toEqual(["judge 1 false", "overrides true"]);
    expect(JSON.parse(terminal.stdout)).toMatchObject({
      ok: true,
      selector: "pool:us",
      state: "drain",
      until: null,
      addresses: ["us/a 198.51.100.1"],
      inForce: true,
    });
  });

  it("says when the server reads another file", async () => {
    await serve({
      judge: () => ({ unmatched: null, ambiguous: [], losses: [], addresses: [], held: [], was: [] }),
      overrides: () => ({ file: "/elsewhere.yaml", findings: [], ignored: [] }),
    });
    expect(await run("drain", "us")).toBe(1);
    expect(terminal.stderr).toContain("the server on steerd.sock reads /elsewhere.yaml");
    expect(await run("clear", "us")).toBe(0);
    expect(terminal.stdout).toContain("reads /elsewhere.yaml");
  });

  it("writes nothing when the server fails to judge", async () => {
    await serve({
      judge: () => {
        throw new RequestRefused("the server has no configuration yet");
      },
    });
    expect(await run("drain", "us")).toBe(1);
    expect(terminal.stderr).toContain("CFG_OVERRIDE_UNJUDGED  the server has no configuration yet");
    expect(isWritten()).toBe(false);
  });

  it("failback and thaw say what came of it", async () => {
    await serve({
      failback: ({ name }) => {
        if (name !== "www") throw new RequestRefused(`"${name}" has no latch`);
        return { zone: "z", policy: "www: policy", current: "us", first: "eu" };
      },
      thaw: () => ({ frozen: true }),
      events: () => ({ events: [] }),
    });
    expect(await run("failback", "www")).toBe(0);
    expect(terminal.stdout).toBe("z/www: policy is released from us: the first entry that is up is next\n");
    expect(await run("failback", "nope")).toBe(1);
    expect(terminal.stderr).toBe('steerd: "nope" has no latch\n');
    expect(await run("thaw")).toBe(0);
    expect(terminal.stdout).toBe("States follow the probes again.\n");
    expect(await run("events")).toBe(0);
    expect(terminal.stdout).toBe("Nothing has happened yet.\n");
  });
});
