import { TYPE_A, TYPE_AAAA, TYPE_DNAME, TYPE_DS, TYPE_NS } from "../wire/constants.ts";
import { formatName } from "../wire/name-text.ts";
import { formatType } from "../wire/registry.ts";
import { type Check, report } from "./check-report.ts";
import {
  depthInZone,
  findOwner,
  firstOfType,
  isDropped,
  OWNS_DNAME,
  OWNS_NS,
  type RecordIndex,
} from "./record-index.ts";

/**
 * Offset in the columns' octets of the topmost delegation at or above the name, the apex left out; -1 when the zone is
 * authoritative for it.
 */
export function cutAbove(check: Check, octets: Uint8Array, at: number): number {
  const { index } = check;
  const { origin } = index.columns;
  let cut = -1;
  if (check.delegations === 0) return cut;
  for (let from = at; depthInZone(origin, octets, from) > 0; from += octets[from]! + 1) {
    const owner = findOwner(index, octets, from);
    if (owner >= 0 && (index.owns[owner]! & OWNS_NS) !== 0) cut = index.names[owner]!;
  }
  return cut;
}

/** The owner of a DNAME strictly above the name, or -1. */
function dnameAbove(check: Check, octets: Uint8Array, at: number): number {
  const { index } = check;
  const { origin } = index.columns;
  for (let from = at; depthInZone(origin, octets, from) > 0; ) {
    from += octets[from]! + 1;
    const owner = findOwner(index, octets, from);
    if (owner >= 0 && (index.owns[owner]! & OWNS_DNAME) !== 0) return owner;
  }
  return -1;
}

/** Owners of NS records other than the apex. */
export function countDelegations(index: RecordIndex): number {
  const { columns } = index;
  let delegations = 0;
  if ((index.ownsAnywhere & OWNS_NS) === 0) return delegations;
  for (let owner = 0; owner < index.ownerCount; owner++) {
    if ((index.owns[owner]! & OWNS_NS) === 0) continue;
    if (depthInZone(columns.origin, columns.octets, index.names[owner]!) > 0) delegations++;
  }
  return delegations;
}

/**
 * Names that are hidden: below a DNAME none may exist (RFC 6672 section 2.4); at and below a delegation only NS, DS and
 * glue mean something, the rest is never answered (RFC 2181 section 6).
 */
export function checkCuts(check: Check): void {
  if ((check.index.ownsAnywhere & OWNS_DNAME) !== 0) checkDnames(check);
  if (check.delegations > 0) checkOccluded(check);
}

function checkDnames(check: Check): void {
  const { index } = check;
  const { octets } = index.columns;
  for (let owner = 0; owner < index.ownerCount; owner++) {
    const above = dnameAbove(check, octets, index.names[owner]!);
    if (above < 0) continue;
    const what = `${formatName(octets, index.names[owner]!)} is below the DNAME of ${formatName(octets, index.names[above]!)}`;
    const dname = firstOfType(index, above, TYPE_DNAME);
    report(
      check,
      "error",
      "ZONE_DNAME_BELOW",
      index.first[owner]!,
      what,
      "no names below a DNAME (RFC 6672)",
      dname,
    );
  }
  for (const { name } of check.dynamic.values()) {
    const above = dnameAbove(check, name, 0);
    if (above < 0) continue;
    const what = `the dynamic name ${formatName(name, 0)} is below the DNAME of ${formatName(octets, index.names[above]!)}`;
    const dname = firstOfType(index, above, TYPE_DNAME);
    report(check, "error", "ZONE_DNAME_BELOW", dname, what, "no names below a DNAME (RFC 6672)");
  }
}

function checkOccluded(check: Check): void {
  const { index } = check;
  const { columns } = index;
  const { octets } = columns;
  for (let owner = 0; owner < index.ownerCount; owner++) {
    const at = index.names[owner]!;
    const cut = cutAbove(check, octets, at);
    if (cut < 0) continue;
    if (cut === at) checkWildcard(check, owner);
    for (let record = index.first[owner]!; record >= 0; record = index.next[record]!) {
      const type = columns.type[record]!;
      const isMeant =
        type === TYPE_A || type === TYPE_AAAA || (at === cut && (type === TYPE_NS || type === TYPE_DS));
      if (isMeant || isDropped(index, record)) continue;
      const place = at === cut ? "beside" : "below";
      const what = `${formatName(octets, at)} ${formatType(type)}: never answered, ${place} the delegation of ${formatName(octets, cut)}`;
      const ns = firstOfType(index, findOwner(index, octets, cut), TYPE_NS);
      report(check, "warning", "ZONE_OCCLUDED", record, what, "only NS, DS and glue there", ns);
    }
  }
  for (const { name } of check.dynamic.values()) {
    const cut = cutAbove(check, name, 0);
    if (cut < 0) continue;
    const what = `the dynamic name ${formatName(name, 0)} is never answered, it is delegated with ${formatName(octets, cut)}`;
    const ns = firstOfType(index, findOwner(index, octets, cut), TYPE_NS);
    report(check, "warning", "ZONE_OCCLUDED", ns, what, "no delegation at or above it");
  }
}

function checkWildcard(check: Check, owner: number): void {
  const { index } = check;
  const { octets } = index.columns;
  const at = index.names[owner]!;
  if (octets[at] !== 1 || octets[at + 1] !== 0x2a) return;
  const record = firstOfType(index, owner, TYPE_NS);
  const what = `${formatName(octets, at)} NS: a delegation of a wildcard`;
  report(check, "warning", "ZONE_WILDCARD_NS", record, what, "no NS at a wildcard (RFC 4592 section 4.2)");
}
