import { closeSync, fstatSync, openSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { letGoOfTerminals, paint, processTerminal } from "./terminal.ts";

test("paint leaves text alone without colours", () => {
  expect(paint(recordedTerminal(false), "red", "x")).toBe("x");
  expect(paint(recordedTerminal(true), "red", "x")).toBe("\u001b[31mx\u001b[0m");
});

describe("colours of the process", () => {
  const isTTY = Object.getOwnPropertyDescriptor(process.stdout, "isTTY");
  afterEach(() => {
    vi.unstubAllEnvs();
    if (isTTY === undefined) Reflect.deleteProperty(process.stdout, "isTTY");
    else Object.defineProperty(process.stdout, "isTTY", isTTY);
  });

  test.each<[string, boolean, string, string, boolean]>([
    ["on a terminal", true, "", "xterm", true],
    ["not in a pipe", false, "", "xterm", false],
    ["not with NO_COLOR", true, "1", "xterm", false],
    ["not on a dumb terminal", true, "", "dumb", false],
  ])("%s", (_what, terminal, noColor, term, colours) => {
    Object.defineProperty(process.stdout, "isTTY", { value: terminal, configurable: true });
    vi.stubEnv("NO_COLOR", noColor);
    vi.stubEnv("TERM", term);
    expect(processTerminal().colours).toBe(colours);
  });

  test("each stream gets its lines", () => {
    const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
    for (const spy of [out, err]) spy.mockReturnValue(true);
    const terminal = processTerminal();
    terminal.out("one");
    terminal.err("two");
    expect([out.mock.calls, err.mock.calls]).toEqual([[["one\n"]], [["two\n"]]]);
    vi.restoreAllMocks();
  });

  test("nothing is written that a terminal would obey, but for styles", () => {
    const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
    for (const spy of [out, err]) spy.mockReturnValue(true);
    const terminal = { ...processTerminal(), colours: true };
    terminal.out(`${paint(terminal, "red", "down")}: \u001b]0;title\u0007\u001b[8m\u009b2J\nnext`);
    terminal.out(`${paint(terminal, "bold", "a\u001b[31mb")} \u001b[0m\u001b[32mforged`);
    terminal.err("\u001b[2Jgone\r");
    expect([out.mock.calls, err.mock.calls]).toEqual([
      [
        ["\u001b[31mdown\u001b[0m: \\u001b]0;title\\u0007\\u001b[8m\\u009b2J\nnext\n"],
        ["\u001b[1ma\\u001b[31mb\u001b[0m \\u001b[0m\\u001b[32mforged\n"],
      ],
      [["\\u001b[2Jgone\\u000d\n"]],
    ]);
    vi.restoreAllMocks();
  });
});

test("streams that are devices are closed, others not", () => {
  const [device, file] = [openSync("/dev/null", "r"), openSync(import.meta.filename, "r")];
  letGoOfTerminals([device, file, 1_000_000]);
  expect(() => fstatSync(device)).toThrow("EBADF");
  expect(fstatSync(file).isFile()).toBe(true);
  closeSync(file);
});
