import { expect, test } from "vitest";

interface Script {
  withConstantFunctions(code: string): string;
}

const script = new URL("../../scripts/constant-functions.mjs", import.meta.url).href;
const { withConstantFunctions } = (await import(script)) as Script;

const CODE = `import { basename } from "node:path";
const table = fill(3);
function fill(count) { return Array.from({ length: count }, (_, i) => twice(i)); }
function twice(number) {
  return number * 2;
}
function isEven(number) { return number === 0 ? true : isOdd(number - 1); }
function isOdd(number) { return number === 0 ? false : isEven(number - 1); }
class Name { text(path) { return basename(path); } }
const seen = [isEven(4), table[2]];
export { isEven, isOdd, Name, seen };
`;

test("functions become constants, but those that are called before their place is reached", () => {
  const lines = withConstantFunctions(CODE).split("\n");
  expect(
    lines.filter((line) => /^const \w+ = function/.test(line)).map((line) => line.split(" ")[1]),
  ).toEqual(["isEven", "isOdd"]);
  expect(lines.filter((line) => line.startsWith("function")).map((line) => line.split(/[ (]/)[1])).toEqual([
    "fill",
    "twice",
  ]);
  expect(lines).toHaveLength(CODE.split("\n").length);
});

test("the program means the same", async () => {
  const load = async (code: string) => import(`data:text/javascript,${encodeURIComponent(code)}`);
  const [before, after] = [await load(CODE), await load(withConstantFunctions(CODE))];
  for (const { isEven, isOdd, Name, seen } of [before, after]) {
    expect([isEven(7), isOdd(7), new Name().text("/a/b"), seen]).toEqual([false, true, "b", [true, 4]]);
  }
});
