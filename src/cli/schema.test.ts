import { expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

test.each([
  [["schema"], "pools"],
  [["schema", "zone"], "records"],
  [["schema", "server"], "nameservers"],
  [["schema", "explain"], "steps"],
])("%j prints a JSON Schema with %s", async (args, key) => {
  const terminal = recordedTerminal();
  expect(await runCommandLine(args, terminal)).toBe(0);
  const schema = JSON.parse(terminal.stdout) as { $schema: string; properties: Record<string, unknown> };
  expect(schema.$schema).toMatch(/json-schema\.org/);
  expect(Object.keys(schema.properties)).toContain(key);
});

test("a file that has no schema is refused", async () => {
  const terminal = recordedTerminal();
  expect(await runCommandLine(["schema", "zoen"], terminal)).toBe(2);
  expect(terminal.stderr).toContain("zoen");
});
