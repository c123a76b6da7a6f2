import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern, type Pattern } from "./pattern.ts";

function pattern(text: string): Pattern {
  const compiled = compilePattern(text);
  if (typeof compiled !== "function") throw new Error(`${text}: ${compiled.what}`);
  return compiled;
}

describe("compilePattern", () => {
  it.each([
    ["ok", "all ok here", true],
    ["^ok$", "ok\n", false],
    ["(?m)^ok$", "not\nok\nthere", true],
    ["(?i)status: *UP", "Status:   up", true],
    ["(?i)[^a]", "A", false],
    ['"state"\\s*:\\s*"(green|yellow)"', '{"state" : "yellow"}', true],
    ['"state"\\s*:\\s*"(green|yellow)"', '{"state" : "red"}', false],
    ["a{2,3}b", "aab", true],
    ["^a{2,3}b", "aaaab", false],
    ["^(?:a*)*$", "aaa", true],
    ["\\bup\\b", "groups", false],
    ["\\bup\\b", "is up.", true],
    ["[\\d-]+x", "1-2x", true],
    ["[^\\w\\s]", "a b", false],
    ["\\x41\\u0042", "AB", true],
    ["a.c", "a\nc", false],
    ["(?s)a.c", "a\nc", true],
    ["", "", true],
    ["\\$5\\.00", "$5.00", true],
  ])("%s on %j", (text, input, matches) => {
    expect(pattern(text)(input)).toBe(matches);
  });

  it.each([
    ["(a", "is not closed"],
    ["a)", "closes nothing"],
    ["[a", "is not closed"],
    ["*a", "nothing to repeat"],
    ["a**", "follows a quantifier"],
    ["(?=a)", "looks around"],
    ["(a)\\1", "\\1 is not known"],
    ["\\p{L}", "is not known"],
    ["a{3,1}", "is no range"],
    ["[z-a]", "is none"],
    ["\\", "ends in a backslash"],
    ["\\xg0", "has no number"],
    ["(a{100}){100}", "too large"],
    ["((((){9999}){9999}){9999}){9999}", "too large"],
    ["a".repeat(257), "257 characters"],
    [`${"(".repeat(40)}a${")".repeat(40)}`, "too deep"],
  ])("refuses %s", (text, what) => {
    const compiled = compilePattern(text);
    expect(typeof compiled).toBe("object");
    expect((compiled as { what: string }).what).toContain(what);
  });

  it("agrees with RegExp on small patterns and texts", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\w", "^", "$", "\\b", "a|b", "|");
    const quantifier = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,2}", "*?");
    const part = fc.oneof(
      fc.tuple(fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\W"), quantifier).map(([a, q]) => a + q),
      atom,
      fc
        .tuple(fc.array(fc.tuple(atom, fc.constant("")), { maxLength: 3 }), quantifier)
        .map(([parts, q]) => `(${parts.map(([a]) => a).join("")})${q}`),
    );
    const source = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(""));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "A", " ", "\n"), maxLength: 8 });
    fc.assert(
      fc.property(source, text, fc.constantFrom("", "i", "m", "s"), (body, input, flag) => {
        const ours = pattern(flag === "" ? body : `(?${flag})${body}`);
        expect(ours(input)).toBe(new RegExp(body, flag).test(input));
      }),
      { numRuns: 5_000, seed: 61 },
    );
  });

  it.each(["(a|a)*$", "(a+)+$", "(a*)*b", "a*a*a*a*a*b", "(x+x+)+y", "((a?){30}){8}b"])(
    "%s cannot stall on 5,120 octets",
    (text) => {
      const matches = pattern(text);
      const startMs = performance.now();
      matches(`${"a".repeat(5_119)}!`);
      matches("x".repeat(5_120));
      // Some 20 ms each on a quiet machine; a backtracking matcher would not end before this machine is scrap.
      expect(performance.now() - startMs).toBeLessThan(2_000);
    },
  );
});
