import { type Name, suffixHash } from "../wire/name.ts";
import { equalOctets } from "../wire/octets.ts";
import { slotOf } from "./find.ts";
import type { GrowingOctets, GrowingWords } from "./growing.ts";

/**
 * Zones while they are built: nodes and RRsets as rows of tables that grow, told by their index. When all zones are there,
 * layout.ts writes what belongs together side by side. A word that may be absent holds the index plus one, and 0 says none.
 */
export interface ZoneDraft {
  /** Owner names (wire form, lower case), and the RR blocks of every RRset. */
  octets: GrowingOctets;
  /** The octets, four at a time; refreshed when they have grown. */
  view: DataView;
  /** NODE_WORDS words a node. */
  nodes: GrowingWords;
  /** RRSET_WORDS words an RRset; the RRsets of one node are adjacent, sorted by type. */
  rrsets: GrowingWords;
  /** ZONE_WORDS words a zone. */
  zones: GrowingWords;
  /** GLUE_WORDS words each: see zone-data.ts. */
  glue: GrowingWords;
  /** Parent of each node; a parent always has the smaller index. The apex is its own. */
  parents: GrowingWords;
  /** Open-addressed hash of nodes: node index plus one; length a power of two. Shared, for it becomes the snapshot's. */
  nodeTable: Int32Array;
  /** Nodes in use. */
  nodeCount: number;
}

export const NODE_WORDS = 10;
/** Offset of the owner name in `octets`. */
export const NODE_NAME = 0;
export const NODE_ZONE = 1;
export const NODE_FIRST_RRSET = 2;
export const NODE_RRSET_COUNT = 3;
/** Bits below, and the octets of the owner name from bit 16 on. */
export const NODE_FLAGS = 4;
/** Child `*`, plus one (RFC 4592). */
export const NODE_WILDCARD = 5;
/** Topmost delegation at or above this node, plus one (RFC 1034 section 4.2). */
export const NODE_CUT = 6;
/** Topmost DNAME owner strictly above this node, plus one (RFC 6672 section 2.3). */
export const NODE_DNAME = 7;
/** Dynamic record of this name, plus one: index into PolicyData.records. */
export const NODE_RECORD = 8;
/** Hash of the owner name. */
export const NODE_HASH = 9;

export const NODE_IS_APEX = 1;
export const NODE_IS_CUT = 2;
export const NODE_HAS_CNAME = 4;
export const NODE_HAS_DNAME = 8;
export const NODE_GIVES_TARGET = 16;
export const NODE_GIVES_HTTPS = 32;
export const NODE_GIVES_SVCB = 64;
export const NODE_NAME_LENGTH_SHIFT = 16;

export const RRSET_WORDS = 7;
export const RRSET_TYPE = 0;
export const RRSET_TTL = 1;
export const RRSET_COUNT = 2;
/** Offset in `octets` of the RR block: for each RR its RDLENGTH (two octets) and RDATA. */
export const RRSET_OFFSET = 3;
/** Index of the first address RRset in `glue`, for the NS RRset of a delegation. */
export const RRSET_GLUE = 4;
/** How many RRsets that is. */
export const RRSET_GLUE_COUNT = 5;
/** Octets of the RR block. */
export const RRSET_OCTETS = 6;

/** @returns the node of the suffix of `name` from `label` on in `zone`, or -1. */
export function findDraftNode(draft: ZoneDraft, zone: number, name: Name, label: number): number {
  const { nodeTable, view } = draft;
  const nodes = draft.nodes.words;
  const hash = suffixHash(name, label);
  const from = name.labelOffsets[label]!;
  const length = name.length - from;
  for (let slot = slotOf(hash, nodeTable.length); ; slot = (slot + 1) & (nodeTable.length - 1)) {
    const node = nodeTable[slot]! - 1;
    if (node < 0) return -1;
    const at = node * NODE_WORDS;
    if (nodes[at + NODE_HASH] !== hash || nodes[at + NODE_ZONE] !== zone) continue;
    if (nodes[at + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT !== length) continue;
    if (equalOctets(view, nodes[at + NODE_NAME]!, name.view, from, length)) return node;
  }
}

/** @returns the RRset of `type` that a node owns, or -1. */
export function findDraftRrset(draft: ZoneDraft, node: number, type: number): number {
  const first = draft.nodes.words[node * NODE_WORDS + NODE_FIRST_RRSET]!;
  const end = first + draft.nodes.words[node * NODE_WORDS + NODE_RRSET_COUNT]!;
  for (let rrset = first; rrset < end; rrset++) {
    if (draft.rrsets.words[rrset * RRSET_WORDS + RRSET_TYPE] === type) return rrset;
  }
  return -1;
}
