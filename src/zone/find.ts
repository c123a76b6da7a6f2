import type { Name } from "../wire/name.ts";
import { equalOctets } from "../wire/octets.ts";
import {
  APEX_HASH,
  APEX_NODE,
  APEX_WORDS,
  firstRrset,
  NODE_FLAGS,
  NODE_HASH,
  NODE_NAME_LENGTH_SHIFT,
  NODE_ZONE,
  nodeName,
  RRSET_TYPE,
  RRSET_WORDS,
  rrsetCount,
  type ZoneData,
} from "./zone-data.ts";

/** Spreads a name's hash over zones: the same owner name may stand in a parent and in a child zone. */
export function mixZone(nameHash: number, zone: number): number {
  let hash = nameHash ^ Math.imul(zone + 1, 0x9e3779b1);
  hash ^= hash >>> 16;
  return Math.imul(hash, 0x85ebca6b);
}

/** Slot of a hash in a table whose length is a power of two: the upper bits, which the multiplication mixed best. */
export function slotOf(hash: number, tableLength: number): number {
  return (hash ^ (hash >>> 15)) & (tableLength - 1);
}

/** @returns the node of the suffix of `name` from `label` on in `zone`, or -1. */
export function findNode(data: ZoneData, zone: number, name: Name, label: number): number {
  const { nodeTable, words, view } = data;
  const hash = mixZone(name.hashes[label]!, zone);
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
  const hash = name.hashes[label]!;
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
