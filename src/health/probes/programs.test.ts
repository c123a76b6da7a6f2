import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { realClock, runProbe, targetOf } from "../../../test/support/probing.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import type { RunningProbe } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { findPing, prepareIcmp } from "./icmp.ts";
import { prepareProbe } from "./prepare.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("programs");
});

/** A program of the shell, as an executable file. */
function program(text: string): string {
  const path = join(folder, "check");
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const exec = (...command: string[]) => targetOf({ type: "exec", command });
const reasonOf = async (...run: Parameters<typeof runProbe>) => reasonText((await runProbe(...run)).reason);
const soon = (running: RunningProbe): void => {
  setTimeout(() => running.expire(), 150);
};

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isSo()).toBe(true);
}

describe("exec", () => {
  it.each([
    [0, true, "ok"],
    [1, true, "warning"],
    [2, false, "exit-2"],
    [3, false, "exit-3"],
    [127, false, "exit-127"],
  ])("exit code %i: up %s, %s", async (code, ok, reason) => {
    const result = await runProbe(exec(program(`echo "said by it"; echo more; exit ${code}`)));
    expect([result.ok, reasonText(result.reason), result.note]).toEqual([ok, reason, "said by it"]);
  });

  it("gets its arguments as they are, the target's parts filled in, and an environment of its own", async () => {
    const out = join(folder, "out");
    const path = program(`printf '%s\\n' "$@" > ${out}; env >> ${out}`);
    expect(await reasonOf(exec(path, "-H", "{address}", "$(id); {pool}/{endpoint} {zone}", ""))).toBe("ok");
    const lines = readFileSync(out, "utf8").split("\n");
    expect(lines.slice(0, 4)).toEqual(["-H", "127.0.0.1", "$(id); p/lb1 {zone}", ""]);
    const env = lines.slice(4).filter((line) => !/^(?:PWD|SHLVL|_|OLDPWD)=/.test(line) && line !== "");
    expect(env.sort()).toEqual([
      "LANG=C",
      "PATH=/usr/local/bin:/usr/bin:/bin",
      "STEERD_ADDRESS=127.0.0.1",
      "STEERD_CHECK=check",
      "STEERD_ENDPOINT=lb1",
      "STEERD_FAMILY=4",
      "STEERD_POOL=p",
      "STEERD_ZONE=z.example.",
    ]);
  });

  it("at the deadline is killed, with all that it has started", async () => {
    const pids = join(folder, "pids");
    const path = program(`sleep 60 & echo $! >> ${pids}; echo $$ >> ${pids}; wait`);
    const ready = (running: RunningProbe): void => {
      until(() => existsSync(pids) && readFileSync(pids, "utf8").split("\n").length === 3).then(() =>
        running.expire(),
      );
    };
    expect(await reasonOf(exec(path), undefined, ready)).toBe("timeout");
    const alive = (): string => {
      const list = readFileSync(pids, "utf8").trim().split("\n").join(",");
      try {
        return execFileSync("ps", ["-o", "stat=", "-p", list], { encoding: "utf8" }).replace(/Z\S*\s*/g, "");
      } catch {
        return "";
      }
    };
    await until(() => alive().trim() === "");
  });

  it("leaves nobody behind who holds its output open", async () => {
    const result = await runProbe(exec(program("sleep 60 & exit 0")), undefined, (running) => {
      setTimeout(() => running.expire(), 20_000).unref();
    });
    expect(reasonText(result.reason)).toBe("ok");
    expect(result.totalMs).toBeLessThan(15_000);
  });

  it("with endless output is ended", async () => {
    expect(await reasonOf(exec(program("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done")))).toBe(
      "program-output",
    );
  });

  it("that dies by a signal, or cannot be started, has failed", async () => {
    expect(await reasonOf(exec(program("kill -9 $$")))).toBe("program-signal");
    expect(await reasonOf(exec(join(folder, "absent")))).toBe("program-failed");
    expect(await reasonOf(exec("relative"))).toBe("request-invalid");
  });

  it("more programs than may run at once say nothing about their targets", async () => {
    const path = program("sleep 60");
    const reasons: string[] = [];
    const running = Array.from({ length: 70 }, () =>
      prepareProbe(exec(path), realClock)((result) => reasons.push(reasonText(result.reason))),
    );
    expect(reasons).toEqual(Array.from({ length: 6 }, () => "fd-limit"));
    for (const probe of running) probe.cancel();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await reasonOf(exec(program("exit 0")))).toBe("ok");
  });

  it("shows no control characters of what it says", async () => {
    const { note } = await runProbe(exec(program("printf 'a\\033[31mb\\tc\\n'")));
    expect(note).toBe("a [31mb c");
  });
});

describe("file", () => {
  function file(text: string, ageMs = 0): ReturnType<typeof targetOf> {
    const path = join(folder, "p-lb1-127.0.0.1");
    writeFileSync(path, text);
    const seconds = (Date.now() - ageMs) / 1000;
    utimesSync(path, seconds, seconds);
    return targetOf({ type: "file", path: join(folder, "{pool}-{endpoint}-{address}"), maxAgeMs: 10_000 });
  }

  it.each([
    ["up\n", 0, "ok"],
    ["UP since noon", 9_000, "ok"],
    [" down: the disk is full", 0, "file-invalid"],
    ["down the disk is full", 0, "state-down"],
    ["warning", 0, "warning"],
    ["upward", 0, "file-invalid"],
    ["", 0, "file-invalid"],
    ["up", 11_000, "file-stale"],
    ["up", -11_000, "file-stale"],
    [`up ${"x".repeat(100_000)}`, 0, "ok"],
  ])("%.20j, %i ms old, is %s", async (text, ageMs, reason) => {
    expect(await reasonOf(file(text, ageMs))).toBe(reason);
  });

  it("that is not there, or is none, is missing", async () => {
    const of = (path: string) => reasonOf(targetOf({ type: "file", path, maxAgeMs: 10_000 }));
    expect(await of(join(folder, "absent"))).toBe("file-missing");
    expect(await of(folder)).toBe("file-missing");
    const pipe = join(folder, "pipe");
    execFileSync("sh", ["-c", `mkfifo ${pipe}`]);
    expect(await of(pipe)).toBe("file-missing");
  });

  it("reports nothing once cancelled", async () => {
    let count = 0;
    prepareProbe(file("up"), realClock)(() => count++).cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(count).toBe(0);
  });
});

it("static says what it says", async () => {
  expect(await reasonOf(targetOf({ type: "static", up: true }))).toBe("ok");
  expect(await reasonOf(targetOf({ type: "static", up: false }))).toBe("state-down");
});

describe("icmp", () => {
  const target = targetOf({ type: "icmp" }, "::1");
  const using = (ping: string | null) => (of: typeof target, clock: typeof realClock) =>
    prepareIcmp(of, clock, ping);

  it("asks the system's ping once, and takes the time from it", async () => {
    const out = join(folder, "out");
    const ping = program(
      `printf "%s " "$@" > ${out}; echo "64 bytes from ::1: icmp_seq=1 ttl=64 time=0.035 ms"`,
    );
    const result = await runProbe(target, using(ping));
    expect(result).toMatchObject({ ok: true, firstOctetMs: 0.035 });
    expect(readFileSync(out, "utf8")).toBe("-n -c 1 ::1 ");
  });

  it("tells silence from not being able to ask", async () => {
    expect(await reasonOf(target, using(program("exit 1")))).toBe("no-reply");
    const denied = program("echo 'ping: socktype: SOCK_RAW: Operation not permitted' >&2; exit 2");
    const result = await runProbe(target, using(denied));
    expect([reasonText(result.reason), result.note]).toEqual([
      "ping-failed",
      "ping: socktype: SOCK_RAW: Operation not permitted",
    ]);
    expect(await reasonOf(target, using(program("sleep 60")), soon)).toBe("timeout");
    expect(await reasonOf(target, using(null))).toBe("ping-failed");
  });

  it("finds ping where it is executable", () => {
    const path = program("exit 0");
    expect(findPing([join(folder, "absent"), path])).toBe(path);
    expect(findPing([join(folder, "absent")])).toBeNull();
  });
});

it("a probe goes to the address in probe, whatever is answered", async () => {
  const out = join(folder, "out");
  const target = exec(program(`echo $STEERD_ADDRESS $STEERD_FAMILY > ${out}`));
  expect(await reasonOf({ ...target, probe: { address: "::1", family: 6 } })).toBe("ok");
  expect(readFileSync(out, "utf8")).toBe("::1 6\n");
});
