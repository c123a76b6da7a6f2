import {
  type Answer,
  ITEM_DATA,
  ITEM_KIND,
  ITEM_OWNER,
  ITEM_OWNER_KIND,
  ITEM_RRSET,
  ITEM_SYNTHESIZED_CNAME,
  ITEM_TYPE,
  ITEM_WORDS,
  OWNER_OCTETS,
  OWNER_QNAME,
} from "../wire/answer.ts";
import { TYPE_CNAME } from "../wire/constants.ts";
import { LOWER } from "../wire/name.ts";
import type { Lookup } from "./lookup.ts";

/** What an answer holds already: where chains of aliases go in a circle, and where a record would be given twice. */

/**
 * Whether the RRset at `offset` is in the answer already as the current name's, so that a CNAME that is met twice, by a
 * wildcard too, closes a loop (no RRset is given twice: RFC 2181 section 5).
 */
export function isRepeated(state: Lookup, offset: number, answer: Answer): boolean {
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    if (items[item + ITEM_KIND] !== ITEM_RRSET || items[item + ITEM_DATA] !== offset) continue;
    if (isOwner(state, item, answer)) return true;
  }
  return false;
}

/** Whether the answer has a CNAME of the current name already; dice may have chosen another target for it. */
export function hasAlias(state: Lookup, answer: Answer): boolean {
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    if (items[item + ITEM_TYPE] === TYPE_CNAME && isOwner(state, item, answer)) return true;
  }
  return false;
}

/** A DNAME is given once, however many names it redirects. */
export function holdsRrset(offset: number, answer: Answer): boolean {
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    if (items[item + ITEM_KIND] === ITEM_RRSET && items[item + ITEM_DATA] === offset) return true;
  }
  return false;
}

/** Whether a CNAME was synthesized already for the current name: DNAMEs that lead in a circle. */
export function isSynthesized(state: Lookup, answer: Answer): boolean {
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    if (items[item + ITEM_KIND] === ITEM_SYNTHESIZED_CNAME && isOwner(state, item, answer)) return true;
  }
  return false;
}

/** Whether an item of the answer is owned by the current name. */
function isOwner(state: Lookup, item: number, answer: Answer): boolean {
  const kind = answer.items[item + ITEM_OWNER_KIND]!;
  const octets =
    kind === OWNER_QNAME ? state.qname.lower : kind === OWNER_OCTETS ? state.data.octets : answer.scratch;
  const offset = kind === OWNER_QNAME ? 0 : answer.items[item + ITEM_OWNER]!;
  const { lower, length } = state.name;
  // The length octets are part of the comparison, so that neither name can be a part of the other.
  for (let i = 0; i < length; i++) if (LOWER[octets[offset + i]!] !== lower[i]) return false;
  return true;
}
