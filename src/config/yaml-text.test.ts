import { describe, expect, test } from "vitest";
import { MAX_ALIASED_VALUES, readYaml } from "./yaml-text.ts";

/** Problems as `line:column CODE what`, with what was expected behind an arrow. */
function problems(text: string): string[] {
  return readYaml(text).problems.map(
    ({ line, column, code, what, expected }) => `${line}:${column} ${code} ${what} -> ${expected}`,
  );
}

const plain = (text: string): unknown => {
  const { value, problems } = readYaml(text);
  expect(problems).toEqual([]);
  return JSON.parse(JSON.stringify(value));
};

describe("values", () => {
  test("are those of YAML 1.2: yes, no, on and off are texts", () => {
    expect(plain("a: yes\nb: no\nc: on\nd: off\ne: true\nf: ~\ng: 0x10\nh: 1.5\ni: 017")).toEqual({
      ...{ a: "yes", b: "no", c: "on", d: "off", e: true, f: null, g: 16, h: 1.5, i: 17 },
    });
  });

  test("keys are what the file has, not what YAML makes of them", () => {
    expect(plain("10: a\n0x1f: b\ntrue: c\nnull: d\n1.50: e")).toEqual({
      ...{ "10": "a", "0x1f": "b", true: "c", null: "d", "1.50": "e" },
    });
  });

  test("an empty file, a comment and a byte order mark are no problem", () => {
    expect(plain("")).toBeNull();
    expect(plain("# nothing\n")).toBeNull();
    expect(plain("\uFEFFa: 1\r\nb: 2\r\n")).toEqual({ a: 1, b: 2 });
  });

  test("mappings have no prototype, so that no key is there unasked", () => {
    const value = readYaml("a: {b: 1}").value as { a: object };
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.getPrototypeOf(value.a)).toBeNull();
  });

  test("an alias is the same value again", () => {
    const value = readYaml("a: &x [1, 2]\nb: *x\nc: {d: *x}").value as { a: object; b: object };
    expect(value.b).toBe(value.a);
  });

  test("a merge key is an ordinary one", () => {
    expect(plain("<<: {a: 1}")).toEqual({ "<<": { a: 1 } });
  });

  test("IPv6 addresses that need no quotes are texts", () => {
    expect(plain("a: [2001:db8::1, ::1]\nb: {c: ::1}\nd: {2001:db8::/32: us, ::/0: eu}")).toEqual({
      a: ["2001:db8::1", "::1"],
      b: { c: "::1" },
      d: { "2001:db8::/32": "us", "::/0": "eu" },
    });
  });

  test("an integer too large for a number loses digits and nothing else", () => {
    expect(plain("a: 123456789012345678901234567890")).toEqual({ a: 123456789012345680000000000000 });
  });
});

describe("words that want quotes", () => {
  const wants = (word: string) =>
    `CFG_YAML_QUOTE ${word} stands without quotes, and YAML gives that a meaning of its own -> "${word}"`;

  test.each([
    ["records:\n  @: {policy: a}\n", `2:3 ${wants("@")}`],
    ["records:\n  *: {policy: a}\n", `2:3 ${wants("*")}`],
    ["records: {*: 1}", `1:11 ${wants("*")}`],
    ["records:\n  *.dyn: {policy: a}\n", `2:3 ${wants("*.dyn")}`],
    ["records:\n  *.dyn : {policy: a}\n", `2:3 ${wants("*.dyn")}`],
    ["a: *\n", `1:4 ${wants("*")}`],
    ["a: %b", `1:4 ${wants("%b")}`],
    ["a: `b", `1:4 ${wants("`b")}`],
    ["a: [2001:db8::1, 2001:db8::]", `1:18 ${wants("2001:db8::")}`],
    ["a: [::]", `1:5 ${wants("::")}`],
    ["a: {address: 2001:db8::}", `1:14 ${wants("2001:db8::")}`],
    ["- 2001:db8::\n", `1:3 ${wants("2001:db8::")}`],
    ["listen: [127.0.0.1:53, [::1]:53]\n", `1:24 ${wants("[::1]:53")}`],
    ["listen: [::1]:53\n", `1:9 ${wants("[::1]:53")}`],
  ])("%j", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test("each is told, and the errors that they cause are not", () => {
    const text =
      "records:\n  *.a: {policy: x}\n  @: {policy: y}\n  *.b: {policy: z}\nlisten:\n- [::1]:53\n- [::2]:53\n";
    expect(
      problems(text)
        .map((problem) => problem.slice(0, 20))
        .sort(),
    ).toEqual([
      ...[
        "2:3 CFG_YAML_QUOTE *",
        "3:3 CFG_YAML_QUOTE @",
        "4:3 CFG_YAML_QUOTE *",
        "6:3 CFG_YAML_QUOTE [",
        "7:3 CFG_YAML_QUOTE [",
      ],
    ]);
  });

  test("an error of another kind is told beside them", () => {
    expect(problems("a: *\nb: [1, 2\n").map((problem) => problem.split(" ")[1])).toEqual([
      ...["CFG_YAML_QUOTE", "CFG_YAML_SYNTAX"],
    ]);
  });
});

describe("below a tab, or a key without its colon, no indentation is found fault with", () => {
  test.each([
    ["p:\n  us:\n\tregion: x\n    check: y\n", "3:1 CFG_YAML_TAB a tab is used as indentation -> spaces"],
    [
      "p:\n  us\n    region: x\n    check: y\n",
      "2:3 CFG_YAML_SYNTAX a key does not end on its line -> a colon, and a space behind it",
    ],
  ])("%j", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test("but further down it is", () => {
    const far = "p:\n  us\n    check: y\n    a: 1\nq: 1\nr: 1\ns: 1\nt:\n  eu\n    check: y\n";
    expect(problems(far).map((problem) => problem.split(" ")[0])).toEqual(["2:3", "9:3"]);
  });
});

describe("a file full of words that want quotes", () => {
  test("is not parsed again for each", () => {
    const { problems } = readYaml(`a: [${"*, ".repeat(2000)}]`);
    expect(problems).toHaveLength(1000);
    expect(problems.every(({ code }) => code === "CFG_YAML_QUOTE")).toBe(true);
  });

  test("is looked through once more when it is long", () => {
    const { problems } = readYaml(`${"# \n".repeat(40_000)}${"*a: 1\n".repeat(10)}`);
    expect(problems.map(({ code }) => code)).toEqual(["CFG_YAML_QUOTE", "CFG_YAML_QUOTE", "CFG_YAML_SYNTAX"]);
  });
});

describe("syntax errors", () => {
  test.each([
    ["a:\n\tb: 1\n", "2:1 CFG_YAML_TAB a tab is used as indentation -> spaces"],
    ["a: 1\n---\nb: 2\n", "2:1 CFG_YAML_DOCUMENTS a second document begins here -> one document in a file"],
    ["...\na: 1\n", "2:1 CFG_YAML_DOCUMENTS a second document begins here -> one document in a file"],
    ["a: [1, 2\nb: 3\n", "1:4 CFG_YAML_SYNTAX a list in brackets is not closed -> ] before line 2"],
    ["a: {b: 1", "1:4 CFG_YAML_SYNTAX a mapping in brackets is not closed -> }"],
    ["a: {b: [1, 2}\nc: 3\n", "1:8 CFG_YAML_SYNTAX a list in brackets is not closed -> ]"],
    [
      "r:\n  www: {p: {f: [eu]}\n  api: {p: eu}\n",
      "2:8 CFG_YAML_SYNTAX a mapping in brackets is not closed -> } before line 3",
    ],
    ['a: "abc\n', '2:1 CFG_YAML_SYNTAX a text in quotes is not closed -> "'],
    ["a: 'abc\n", "2:1 CFG_YAML_SYNTAX a text in quotes is not closed -> '"],
    ["a:\n  b: 1\n c: 2\n", "3:1 CFG_YAML_SYNTAX the indentation does not fit what stands above -> "],
    [
      "a: b: c\n",
      "1:4 CFG_YAML_SYNTAX a second key stands on the same line -> quotes where a text is meant, or a new line",
    ],
    [
      "p:\n  check: web\n    endpoints: [x]\n",
      "3:5 CFG_YAML_SYNTAX endpoints stands deeper than check above it, which has a value already -> 2 spaces before endpoints as before check, or nothing behind the colon of check",
    ],
    ["a: 1\nb:2\n", "2:1 CFG_YAML_SYNTAX b has no space after its colon -> key: value"],
    ["a: {b:1}", "1:5 CFG_YAML_SYNTAX b has no space after its colon -> key: value"],
    [
      "a:\n- 1\n-2\n",
      '3:1 CFG_YAML_SYNTAX "-2" stands alone -> "key: value", or "- " before an item of a list',
    ],
    ["a\n: b", '2:1 CFG_YAML_SYNTAX ":" cannot stand here -> '],
    ['a: "\\q"', "1:5 CFG_YAML_SYNTAX invalid escape sequence \\q -> "],
    ["a: !foo 1", "1:4 CFG_YAML_TAG !foo is a tag -> plain values, in quotes where a text is meant"],
    [
      "a: !!str 1",
      "1:10 CFG_YAML_TAG tag:yaml.org,2002:str is a tag -> plain values, in quotes where a text is meant",
    ],
    [
      "%YAML 1.1\n---\na: yes\n",
      "1:1 CFG_YAML_VERSION the file asks for another version of YAML -> YAML 1.2, which needs no %YAML line",
    ],
    ["? [a]\n: b\n", "1:3 CFG_YAML_KEY this key is not a single word -> a text as the key"],
  ])("%j", (text, problem) => {
    expect(problems(text)[0]).toBe(problem);
  });
});

describe("aliases", () => {
  test("without an anchor, within their own, and too many of them", () => {
    expect(problems("a: *x\nb: &x 1")).toEqual([
      "1:4 CFG_YAML_ALIAS *x names an anchor that is not there -> &x before it, or quotes where a text is meant",
    ]);
    expect(problems("a: &x [1, *x]")).toEqual([
      "1:11 CFG_YAML_ALIAS *x stands within what it names -> an anchor that ends before it",
    ]);
    const items = "1,".repeat(1000);
    const times = Math.ceil(MAX_ALIASED_VALUES / 1001);
    expect(problems(`a: &x [${items}]\nb: [${"*x,".repeat(times - 1)}]`)).toEqual([]);
    expect(problems(`a: &x [${items}]\nb: [${"*x,".repeat(times)}]`)).toEqual([
      expect.stringContaining("CFG_YAML_ALIAS with *x the aliases of this file repeat too much"),
    ]);
  });
});

describe("keys", () => {
  test("twice in one mapping: the second is at fault, and the first is named", () => {
    expect(problems("a: 1\nb: {c: 1, c: 2}\na: 3\n")).toEqual([
      '2:11 CFG_YAML_DUPLICATE "c" stands here again, first on line 2 -> it once',
      '3:1 CFG_YAML_DUPLICATE "a" stands here again, first on line 1 -> it once',
    ]);
  });

  test.each(["__proto__", "constructor", "prototype"])("%s is refused", (key) => {
    expect(problems(`a:\n  ${key}: {x: 1}`)).toEqual([
      `2:3 CFG_YAML_KEY "${key}" is reserved and cannot be a key -> another name`,
    ]);
    expect(problems(`"${key}": 1`)).toHaveLength(1);
  });
});

describe("depth", () => {
  test("one hundred levels are fine, more are told once", () => {
    expect(problems(`${"[".repeat(100)}${"]".repeat(100)}`)).toEqual([]);
    expect(problems(`${"[".repeat(102)}${"]".repeat(102)}`)).toEqual([
      "1:102 CFG_LIMIT_DEPTH nests too deeply -> at most 100 levels",
    ]);
  });

  test("twenty thousand brackets end in a problem, not in a stack overflow", () => {
    expect(problems("[".repeat(20_000))[0]).toContain("CFG_LIMIT_DEPTH");
  });
});

describe("places", () => {
  const text = "a:\n  b: [x, {c: 1}]\n  d:\ne: &y {f: 2}\ng: *y\n";
  const place = (path: (string | number)[], part: "key" | "value") => {
    const { line, column } = readYaml(text).placeOf(path, part);
    return `${line}:${column}`;
  };

  test.each([
    [["a"], "1:1", "2:3"],
    [["a", "b"], "2:3", "2:6"],
    [["a", "b", 0], "2:7", "2:7"],
    [["a", "b", 1, "c"], "2:11", "2:14"],
    [["a", "d"], "3:3", "3:3"],
    [["g", "f"], "4:8", "4:11"],
  ] as const)("of %j", (path, key, value) => {
    expect([place([...path], "key"), place([...path], "value")]).toEqual([key, value]);
  });

  test("of what is not there: the nearest thing that is", () => {
    expect(place(["a", "nothing", "below"], "value")).toBe("1:1");
    expect(place(["a", "b", 7], "value")).toBe("2:3");
    expect(place(["a", "b", 0, "deeper"], "value")).toBe("2:7");
  });
});
