import { beforeEach, describe, expect, it } from "vitest";
import { allocateWords, CRASH_THROW, WORD_CRASH, WORD_HEARTBEAT, WORD_STOP } from "./blocks.ts";
import { readWords } from "./control-words.ts";

let words: Int32Array;
beforeEach(() => {
  words = allocateWords();
});

describe("readWords", () => {
  it("beats, and says whether to stop", () => {
    expect(readWords(words)).toBe(false);
    expect(words[WORD_HEARTBEAT]).toBe(1);
    words[WORD_STOP] = 1;
    expect(readWords(words)).toBe(true);
  });

  it("throws once when it is told to crash", () => {
    words[WORD_CRASH] = CRASH_THROW;
    expect(() => readWords(words)).toThrow("crash word");
    expect(readWords(words)).toBe(false);
  });
});
