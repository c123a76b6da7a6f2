import { TYPE_CNAME, TYPE_DNAME, TYPE_NS, TYPE_SOA } from "../wire/constants.ts";
import { createName, LOWER, type Name, nameLength, setName, suffixHash } from "../wire/name.ts";
import { viewOf } from "../wire/octets.ts";
import {
  findDraftNode,
  NODE_CUT,
  NODE_DNAME,
  NODE_FIRST_RRSET,
  NODE_FLAGS,
  NODE_GIVES_HTTPS,
  NODE_GIVES_SVCB,
  NODE_GIVES_TARGET,
  NODE_HAS_CNAME,
  NODE_HAS_DNAME,
  NODE_HASH,
  NODE_IS_APEX,
  NODE_IS_CUT,
  NODE_NAME,
  NODE_NAME_LENGTH_SHIFT,
  NODE_RECORD,
  NODE_RRSET_COUNT,
  NODE_WILDCARD,
  NODE_WORDS,
  NODE_ZONE,
  RRSET_OFFSET,
  RRSET_TTL,
  RRSET_TYPE,
  RRSET_WORDS,
  type ZoneDraft,
} from "./draft.ts";
import { slotOf } from "./find.ts";
import { addGlue } from "./glue.ts";
import {
  appendOctets,
  growingOctets,
  growingWords,
  reserveWords,
  sharedWords,
  zeroWords,
} from "./growing.ts";
import { layOut } from "./layout.ts";
import type { RecordColumns } from "./record-columns.ts";
import { addRrsets, type RecordLists } from "./rrset.ts";
import {
  APEX_HASH,
  APEX_NODE,
  APEX_WORDS,
  type ServiceModel,
  ZONE_APEX,
  ZONE_NEGATIVE_TTL,
  ZONE_NS,
  ZONE_SOA,
  ZONE_SOA_PREFIXES,
  ZONE_WORDS,
  type ZoneData,
} from "./zone-data.ts";

/** One zone to build: its static records, checked, and the owners of its dynamic ones. */
export interface ZoneSource {
  columns: RecordColumns;
  dynamic: {
    /** Wire form, lower case. */
    owner: Uint8Array;
    /** Index into PolicyData.records. */
    record: number;
    /** The record answers every type with a CNAME. */
    givesTarget?: boolean;
    /** It answers these types beside the addresses. */
    givesHttps?: boolean;
    givesSvcb?: boolean;
  }[];
}

/**
 * Builds the static half of a snapshot. Every zone must have passed checkZone: an SOA and NS at its apex, owners within
 * the zone.
 *
 * @param targets - names in wire form that dynamic records answer as CNAMEs.
 * @param services - HTTPS and SVCB records of dynamic names, those of a name together.
 * @returns typed arrays over SharedArrayBuffers.
 */
export function buildZones(
  sources: readonly ZoneSource[],
  targets: readonly Uint8Array[] = [],
  services: readonly (readonly ServiceModel[])[] = [],
): ZoneData {
  const draft = createDraft(sources);
  const name = createName();
  for (let zone = 0; zone < sources.length; zone++) buildZone(draft, zone, sources[zone]!, name);
  return layOut(draft, buildZoneTable(draft, name), targets, services);
}

function createDraft(sources: readonly ZoneSource[]): ZoneDraft {
  let records = 0;
  let octetCount = 0;
  for (const source of sources) {
    records += source.columns.count + source.dynamic.length;
    octetCount += source.columns.octets.length;
  }
  const octets = growingOctets(octetCount + records * 4 + 64);
  return {
    octets,
    view: viewOf(octets.octets),
    nodes: growingWords((records + sources.length) * NODE_WORDS),
    rrsets: growingWords((records + 1) * RRSET_WORDS),
    zones: growingWords(sources.length * ZONE_WORDS),
    glue: growingWords(64),
    parents: growingWords(records + sources.length),
    nodeTable: sharedWords(tableLength(records + sources.length)),
    nodeCount: 0,
  };
}

/** A power of two that leaves at least half of the slots empty, so that a search ends after one or two. */
function tableLength(entries: number): number {
  let length = 16;
  while (length < entries * 2) length *= 2;
  return length;
}

function buildZone(draft: ZoneDraft, zone: number, source: ZoneSource, name: Name): void {
  const { columns } = source;
  const firstNode = draft.nodeCount;
  setName(name, columns.origin, 0);
  const apexLabels = name.labelCount;
  const apex = insertNode(draft, zone, name, 0, -1);
  draft.nodes.words[apex * NODE_WORDS + NODE_FLAGS]! |= NODE_IS_APEX;
  reserveWords(draft.zones, ZONE_WORDS);
  draft.zones.words[zone * ZONE_WORDS + ZONE_APEX] = apex;
  draft.zones.length += ZONE_WORDS;

  const lists: RecordLists = {
    firstNode,
    heads: growingWords(columns.count + 1),
    next: zeroWords(columns.count),
  };
  let node = apex;
  for (let record = columns.count - 1; record >= 0; record--) {
    const sameOwner = record + 1 < columns.count && columns.owner[record] === columns.owner[record + 1];
    if (!sameOwner) {
      setName(name, columns.octets, columns.owner[record]!);
      node = addNode(draft, zone, name, 0, apexLabels, apex);
    }
    const list = node - firstNode;
    while (lists.heads.length <= list) {
      reserveWords(lists.heads, 1);
      lists.heads.words[lists.heads.length++] = 0;
    }
    lists.next[record] = lists.heads.words[list]!;
    lists.heads.words[list] = record + 1;
  }
  for (const { owner, record, givesTarget, givesHttps, givesSvcb } of source.dynamic) {
    setName(name, owner, 0);
    const at = addNode(draft, zone, name, 0, apexLabels, apex) * NODE_WORDS;
    draft.nodes.words[at + NODE_RECORD] = record + 1;
    if (givesTarget === true) draft.nodes.words[at + NODE_FLAGS]! |= NODE_GIVES_TARGET;
    if (givesHttps === true) draft.nodes.words[at + NODE_FLAGS]! |= NODE_GIVES_HTTPS;
    if (givesSvcb === true) draft.nodes.words[at + NODE_FLAGS]! |= NODE_GIVES_SVCB;
  }
  addRrsets(draft, columns, lists);
  linkNodes(draft, firstNode, apex);
  describeZone(draft, zone, apex);
  addGlue(draft, zone, firstNode, name);
}

/** Finds the node of the suffix from `label` on, or inserts it behind its ancestors (empty non-terminals). */
function addNode(
  draft: ZoneDraft,
  zone: number,
  name: Name,
  label: number,
  apexLabels: number,
  apex: number,
): number {
  if (name.labelCount - label <= apexLabels) return apex;
  const known = findDraftNode(draft, zone, name, label);
  if (known >= 0) return known;
  return insertNode(draft, zone, name, label, addNode(draft, zone, name, label + 1, apexLabels, apex));
}

function insertNode(draft: ZoneDraft, zone: number, name: Name, label: number, parent: number): number {
  const { nodes } = draft;
  const node = draft.nodeCount++;
  reserveWords(nodes, NODE_WORDS);
  reserveWords(draft.parents, 1);
  draft.parents.words[draft.parents.length++] = parent < 0 ? node : parent;
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  const at = nodes.length;
  const hash = suffixHash(name, label);
  nodes.words[at + NODE_NAME] = appendOctets(draft.octets, name.lower, from, length);
  if (draft.view.buffer !== draft.octets.octets.buffer) draft.view = viewOf(draft.octets.octets);
  nodes.words[at + NODE_ZONE] = zone;
  nodes.words[at + NODE_FLAGS] = length << NODE_NAME_LENGTH_SHIFT;
  nodes.words[at + NODE_HASH] = hash;
  nodes.length += NODE_WORDS;
  if (draft.nodeCount * 2 > draft.nodeTable.length) rehash(draft);
  else place(draft.nodeTable, hash, node);
  const isWildcard = parent >= 0 && length > 1 && name.lower[from] === 1 && name.lower[from + 1] === 0x2a;
  if (isWildcard) nodes.words[parent * NODE_WORDS + NODE_WILDCARD] = node + 1;
  return node;
}

function place(table: Int32Array, hash: number, entry: number): void {
  let slot = slotOf(hash, table.length);
  while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1);
  table[slot] = entry + 1;
}

function rehash(draft: ZoneDraft): void {
  const table = sharedWords(draft.nodeTable.length * 2);
  for (let node = 0; node < draft.nodeCount; node++) {
    place(table, draft.nodes.words[node * NODE_WORDS + NODE_HASH]!, node);
  }
  draft.nodeTable = table;
}

/** Marks delegations, DNAMEs and what lies below the topmost of them; parents come before their children. */
function linkNodes(draft: ZoneDraft, firstNode: number, apex: number): void {
  const nodes = draft.nodes.words;
  const rrsets = draft.rrsets.words;
  for (let node = firstNode; node < draft.nodeCount; node++) {
    const at = node * NODE_WORDS;
    const first = nodes[at + NODE_FIRST_RRSET]!;
    let hasNs = false;
    for (let rrset = first; rrset < first + nodes[at + NODE_RRSET_COUNT]!; rrset++) {
      const type = rrsets[rrset * RRSET_WORDS + RRSET_TYPE]!;
      if (type === TYPE_CNAME) nodes[at + NODE_FLAGS]! |= NODE_HAS_CNAME;
      else if (type === TYPE_DNAME) nodes[at + NODE_FLAGS]! |= NODE_HAS_DNAME;
      else if (type === TYPE_NS) hasNs = true;
    }
    if (node === apex) continue;
    const parent = draft.parents.words[node]!;
    const up = parent * NODE_WORDS;
    if (nodes[up + NODE_CUT] !== 0) nodes[at + NODE_CUT] = nodes[up + NODE_CUT]!;
    else if (nodes[up + NODE_DNAME] !== 0) nodes[at + NODE_DNAME] = nodes[up + NODE_DNAME]!;
    else if ((nodes[up + NODE_FLAGS]! & NODE_HAS_DNAME) !== 0) nodes[at + NODE_DNAME] = parent + 1;
    else if (hasNs) {
      nodes[at + NODE_FLAGS]! |= NODE_IS_CUT;
      nodes[at + NODE_CUT] = node + 1;
    }
  }
}

function describeZone(draft: ZoneDraft, zone: number, apex: number): void {
  const { rrsets, octets } = draft;
  const zones = draft.zones.words;
  const first = draft.nodes.words[apex * NODE_WORDS + NODE_FIRST_RRSET]!;
  const count = draft.nodes.words[apex * NODE_WORDS + NODE_RRSET_COUNT]!;
  for (let rrset = first; rrset < first + count; rrset++) {
    const at = rrset * RRSET_WORDS;
    const type = rrsets.words[at + RRSET_TYPE];
    if (type === TYPE_NS) zones[zone * ZONE_WORDS + ZONE_NS] = rrset;
    if (type !== TYPE_SOA) continue;
    zones[zone * ZONE_WORDS + ZONE_SOA] = rrset;
    const offset = rrsets.words[at + RRSET_OFFSET]!;
    const rdlength = (octets.octets[offset]! << 8) | octets.octets[offset + 1]!;
    const minimum = new DataView(octets.octets.buffer).getUint32(offset + 2 + rdlength - 4);
    zones[zone * ZONE_WORDS + ZONE_NEGATIVE_TTL] = Math.min(minimum, rrsets.words[at + RRSET_TTL]!);
    const name = draft.nodes.words[apex * NODE_WORDS + NODE_NAME]!;
    zones[zone * ZONE_WORDS + ZONE_SOA_PREFIXES] = soaPrefixes(octets.octets, offset + 2, name);
  }
}

/** ZONE_SOA_PREFIXES of the RDATA at `rdata` and the apex at `apex`. */
function soaPrefixes(octets: Uint8Array, rdata: number, apex: number): number {
  const mname = octetsBefore(octets, rdata, apex);
  const rname = octetsBefore(octets, rdata + nameLength(octets, rdata), apex);
  return mname < 0 || rname < 0 ? -1 : (mname << 8) | rname;
}

/** How many octets of the name at `offset` stand before the one at `suffix`, which is in lower case; -1: it does not end in it. */
function octetsBefore(octets: Uint8Array, offset: number, suffix: number): number {
  const wanted = nameLength(octets, suffix);
  let at = offset;
  let left = nameLength(octets, offset);
  while (left > wanted) {
    const size = octets[at]! + 1;
    at += size;
    left -= size;
  }
  // A pointer to the root would be longer than the root.
  if (left < wanted || wanted === 1) return -1;
  for (let i = 0; i < wanted; i++) if (LOWER[octets[at + i]!] !== octets[suffix + i]) return -1;
  return at - offset;
}

function buildZoneTable(draft: ZoneDraft, name: Name): Int32Array {
  const count = draft.zones.length / ZONE_WORDS;
  const slots = tableLength(count);
  const table = sharedWords(slots * APEX_WORDS);
  for (let zone = 0; zone < count; zone++) {
    const apex = draft.zones.words[zone * ZONE_WORDS + ZONE_APEX]!;
    setName(name, draft.octets.octets, draft.nodes.words[apex * NODE_WORDS + NODE_NAME]!);
    const hash = name.hashes[0]!;
    let slot = slotOf(hash, slots);
    while (table[slot * APEX_WORDS + APEX_NODE] !== 0) slot = (slot + 1) & (slots - 1);
    table[slot * APEX_WORDS + APEX_HASH] = hash;
    table[slot * APEX_WORDS + APEX_NODE] = apex + 1;
  }
  return table;
}
