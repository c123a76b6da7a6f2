import type { Name } from "../wire/name.ts";
import { equalOctets } from "../wire/octets.ts";
import {
  NODE_FLAGS,
  NODE_HASH,
  NODE_NAME,
  NODE_NAME_LENGTH_SHIFT,
  NODE_WORDS,
  NODE_ZONE,
  RRSET_TYPE,
  RRSET_WORDS,
  ZONE_APEX,
  ZONE_WORDS,
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
  const { nodeTable, nodes, view } = data;
  const hash = mixZone(name.hashes[label]!, zone);
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  const mask = nodeTable.length - 1;
  for (let slot = slotOf(hash, nodeTable.length); ; slot = (slot + 1) & mask) {
    const node = nodeTable[slot]! - 1;
    if (node < 0) return -1;
    const at = node * NODE_WORDS;
    if (
      nodes[at + NODE_HASH] === hash &&
      nodes[at + NODE_ZONE] === zone &&
      nodes[at + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT === length &&
      equalOctets(view, nodes[at + NODE_NAME]!, name.view, from, length)
    ) {
      return node;
    }
  }
}

/** @returns the zone whose apex is the suffix of `name` from `label` on, or -1. */
export function findApex(data: ZoneData, name: Name, label: number): number {
  const { zoneTable, zones, nodes, view } = data;
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  const mask = zoneTable.length - 1;
  for (let slot = slotOf(name.hashes[label]!, zoneTable.length); ; slot = (slot + 1) & mask) {
    const zone = zoneTable[slot]! - 1;
    if (zone < 0) return -1;
    const at = zones[zone * ZONE_WORDS + ZONE_APEX]! * NODE_WORDS;
    if (
      nodes[at + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT === length &&
      equalOctets(view, nodes[at + NODE_NAME]!, name.view, from, length)
    ) {
      return zone;
    }
  }
}

/** @returns the RRset of `type` among `count` adjacent ones from `first` on, or -1. They are sorted by type. */
export function findRrset(data: ZoneData, first: number, count: number, type: number): number {
  const { rrsets } = data;
  for (let rrset = first; rrset < first + count; rrset++) {
    if (rrsets[rrset * RRSET_WORDS + RRSET_TYPE] === type) return rrset;
  }
  return -1;
}
