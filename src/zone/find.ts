import { type Name, suffixHash } from "../wire/name.ts";
import { equalOctets } from "../wire/octets.ts";
import {
  APEX_HASH,
  APEX_NODE,
  APEX_WORDS,
  firstRrset,
  NODE_FLAGS,
  NODE_HASH,
  NODE_NAME_LENGTH_SHIFT,
  NODE_UNDISPUTED,
  NODE_ZONE,
  nodeName,
  RRSET_TYPE,
  RRSET_WORDS,
  rrsetCount,
  type ZoneData,
} from "./zone-data.ts";

/** Slot of a hash in a table whose length is a power of two: the upper bits, which the multiplication mixed best. */
export function slotOf(hash: number, tableLength: number): number {
  const mixed = Math.imul(hash, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & (tableLength - 1);
}

/** What findOwner says of a name that no zone has, and of one that it takes a search for the zone to tell about. */
export const OWNER_ABSENT = -1;
export const OWNER_DISPUTED = -2;

/**
 * Looks for a name in all zones at once. Most names that are asked for exist, and then their zone need not be looked for:
 * no other that is served can lie between it and the name.
 *
 * @returns the node of `name`, OWNER_ABSENT, or OWNER_DISPUTED: a zone that has it has others below its apex.
 */
export function findOwner(data: ZoneData, name: Name): number {
  const { nodeTable, words, view } = data;
  const hash = name.hashes[0]!;
  const { length } = name;
  const mask = nodeTable.length - 1;
  for (let slot = slotOf(hash, nodeTable.length); ; slot = (slot + 1) & mask) {
    const node = nodeTable[slot]! - 1;
    if (node < 0) return OWNER_ABSENT;
    if (
      words[node + NODE_HASH] === hash &&
      words[node + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT === length &&
      equalOctets(view, nodeName(node), name.view, 0, length)
    ) {
      return (words[node + NODE_FLAGS]! & NODE_UNDISPUTED) !== 0 ? node : OWNER_DISPUTED;
    }
  }
}

/** @returns the node of the suffix of `name` from `label` on in `zone`, or -1. */
export function findNode(data: ZoneData, zone: number, name: Name, label: number): number {
  const { nodeTable, words, view } = data;
  const hash = suffixHash(name, label);
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  const mask = nodeTable.length - 1;
  for (let slot = slotOf(hash, nodeTable.length); ; slot = (slot + 1) & mask) {
    const node = nodeTable[slot]! - 1;
    if (node < 0) return -1;
    if (
      words[node + NODE_HASH] === hash &&
      words[node + NODE_ZONE] === zone &&
      words[node + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT === length &&
      equalOctets(view, nodeName(node), name.view, from, length)
    ) {
      return node;
    }
  }
}

/** @returns the zone whose apex is the suffix of `name` from `label` on, or -1. */
export function findApex(data: ZoneData, name: Name, label: number): number {
  const { zoneTable, words, view } = data;
  const hash = suffixHash(name, label);
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  const slots = zoneTable.length / APEX_WORDS;
  for (let slot = slotOf(hash, slots); ; slot = (slot + 1) & (slots - 1)) {
    const apex = zoneTable[slot * APEX_WORDS + APEX_NODE]! - 1;
    if (apex < 0) return -1;
    if (
      zoneTable[slot * APEX_WORDS + APEX_HASH] === hash &&
      words[apex + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT === length &&
      equalOctets(view, nodeName(apex), name.view, from, length)
    ) {
      return words[apex + NODE_ZONE]!;
    }
  }
}

/** @returns the RRset of `type` that a node owns, or -1. */
export function findRrset(data: ZoneData, node: number, type: number): number {
  const { words } = data;
  let rrset = firstRrset(words, node);
  for (let left = rrsetCount(words, node); left > 0; left--, rrset += RRSET_WORDS) {
    if (words[rrset + RRSET_TYPE] === type) return rrset;
  }
  return -1;
}
