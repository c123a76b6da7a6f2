import { TYPE_A, TYPE_AAAA, TYPE_NS } from "../wire/constants.ts";
import { type Name, setName } from "../wire/name.ts";
import {
  findDraftNode,
  findDraftRrset,
  NODE_CUT,
  NODE_FLAGS,
  NODE_IS_CUT,
  NODE_WORDS,
  RRSET_COUNT,
  RRSET_GLUE,
  RRSET_GLUE_COUNT,
  RRSET_OFFSET,
  RRSET_WORDS,
  type ZoneDraft,
} from "./draft.ts";
import { reserveWords } from "./growing.ts";
import { GLUE_NODE, GLUE_OPTIONAL, GLUE_RRSET, GLUE_WORDS } from "./zone-data.ts";

/**
 * Finds, for every delegation of a zone, the addresses of its name servers that the zone holds: first those at or below
 * the delegation, without which the child cannot be reached, then the others (RFC 9471 sections 2.1 and 2.2).
 */
export function addGlue(draft: ZoneDraft, zone: number, firstNode: number, name: Name): void {
  const nodes = draft.nodes.words;
  for (let cut = firstNode; cut < draft.nodeCount; cut++) {
    const at = cut * NODE_WORDS;
    if ((nodes[at + NODE_FLAGS]! & NODE_IS_CUT) === 0) continue;
    const ns = findDraftRrset(draft, cut, TYPE_NS);
    const first = draft.glue.length / GLUE_WORDS;
    addAddresses(draft, zone, cut, ns, 0, name);
    addAddresses(draft, zone, cut, ns, 1, name);
    draft.rrsets.words[ns * RRSET_WORDS + RRSET_GLUE] = first;
    draft.rrsets.words[ns * RRSET_WORDS + RRSET_GLUE_COUNT] = draft.glue.length / GLUE_WORDS - first;
  }
}

function addAddresses(
  draft: ZoneDraft,
  zone: number,
  cut: number,
  ns: number,
  optional: number,
  name: Name,
): void {
  const { octets } = draft.octets;
  const nodes = draft.nodes.words;
  const rrset = ns * RRSET_WORDS;
  let offset = draft.rrsets.words[rrset + RRSET_OFFSET]!;
  for (let rr = 0; rr < draft.rrsets.words[rrset + RRSET_COUNT]!; rr++) {
    const rdlength = (octets[offset]! << 8) | octets[offset + 1]!;
    setName(name, octets, offset + 2);
    offset += rdlength + 2;
    const target = findDraftNode(draft, zone, name, 0);
    if (target < 0) continue;
    const inDomain = nodes[target * NODE_WORDS + NODE_CUT] === cut + 1;
    if (inDomain !== (optional === 0)) continue;
    addRrset(draft, target, TYPE_A, optional);
    addRrset(draft, target, TYPE_AAAA, optional);
  }
}

function addRrset(draft: ZoneDraft, node: number, type: number, optional: number): void {
  const rrset = findDraftRrset(draft, node, type);
  if (rrset < 0) return;
  const { glue } = draft;
  reserveWords(glue, GLUE_WORDS);
  glue.words[glue.length + GLUE_RRSET] = rrset;
  glue.words[glue.length + GLUE_NODE] = node;
  glue.words[glue.length + GLUE_OPTIONAL] = optional;
  glue.length += GLUE_WORDS;
}
