import { describe, expect, it } from "vitest";
import { createLog, createOutput } from "./log.ts";

function sink(): { text: string; write: (line: string) => void } {
  const into = {
    text: "",
    write: (line: string) => {
      into.text += line;
    },
  };
  return into;
}

it("writes one JSON object a line, at or above the level", async () => {
  const into = sink();
  const log = await createLog({ pretty: false, level: "info", destination: into });
  log("debug", "unseen");
  log("info", "seen");
  log("warn", "with facts", { zone: "example", count: 3 });
  const lines = into.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toEqual([
    { level: "info", time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), msg: "seen" },
    { level: "warn", time: expect.any(String), zone: "example", count: 3, msg: "with facts" },
  ]);
});

it("writes lines for people, before the call returns", async () => {
  const into = sink();
  const log = await createLog({ pretty: true, level: "info", destination: into });
  log("warn", "pool eu has failed", { zone: "example", pool: "eu", to: "failed" });
  expect(into.text).toMatch(/^\[?\d\d:\d\d:\d\d.*WARN.*pool eu has failed \{"zone":"example"\}\n$/);
});

it("writes nothing for people that a terminal would obey", async () => {
  const into = sink();
  const log = await createLog({ pretty: true, level: "info", destination: into });
  log("warn", "eu\u001b[2J\u009b is down\nforged", { zone: "z\u001b]0;x\u0007\u009b" });
  expect(into.text).toContain("eu\\u001b[2J\\u009b is down\\u000aforged");
  for (const control of ["\u0007", "\u001b", "\u009b"]) expect(into.text).not.toContain(control);
  expect(into.text.split("\n")).toHaveLength(2);
});

describe("row 57: the log goes where it cannot be written", () => {
  function failure(code: string): Error {
    return Object.assign(new Error(code), { code });
  }

  /** Takes `room` octets in all, at most 4 at once; throws `code` beyond. */
  function output(room: number, code: string) {
    const state = { text: "", room, calls: 0 };
    const { write } = createOutput((octets) => {
      state.calls++;
      if (state.room === 0) throw failure(code);
      const count = Math.min(4, state.room, octets.length);
      state.room -= count;
      state.text += Buffer.from(octets.subarray(0, count)).toString();
      return count;
    });
    return { state, write };
  }

  it.each(["ENOSPC", "EPIPE"])("%s costs the lines, and a cut one does not run into the next", (code) => {
    const { state, write } = output(10, code);
    write("one, two\n");
    write("three\n");
    write("four\n");
    state.room = 100;
    write("five\n");
    write("six\n");
    expect(state.text).toBe("one, two\nt\nfive\nsix\n");
  });

  it("a slow reader is waited for, a stuck one is not", () => {
    const { state, write } = output(0, "EAGAIN");
    write("lost\n");
    expect(state).toMatchObject({ text: "", calls: 10 });
  });
});
