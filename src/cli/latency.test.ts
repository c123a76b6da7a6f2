import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { MAX_LINE_OCTETS, readLogLines } from "./log-lines.ts";
import { runCommandLine } from "./program.ts";

/** A folder with files, and a way to run commands in which `@/` is that folder. */
function workplace(files: Record<string, string | Uint8Array>) {
  const folder = temporaryFolder("latency");
  for (const name of ["geo", "zones"]) mkdirSync(join(folder, name));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const run = async (...args: string[]) => {
    const terminal = recordedTerminal();
    const code = await runCommandLine(
      args.map((arg) => arg.replace("@/", `${folder}/`)),
      terminal,
    );
    const plain = (text: string) => text.replaceAll(`${folder}/`, "");
    return { code, stdout: plain(terminal.stdout), stderr: plain(terminal.stderr) };
  };
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  return { folder, run, read };
}

/** `count` lines of one client's /24. */
function lines(count: number, client: string, region: string, rttMs: number): string {
  return Array.from(
    { length: count },
    (_, at) => `${client}${at + 1} ${region} ${rttMs + (at % 3) - 1}\n`,
  ).join("");
}

const GOOD = lines(30, "81.2.69.", "dublin", 12) + lines(30, "81.2.69.", "virginia", 90);
const IMPORT = ["latency", "import", "@/rtt.log", "--out", "@/geo/rtt.csv"];
const TODAY = new Date().toISOString().slice(0, 10);

test("a log becomes a table that check passes and explain uses", async () => {
  const zone = [
    "regions: {dublin: {location: [53.3, -6.3]}, virginia: {location: [38.9, -77.5]}}",
    "pools:",
    "  eu: {region: dublin, endpoints: [192.0.2.1]}",
    "  us: {region: virginia, endpoints: [192.0.2.2]}",
    "records:",
    "  www: {policy: {latency: {table: ../geo/rtt.csv, of: [us, eu]}}}",
  ].join("\n");
  const log = `${GOOD}${lines(40, "9.9.9.", "dublin", 120)}${lines(40, "9.9.9.", "virginia", 20)}`;
  const { run, read } = workplace({
    "rtt.log": log,
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "zones/a.example.yaml": zone,
  });
  expect(await run(...IMPORT)).toEqual({
    code: 0,
    stdout: [
      "140 lines: 140 round trips, 0 of special-purpose addresses, 0 bad",
      "geo/rtt.csv: 4 rows for 2 clients and 2 regions",
      "",
    ].join("\n"),
    stderr: "",
  });
  const table = read("geo/rtt.csv").trimEnd().split("\n");
  expect(table.slice(0, 2)).toEqual([
    "# steerd latency import: medians of 140 round trips, at least 20 a row.",
    "client,region,rtt_ms,samples,date",
  ]);
  const rows = table.slice(2).map((row) => row.split(","));
  expect(rows.map(([client, region, , samples, day]) => [client, region, samples, day])).toEqual([
    ["9.9.9.0/24", "dublin", "40", TODAY],
    ["9.9.9.0/24", "virginia", "40", TODAY],
    ["81.2.69.0/24", "dublin", "30", TODAY],
    ["81.2.69.0/24", "virginia", "30", TODAY],
  ]);
  for (const [at, exact] of [120, 20, 12, 90].entries())
    expect(Math.abs(Number(rows[at]![2]) / exact - 1)).toBeLessThan(0.011);
  const config = ["--config", "@/steerd.yaml"];
  expect((await run("check", "--strict", ...config)).code).toBe(0);
  const near = await run("explain", "www.a.example", "--client", "81.2.69.160", ...config);
  expect(near.stdout).toContain("192.0.2.1");
  expect(near.stdout).toContain("latency      by round trip dublin, virginia");
  expect((await run("explain", "www.a.example", "--client", "9.9.9.9", ...config)).stdout).toContain(
    "192.0.2.2",
  );
});

test("several logs, compressed or not, with CRLF and without a last line end", async () => {
  const parts = Buffer.concat([
    gzipSync(lines(10, "81.2.69.", "dublin", 12)),
    gzipSync(lines(10, "81.2.69.", "dublin", 12)),
  ]);
  const { run, read } = workplace({
    "rtt.log": lines(9, "81.2.69.", "dublin", 12).replaceAll("\n", "\r\n").trimEnd(),
    // The name says nothing: what it begins with does.
    "more.log": parts,
  });
  const { code } = await run(
    "latency",
    "import",
    "@/rtt.log",
    "@/more.log",
    "--out",
    "@/t.csv",
    "--min-samples",
    "29",
  );
  expect(code).toBe(0);
  expect(read("t.csv")).toMatch(/^81\.2\.69\.0\/24,dublin,1[12](\.\d+)?,29,/m);
});

test("bad lines are counted, the first ten told with line and column; the good ones count", async () => {
  const bad = Array.from({ length: 12 }, () => "81.2.69.1,Dublin,12\n").join("");
  const { run } = workplace({ "rtt.log": `${GOOD}\n# a comment\n10.0.0.1 dublin 3\n${bad}` });
  const { code, stdout, stderr } = await run(...IMPORT, "--max-bad", "20%");
  expect(code).toBe(0);
  expect(stdout).toContain("73 lines: 60 round trips, 1 of special-purpose addresses, 12 bad\n");
  const told = stderr.trimEnd().split("\n");
  expect(told).toHaveLength(10);
  expect(told[0]).toBe(
    "rtt.log:64:11  GEO_LATENCY_LOG  \"Dublin\" is no region: expected a region's name, as in the zone's file",
  );
});

test("with too many bad lines nothing is written, and the exit code is 1", async () => {
  const { run, folder } = workplace({ "rtt.log": `${GOOD}81.2.69.1 dublin\n` });
  const { code, stdout, stderr } = await run(...IMPORT);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toContain("rtt.log:61:1  GEO_LATENCY_LOG  the line has 2 words");
  expect(stderr).toContain(
    "geo/rtt.csv   GEO_LATENCY_BAD  1 of 61 lines are bad (1.7%): expected at most 1%, which --max-bad can raise\n",
  );
  expect(stderr).toContain("geo/rtt.csv: nothing was written");
  expect(readdirSync(join(folder, "geo"))).toEqual([]);
});

test("a cut gzip file, a missing one, and a log with too little: each an error, and the old table stays", async () => {
  const whole = gzipSync(GOOD);
  const { run, read, folder } = workplace({
    "rtt.log": whole.subarray(0, whole.length - 9),
    "few.log": lines(19, "81.2.69.", "dublin", 12),
    "geo/rtt.csv": "old",
  });
  expect((await run(...IMPORT)).stderr).toContain(
    "rtt.log  GEO_LATENCY_LOG  the compressed log is cut or corrupt",
  );
  const missing = await run("latency", "import", "@/none.log", "--out", "@/geo/rtt.csv");
  expect(missing).toMatchObject({ code: 1 });
  expect(missing.stderr).toContain("none.log  CFG_FILE_UNREADABLE  there is no such file");
  const few = await run("latency", "import", "@/few.log", "--out", "@/geo/rtt.csv");
  expect(few.stderr).toContain("GEO_LATENCY_OUT  the table would have no row");
  const nowhere = await run(
    "latency",
    "import",
    "@/few.log",
    "--min-samples",
    "1",
    "--out",
    "@/none/rtt.csv",
  );
  expect(nowhere).toMatchObject({ code: 1 });
  expect(nowhere.stderr).toContain("GEO_LATENCY_OUT  it cannot be written (there is no such file)");
  expect(read("geo/rtt.csv")).toBe("old");
  expect(readdirSync(join(folder, "geo"))).toEqual(["rtt.csv"]);
});

test("--json: one object", async () => {
  const { run } = workplace({ "rtt.log": `${GOOD}${lines(3, "9.9.9.", "dublin", 50)}` });
  const { code, stdout } = await run(...IMPORT, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    ok: true,
    out: expect.stringContaining("rtt.csv"),
    lines: 63,
    samples: 63,
    special: 0,
    bad: 0,
    regions: ["dublin", "virginia"],
    clients: 1,
    rows: 2,
    left: { samples: 3, pairs: 1 },
    longest: { ipv4: 24, ipv6: 56 },
    findings: [],
  });
});

test("--previous: a client moves only for a gain, and kept rows have no date", async () => {
  const { run, read } = workplace({
    "rtt.log": lines(30, "81.2.69.", "dublin", 30) + lines(30, "81.2.69.", "virginia", 25),
    "geo/rtt.csv":
      "client,region,rtt_ms,samples,date\n81.2.69.0/24,dublin,20,99,2026-01-31\nEU,virginia,90,,\n",
  });
  const { code, stdout } = await run(...IMPORT, "--previous", "@/geo/rtt.csv");
  expect(code).toBe(0);
  expect(stdout).toContain("0 clients moved, 1 kept for want of gain, 0 not in the logs\n");
  const rows = read("geo/rtt.csv").trimEnd().split("\n").slice(3);
  expect(rows[0]).toBe("81.2.69.0/24,dublin,20,99,");
  expect(rows[1]).toMatch(new RegExp(`^81\\.2\\.69\\.0/24,virginia,2[45](\\.\\d+)?,30,${TODAY}$`));
  expect(rows[2]).toBe("EU,virginia,90,,");
  expect((await run(...IMPORT, "--previous", "@/geo/rtt.csv", "--gain", "1%")).stdout).toContain(
    "1 client moved",
  );
});

test("an earlier table with errors: all of them are told, and nothing is written", async () => {
  const { run, read } = workplace({
    "rtt.log": GOOD,
    "geo/rtt.csv": "client,region,rtt_ms\nEU-UK,dublin,x\n",
  });
  const { code, stderr } = await run(...IMPORT, "--previous", "@/geo/rtt.csv");
  expect(code).toBe(1);
  expect(stderr).toContain("geo/rtt.csv:2:1   GEO_LATENCY_CLIENT");
  expect(stderr).toContain("geo/rtt.csv:2:14  GEO_LATENCY_ROW");
  expect(read("geo/rtt.csv")).toContain("EU-UK");
});

test.each([
  [["--gain", "10"], '--gain is "10": expected milliseconds or a share, as 10ms or 15%'],
  [["--max-bad", "101%"], '--max-bad is "101%": expected a share from 0% to 100%'],
  [["--min-samples", "0"], "--min-samples takes a whole number from 1"],
  [["--min-samples", "x"], "--min-samples takes a whole number from 1"],
])("%j is a usage error", async (options, message) => {
  const { run } = workplace({ "rtt.log": GOOD });
  const { code, stderr } = await run(...IMPORT, ...options);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});

test("standard input comes in any pieces: magic number, lines and gzip members may be cut anywhere", async () => {
  const text = `a\nbb\r\n\n${"x".repeat(MAX_LINE_OCTETS + 100)}\nlast`;
  const wanted = ["a", "bb", "", "x".repeat(MAX_LINE_OCTETS), "last"];
  for (const octets of [Buffer.from(text), gzipSync(text)])
    for (const size of [1, 2, 3, 1000, 100_000]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < octets.length; at += size) pieces.push(octets.subarray(at, at + size));
      const read: string[] = [];
      let counted = 0;
      const fault = await readLogLines(
        {
          path: "-",
          onOctets: (count) => {
            counted += count;
          },
          onLine: (line) => read.push(line) > 0,
        },
        Readable.from(pieces),
      );
      expect(fault).toBeNull();
      expect(read).toEqual(wanted);
      expect(counted).toBe(octets.length);
    }
});

test("reading stops when no more lines are wanted, out of gzip too", async () => {
  for (const octets of [Buffer.from("a\nb\nc\n"), gzipSync("a\nb\nc\n")]) {
    const read: string[] = [];
    const lines = { path: "-", onOctets: () => undefined, onLine: (line: string) => read.push(line) < 2 };
    expect(await readLogLines(lines, Readable.from([octets]))).toBeNull();
    expect(read).toEqual(["a", "b"]);
  }
});

test.each([
  ["a device", "/dev/zero", "this is not a regular file"],
  ["a pipe", "@/pipe", "this is not a regular file"],
  ["a folder", "@/geo", "this is a folder"],
  ["a file that is not there", "@/none.log", "there is no such file"],
])("%s is no log, and is not waited for", async (_what, path, words) => {
  const { folder, run } = workplace({});
  spawnSync("mkfifo", [join(folder, "pipe")]);
  const { code, stderr } = await run("latency", "import", path, "--out", "@/geo/rtt.csv");
  expect(code).toBe(1);
  expect(stderr).toContain(`CFG_FILE_UNREADABLE  ${words}`);
  expect(readdirSync(join(folder, "geo"))).toEqual([]);
});

test("an empty log has no row for a table", async () => {
  const { run } = workplace({ "rtt.log": "" });
  expect((await run(...IMPORT)).stderr).toContain("GEO_LATENCY_OUT");
});

test("the log itself is not where its table goes, whatever it is called there", async () => {
  const { folder, run, read } = workplace({ "rtt.log": GOOD });
  symlinkSync("rtt.log", join(folder, "link"));
  linkSync(join(folder, "rtt.log"), join(folder, "hard"));
  for (const out of ["@/rtt.log", "@/link", "@/hard", "@/geo/../rtt.log"]) {
    const { code, stderr } = await run("latency", "import", "@/rtt.log", "--out", out);
    expect(code, out).toBe(2);
    expect(stderr).toContain("which is the log rtt.log itself: give the table another place");
  }
  expect(read("rtt.log")).toBe(GOOD);
});

test("what has no line end for very long is no log: reading ends", async () => {
  let given = 0;
  const endless = new Readable({
    read() {
      given += 2 ** 20;
      this.push(Buffer.alloc(2 ** 20));
    },
  });
  const fault = await readLogLines({ path: "-", onOctets: () => undefined, onLine: () => true }, endless);
  expect(fault).toMatchObject({ code: "GEO_LATENCY_LOG", what: "a line has more than 16777216 octets" });
  expect(given).toBeLessThan(32 * 2 ** 20);
});
