import {
  MAX_NAME_OCTETS,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_MX,
  TYPE_NS,
  TYPE_PTR,
  TYPE_SRV,
} from "../wire/constants.ts";
import { nameLength } from "../wire/name.ts";
import { formatName } from "../wire/name-text.ts";
import { formatType } from "../wire/registry.ts";
import { cutAbove } from "./check-cuts.ts";
import { type Check, nameKey, report } from "./check-report.ts";
import type { RecordColumns } from "./record-columns.ts";
import { depthInZone, findOwner, firstOfType, isDropped, OWNS_ADDRESS, OWNS_CNAME } from "./record-index.ts";

/** Octets of RDATA in front of a name, or -1. */
function namePrefix(type: number): number {
  return type === TYPE_CNAME || type === TYPE_DNAME || type === TYPE_PTR ? 0 : hostPrefix(type);
}

/** Octets of RDATA in front of the host name that needs an address, or -1. */
function hostPrefix(type: number): number {
  if (type === TYPE_NS) return 0;
  if (type === TYPE_MX) return 2;
  return type === TYPE_SRV ? 6 : -1;
}

/**
 * Host names in NS, MX and SRV that are in the zone have an address there, and are no aliases (RFC 2181 section 10.3,
 * RFC 2782). These are warnings, as with `named-checkzone -i full`: the rest of the zone is of use without them.
 */
export function checkTargets(check: Check): void {
  const { columns } = check.index;
  for (let record = 0; record < columns.count; record++) {
    const type = columns.type[record]!;
    const at = namePrefix(type);
    if (at < 0 || isDropped(check.index, record)) continue;
    if (isDoubled(columns.origin, columns.octets, columns.rdata[record]! + at)) {
      const what = `${subjectOf(columns, record, columns.rdata[record]! + at)} has the zone's name twice`;
      const expected = "a name without the zone's, or one with a final dot";
      report(check, "warning", "ZONE_TARGET_DOUBLED", record, what, expected);
      continue;
    }
    const prefix = hostPrefix(type);
    if (prefix < 0) continue;
    checkTarget(check, record, columns.rdata[record]! + prefix);
  }
}

function checkTarget(check: Check, record: number, at: number): void {
  const { columns } = check.index;
  const { octets, origin } = columns;
  if (isAddressLiteral(origin, octets, at)) {
    const expected = "a host name that has the address";
    report(
      check,
      "warning",
      "ZONE_TARGET_IS_ADDRESS",
      record,
      `${subjectOf(columns, record, at)} is an address`,
      expected,
    );
    return;
  }
  if (depthInZone(origin, octets, at) < 0) return;
  const cut = cutAbove(check, octets, at);
  const isDelegation = columns.type[record] === TYPE_NS && columns.owner[record] === cut;
  if (cut >= 0 && !isDelegation) return;
  const found = findHost(check, octets, at, cut < 0);
  if (found.owns & OWNS_ADDRESS) return;
  const subject = subjectOf(columns, record, at);
  if (found.owns & OWNS_CNAME) {
    const other = found.owner < 0 ? -1 : firstOfType(check.index, found.owner, TYPE_CNAME);
    report(
      check,
      "warning",
      "ZONE_TARGET_CNAME",
      record,
      `${subject} is an alias`,
      "a name with an address",
      other,
    );
  } else if (isDelegation) {
    const expected = "A or AAAA records of it, or it cannot be reached";
    report(check, "warning", "ZONE_GLUE_MISSING", record, `${subject} has no glue`, expected);
  } else {
    const expected = "A or AAAA records of it in this zone";
    report(check, "warning", "ZONE_TARGET_ADDRESS", record, `${subject} has no address`, expected);
  }
}

/** `example.com. MX: mail.example.com.`: made only for a finding. */
function subjectOf(columns: RecordColumns, record: number, at: number): string {
  const owner = formatName(columns.octets, columns.owner[record]!);
  return `${owner} ${formatType(columns.type[record]!)}: ${formatName(columns.octets, at)}`;
}

/** Whether the name ends in the origin and the origin: most likely its final dot was forgotten. */
function isDoubled(origin: Uint8Array, octets: Uint8Array, at: number): boolean {
  const own = origin.length - 1;
  const depth = depthInZone(origin, octets, at);
  if (own === 0 || depth < own) return false;
  const inner = at + depth - own;
  let from = at;
  while (from < inner) from += octets[from]! + 1;
  if (from !== inner) return false;
  // The origin is in lower case; lengths of labels are no letters.
  for (let i = 0; i < own; i++) if (lower(octets[inner + i]!) !== origin[i]) return false;
  return true;
}

/** RFC 4343: ASCII letters only. */
function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet;
}

/** Whether the name is an IPv4 address, with or without the origin behind it. */
function isAddressLiteral(origin: Uint8Array, octets: Uint8Array, at: number): boolean {
  let from = at;
  for (let label = 0; label < 4; label++) {
    const size = octets[from]!;
    if (size === 0 || size > 3) return false;
    for (let i = from + 1; i <= from + size; i++) if (octets[i]! < 0x30 || octets[i]! > 0x39) return false;
    from += size + 1;
  }
  return octets[from] === 0 || depthInZone(origin, octets, from) === 0;
}

/** What stands at a host name: its own records, or those of the wildcard that covers it (RFC 4592). */
function findHost(
  check: Check,
  octets: Uint8Array,
  at: number,
  withWildcards: boolean,
): { owner: number; owns: number } {
  const exact = findName(check, octets, at);
  if (exact.owns !== 0 || !withWildcards) return exact;
  const { origin } = check.index.columns;
  // A name above another is at least two octets shorter: its wildcard fits.
  const wildcard = new Uint8Array(MAX_NAME_OCTETS);
  wildcard[0] = 1;
  wildcard[1] = 0x2a;
  for (let from = at; depthInZone(origin, octets, from) > 0; ) {
    from += octets[from]! + 1;
    const length = nameLength(octets, from);
    wildcard.set(octets.subarray(from, from + length), 2);
    const covering = findName(check, wildcard, 0);
    if (covering.owns !== 0 || findName(check, octets, from).owns !== 0) return covering;
  }
  return exact;
}

function findName(check: Check, octets: Uint8Array, at: number): { owner: number; owns: number } {
  const owner = findOwner(check.index, octets, at);
  let owns = owner < 0 ? 0 : check.index.owns[owner]!;
  if (check.dynamic.size > 0) {
    const length = nameLength(octets, at);
    const dynamic = check.dynamic.get(nameKey(octets, at, length));
    if (dynamic !== undefined) owns |= dynamic.ownsName ? OWNS_CNAME : OWNS_ADDRESS;
  }
  return { owner, owns };
}
