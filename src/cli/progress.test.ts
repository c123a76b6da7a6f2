import { expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { createProgress } from "./progress.ts";

test("a terminal shows the share, ten times a second at most, and is clean at the end", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const terminal = { ...recordedTerminal(), line: (text: string) => void lines.push(text), columns: 60 };
  const progress = createProgress(terminal, "reading", () => nowMs);
  progress.show(0, 100, "0 lines");
  nowMs = 99;
  progress.show(50, 100, "not shown");
  nowMs = 100;
  progress.show(50, 100, "5 lines");
  nowMs = 200;
  progress.show(500, 100, "a note that is far too long for a line of sixty");
  nowMs = 300;
  progress.show(7, 0, "8 lines");
  progress.end();
  expect(lines).toEqual([
    "reading  [------------------------]   0%  0 lines",
    "reading  [############------------]  50%  5 lines",
    "reading  [########################] 100%  a note that is fa",
    "reading  8 lines",
    "",
  ]);
});

test("where there is no terminal nothing is written, not even at the end", () => {
  const terminal = recordedTerminal();
  const progress = createProgress(terminal, "reading");
  progress.show(1, 2, "");
  progress.end();
  expect(terminal.stdout + terminal.stderr).toBe("");
});
