import { SERVICE_NO_IPV4, SERVICE_NO_IPV6 } from "../wire/answer.ts";
import { createName, setName } from "../wire/name.ts";
import { viewOf } from "../wire/octets.ts";
import * as draftRow from "./draft.ts";
import { findApex } from "./find.ts";
import { sharedWords, shareWords, zeroWords } from "./growing.ts";
import {
  APEX_NODE,
  APEX_WORDS,
  firstRrset,
  GLUE_NODE,
  GLUE_RRSET,
  GLUE_WORDS,
  NODE_CUT,
  NODE_DNAME,
  NODE_FLAGS,
  NODE_HASH,
  NODE_NAME_LENGTH_SHIFT,
  NODE_RECORD,
  NODE_RRSETS_SHIFT,
  NODE_UNDISPUTED,
  NODE_WILDCARD,
  NODE_WORDS,
  NODE_ZONE,
  nodeName,
  RRSET_COUNT,
  RRSET_GLUE,
  RRSET_GLUE_COUNT,
  RRSET_OFFSET,
  RRSET_TTL,
  RRSET_TYPE,
  RRSET_WORDS,
  SERVICE_COUNT,
  SERVICE_OFFSET,
  SERVICE_WORDS,
  type ServiceModel,
  ZONE_APEX,
  ZONE_NS,
  ZONE_SOA,
  ZONE_WORDS,
  type ZoneData,
} from "./zone-data.ts";

/** Bits of a draft's flags that a lookup asks for. */
const KEPT_FLAGS =
  draftRow.NODE_HAS_CNAME |
  draftRow.NODE_HAS_DNAME |
  draftRow.NODE_GIVES_TARGET |
  draftRow.NODE_GIVES_HTTPS |
  draftRow.NODE_GIVES_SVCB;

/** Where layOut puts each node and RRset of a draft: references by index. */
interface Places {
  nodes: Int32Array;
  rrsets: Int32Array;
  /** Words in all. */
  length: number;
}

/**
 * Writes a draft into shared memory, each node with its name, RRsets and records in one place, and turns indexes into
 * references. What dynamic records give besides addresses follows behind the nodes.
 */
export function layOut(
  draft: draftRow.ZoneDraft,
  zoneTable: Int32Array,
  targets: readonly Uint8Array[],
  services: readonly (readonly ServiceModel[])[],
): ZoneData {
  const places = findPlaces(draft);
  const targetOctets = blockOctets(targets);
  const words = sharedWords(
    places.length + ((targetOctets + blockOctets(services.flat().map(({ rdata }) => rdata)) + 3) >>> 2),
  );
  const octets = new Uint8Array(words.buffer, 0, words.byteLength);
  const data: ZoneData = {
    words,
    octets,
    view: viewOf(octets),
    zones: shareWords(draft.zones.words, draft.zones.length),
    nodeTable: draft.nodeTable,
    zoneTable,
    glue: shareWords(draft.glue.words, draft.glue.length),
    targets: writeBlocks(targets, octets, places.length * 4),
    services: writeServices(services, octets, places.length * 4 + targetOctets),
    nodeCount: draft.nodeCount,
  };
  for (let node = 0; node < draft.nodeCount; node++) writeNode(draft, node, places, data);
  const { nodeTable, zones, glue } = data;
  for (let slot = 0; slot < nodeTable.length; slot++) nodeTable[slot] = moved(nodeTable[slot]!, places);
  for (let slot = APEX_NODE; slot < zoneTable.length; slot += APEX_WORDS)
    zoneTable[slot] = moved(zoneTable[slot]!, places);
  for (let zone = 0; zone < zones.length; zone += ZONE_WORDS) {
    zones[zone + ZONE_APEX] = places.nodes[zones[zone + ZONE_APEX]!]!;
    zones[zone + ZONE_SOA] = places.rrsets[zones[zone + ZONE_SOA]!]!;
    zones[zone + ZONE_NS] = places.rrsets[zones[zone + ZONE_NS]!]!;
  }
  for (let entry = 0; entry < glue.length; entry += GLUE_WORDS) {
    glue[entry + GLUE_NODE] = places.nodes[glue[entry + GLUE_NODE]!]!;
    glue[entry + GLUE_RRSET] = places.rrsets[glue[entry + GLUE_RRSET]!]!;
  }
  markUndisputed(data, places.nodes);
  return data;
}

/** Marks the nodes of every zone below whose apex no other one is served. */
function markUndisputed(data: ZoneData, nodes: Int32Array): void {
  const { octets, words, zones } = data;
  const name = createName();
  const hasChild = new Uint8Array(zones.length / ZONE_WORDS);
  for (let zone = 0; zone < hasChild.length; zone++) {
    setName(name, octets, nodeName(zones[zone * ZONE_WORDS + ZONE_APEX]!));
    for (let label = 1; label <= name.labelCount; label++) {
      const parent = findApex(data, name, label);
      if (parent >= 0) hasChild[parent] = 1;
    }
  }
  for (const node of nodes)
    if (hasChild[words[node + NODE_ZONE]!] === 0) words[node + NODE_FLAGS]! |= NODE_UNDISPUTED;
}

function blockOctets(rdatas: readonly Uint8Array[]): number {
  return rdatas.reduce((sum, rdata) => sum + 2 + rdata.length, 0);
}

/** RR blocks of HTTPS and SVCB records, see ZoneData.services. */
function writeServices(
  services: readonly (readonly ServiceModel[])[],
  octets: Uint8Array,
  start: number,
): Int32Array {
  const words = sharedWords(services.length * SERVICE_WORDS);
  let at = start;
  for (const [index, records] of services.entries()) {
    words[index * SERVICE_WORDS + SERVICE_OFFSET] = at;
    words[index * SERVICE_WORDS + SERVICE_COUNT] = records.length;
    for (const { rdata, ipv4, ipv6 } of records) {
      const length = rdata.length | (ipv4 ? 0 : SERVICE_NO_IPV4) | (ipv6 ? 0 : SERVICE_NO_IPV6);
      octets[at] = length >> 8;
      octets[at + 1] = length & 0xff;
      octets.set(rdata, at + 2);
      at += 2 + rdata.length;
    }
  }
  return words;
}

/** RR blocks of one RR each, as in zone files. Returns where each of them starts. */
function writeBlocks(rdatas: readonly Uint8Array[], octets: Uint8Array, start: number): Int32Array {
  const offsets = sharedWords(rdatas.length);
  let at = start;
  for (const [index, rdata] of rdatas.entries()) {
    offsets[index] = at;
    octets[at] = rdata.length >> 8;
    octets[at + 1] = rdata.length & 0xff;
    octets.set(rdata, at + 2);
    at += 2 + rdata.length;
  }
  return offsets;
}

function findPlaces(draft: draftRow.ZoneDraft): Places {
  const nodes = draft.nodes.words;
  const rrsets = draft.rrsets.words;
  const places: Places = {
    nodes: zeroWords(draft.nodeCount),
    rrsets: zeroWords(draft.rrsets.length / draftRow.RRSET_WORDS),
    length: 0,
  };
  for (let node = 0; node < draft.nodeCount; node++) {
    const at = node * draftRow.NODE_WORDS;
    const nameOctets = nodes[at + draftRow.NODE_FLAGS]! >>> draftRow.NODE_NAME_LENGTH_SHIFT;
    places.nodes[node] = places.length;
    places.length += NODE_WORDS + ((nameOctets + 3) >>> 2);
    const first = nodes[at + draftRow.NODE_FIRST_RRSET]!;
    const end = first + nodes[at + draftRow.NODE_RRSET_COUNT]!;
    let blocks = 0;
    for (let rrset = first; rrset < end; rrset++) {
      places.rrsets[rrset] = places.length;
      places.length += RRSET_WORDS;
      blocks += rrsets[rrset * draftRow.RRSET_WORDS + draftRow.RRSET_OCTETS]!;
    }
    places.length += (blocks + 3) >>> 2;
  }
  return places;
}

/** An index plus one as a reference plus one; 0 stays 0. */
function moved(indexPlusOne: number, places: Places): number {
  return indexPlusOne === 0 ? 0 : places.nodes[indexPlusOne - 1]! + 1;
}

function writeNode(draft: draftRow.ZoneDraft, index: number, places: Places, data: ZoneData): void {
  const { words, octets } = data;
  const rows = draft.nodes.words;
  const row = index * draftRow.NODE_WORDS;
  const node = places.nodes[index]!;
  const flags = rows[row + draftRow.NODE_FLAGS]!;
  const nameOctets = flags >>> draftRow.NODE_NAME_LENGTH_SHIFT;
  const count = rows[row + draftRow.NODE_RRSET_COUNT]!;
  words[node + NODE_HASH] = rows[row + draftRow.NODE_HASH]!;
  words[node + NODE_ZONE] = rows[row + draftRow.NODE_ZONE]!;
  words[node + NODE_FLAGS] =
    (nameOctets << NODE_NAME_LENGTH_SHIFT) | (count << NODE_RRSETS_SHIFT) | (flags & KEPT_FLAGS);
  words[node + NODE_WILDCARD] = moved(rows[row + draftRow.NODE_WILDCARD]!, places);
  words[node + NODE_CUT] = moved(rows[row + draftRow.NODE_CUT]!, places);
  words[node + NODE_DNAME] = moved(rows[row + draftRow.NODE_DNAME]!, places);
  words[node + NODE_RECORD] = rows[row + draftRow.NODE_RECORD]!;
  copy(draft.octets.octets, rows[row + draftRow.NODE_NAME]!, nameOctets, octets, nodeName(node));

  const first = rows[row + draftRow.NODE_FIRST_RRSET]!;
  let block = (firstRrset(words, node) + count * RRSET_WORDS) * 4;
  for (let rrset = first; rrset < first + count; rrset++) {
    const from = rrset * draftRow.RRSET_WORDS;
    const to = places.rrsets[rrset]!;
    const source = draft.rrsets.words;
    const length = source[from + draftRow.RRSET_OCTETS]!;
    words[to + RRSET_TYPE] = source[from + draftRow.RRSET_TYPE]!;
    words[to + RRSET_TTL] = source[from + draftRow.RRSET_TTL]!;
    words[to + RRSET_COUNT] = source[from + draftRow.RRSET_COUNT]!;
    words[to + RRSET_OFFSET] = block;
    words[to + RRSET_GLUE] = source[from + draftRow.RRSET_GLUE]!;
    words[to + RRSET_GLUE_COUNT] = source[from + draftRow.RRSET_GLUE_COUNT]!;
    copy(draft.octets.octets, source[from + draftRow.RRSET_OFFSET]!, length, octets, block);
    block += length;
  }
}

function copy(from: Uint8Array, offset: number, length: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[offset + i]!;
}
