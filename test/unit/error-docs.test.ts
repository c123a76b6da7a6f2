import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** Codes of findings as they stand in the source: a layer's prefix and at least one more word. */
const CODE = /["'`]((?:CFG|ZONE|GEO)_[A-Z0-9]+(?:_[A-Z0-9]+)*)["'`]/g;

function codesInSource(): Map<string, string> {
  const codes = new Map<string, string>();
  for (const entry of readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts") || entry.name.endsWith(".test.ts")) continue;
    const path = join(entry.parentPath, entry.name);
    for (const [, code] of readFileSync(path, "utf8").matchAll(CODE)) codes.set(code!, entry.name);
  }
  return codes;
}

const page = readFileSync(join(root, "docs/errors.md"), "utf8");
const entries = [...page.matchAll(/^## (.+)\n(.*)$/gm)].map(([, code, text]) => ({
  code: code!,
  text: text!,
}));
const used = codesInSource();

describe("docs/errors.md", () => {
  test("has an entry for every code that the source uses", () => {
    expect(used.size).toBeGreaterThan(80);
    const documented = new Set(entries.map(({ code }) => code));
    expect([...used.keys()].filter((code) => !documented.has(code)).sort()).toEqual([]);
  });

  test("has no entry for a code that nothing uses", () => {
    expect(entries.map(({ code }) => code).filter((code) => !used.has(code))).toEqual([]);
  });

  test("has them in alphabetical order, each once", () => {
    const codes = entries.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].sort());
  });

  test.each(entries)("says something of $code", ({ text }) => {
    expect(text).toMatch(/^\S.{30,}[.]$/);
  });
});

describe("every code of the configuration", () => {
  const tests = readdirSync(join(root, "src/config"))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(root, "src/config", name), "utf8"))
    .concat(
      readdirSync(join(root, "test/unit"))
        .filter((name) => name.startsWith("bad-inputs"))
        .map((name) => readFileSync(join(root, "test/unit", name), "utf8")),
    )
    .join("\n");

  test.each([...used.keys()].filter((code) => code.startsWith("CFG_")).sort())("%s has a test", (code) => {
    expect(tests).toContain(code);
  });
});
