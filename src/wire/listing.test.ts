import { expect, test } from "vitest";
import { listed, listedWay } from "./listing.ts";

const words = (count: number): string[] => Array.from({ length: count }, (_, i) => `w${i + 1}`);

test("a long list is cut, and says how much is left out", () => {
  expect(listed([])).toBe("");
  expect(listed(["a", "b"])).toBe("a, b");
  expect(listed(words(11))).toMatch(/w10, w11$/);
  expect(listed(words(1999))).toBe("w1, w2, w3, w4, w5, w6, w7, w8, w9, w10 and 1,989 more");
  expect(listed(["a", "b"], "; ")).toBe("a; b");
});

test("a long way shows its start and its end", () => {
  expect(listedWay(["a", "b", "a"])).toBe("a -> b -> a");
  expect(listedWay(words(2000))).toBe(
    "w1 -> w2 -> w3 -> w4 -> w5 -> 1,990 more -> w1996 -> w1997 -> w1998 -> w1999 -> w2000",
  );
});
