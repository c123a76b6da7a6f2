import { type SharedBlocks, WORD_GENERATION, WORD_OPEN } from "../serve/blocks.ts";

/**
 * Why this server should get no queries, or null when it should: at least one UDP worker and the stream worker answer
 * from a snapshot on open sockets. One of several UDP workers being replaced is no reason: the others take its share.
 */
export function unreadyReason(blocks: SharedBlocks): string | null {
  if (Atomics.load(blocks.control, WORD_GENERATION) === 0) return "no configuration has been accepted";
  if (!blocks.udp.some(({ words }) => isAnswering(words))) return "no UDP socket is open";
  return isAnswering(blocks.stream.words) ? null : "no TCP socket is open";
}

function isAnswering(words: Int32Array): boolean {
  return Atomics.load(words, WORD_OPEN) === 1 && Atomics.load(words, WORD_GENERATION) > 0;
}
