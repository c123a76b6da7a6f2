import type { Locations } from "./location.ts";
import { CLASS_NOTHING, CLASS_SPECIAL } from "./table.ts";

/** The chains of all tables: equal ones are stored once, and a chain's offset is the class of its clients. */
export interface ChainDraft {
  words: number[];
  offsets: Map<string, number>;
}

export function draftChains(): ChainDraft {
  const words: number[] = [];
  words[CLASS_SPECIAL] = 0;
  words[CLASS_NOTHING] = 0;
  return { words, offsets: new Map([["", CLASS_NOTHING]]) };
}

/** Offset of a chain of entry indexes. */
export function addChain(draft: ChainDraft, entries: readonly number[]): number {
  const text = entries.join();
  let offset = draft.offsets.get(text);
  if (offset === undefined) {
    offset = draft.words.length;
    draft.words.push(entries.length, ...entries);
    draft.offsets.set(text, offset);
  }
  return offset;
}

/** Class of a location; `locations` null: the unknown one. */
export type ChainOf = (locations: Locations | null, row: number) => number;
