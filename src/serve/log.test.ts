import { expect, it } from "vitest";
import { createLog } from "./log.ts";

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
