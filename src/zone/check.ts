import {
  TYPE_A,
  TYPE_AAAA,
  TYPE_CNAME,
  TYPE_DNAME,
  TYPE_NS,
  TYPE_RRSIG,
  TYPE_SOA,
} from "../wire/constants.ts";
import { formatName } from "../wire/name-text.ts";
import { formatRdata } from "../wire/rdata/format.ts";
import { formatType } from "../wire/registry.ts";
import { checkCuts, countDelegations } from "./check-cuts.ts";
import { type Check, type DynamicName, nameKey, report } from "./check-report.ts";
import { dropRecords, settleRrsets } from "./check-rrsets.ts";
import { checkTargets } from "./check-targets.ts";
import type { RecordColumns } from "./record-columns.ts";
import { findOwner, firstOfType, indexRecords, isDropped, OWNS_CNAME } from "./record-index.ts";
import { addFinding, closeFindings, createFindingList, type ZoneFinding } from "./zone-finding.ts";

export interface CheckOptions {
  /** Names that the zone's .yaml steers: they count as having addresses, and leave no room for static ones. */
  dynamic: readonly DynamicName[];
  /** SOA and NS of the apex come from the configuration where the zone has none. */
  nameserversGiven: boolean;
  /** File of findings that have no record of their own. */
  file: string;
}

/**
 * Checks what has to hold between the records of a zone, as named-checkzone does: errors where no name server would load
 * the zone, or an answer would be a guess; warnings where one loads it. Also settles the columns: records that are there
 * twice are dropped, and all records of an RRset get the TTL of its first.
 */
export function checkZone(columns: RecordColumns, options: CheckOptions): ZoneFinding[] {
  const index = indexRecords(columns);
  const check: Check = {
    index,
    list: createFindingList(),
    delegations: countDelegations(index),
    dynamic: new Map(
      options.dynamic.map((dynamic) => [nameKey(dynamic.name, 0, dynamic.name.length), dynamic]),
    ),
    file: options.file,
  };
  settleRrsets(check);
  checkApex(check, options);
  checkOwners(check);
  checkDynamic(check);
  checkCuts(check);
  checkTargets(check);
  dropRecords(index);
  return closeFindings(check.list);
}

/** One SOA, and NS records (RFC 1035 section 5.2). The parser has refused an SOA elsewhere. */
function checkApex(check: Check, options: CheckOptions): void {
  const { index } = check;
  if (options.nameserversGiven) return;
  const { origin } = index.columns;
  const apex = findOwner(index, origin, 0);
  for (const [type, code] of [
    [TYPE_SOA, "ZONE_SOA_MISSING"],
    [TYPE_NS, "ZONE_NS_MISSING"],
  ] as const) {
    if (apex >= 0 && firstOfType(index, apex, type) >= 0) continue;
    addFinding(check.list, {
      severity: "error",
      code,
      file: options.file,
      line: 0,
      column: 0,
      what: `${formatName(origin, 0)} has no ${formatType(type)} record`,
      expected: `${formatType(type)} at the apex, or nameservers in steerd.yaml`,
    });
  }
}

/** Types of which an owner has one record at most (RFC 2181 section 10.1, RFC 6672 section 2.4, RFC 1035 section 5.2). */
const SINGLE_TYPES: readonly (readonly [type: number, code: string])[] = [
  [TYPE_SOA, "ZONE_SOA_TWICE"],
  [TYPE_CNAME, "ZONE_CNAME_TWICE"],
  [TYPE_DNAME, "ZONE_DNAME_TWICE"],
];

function checkOwners(check: Check): void {
  const { index } = check;
  for (let owner = 0; owner < index.ownerCount; owner++) {
    if (index.first[owner] === index.last[owner]) continue;
    for (const [type, code] of SINGLE_TYPES) checkSingle(check, owner, type, code);
    if ((index.owns[owner]! & OWNS_CNAME) !== 0) checkAlias(check, owner);
  }
}

function checkSingle(check: Check, owner: number, type: number, code: string): void {
  const { index } = check;
  const first = firstOfType(index, owner, type);
  if (first < 0) return;
  for (let record = index.next[first]!; record >= 0; record = index.next[record]!) {
    if (index.columns.type[record] !== type || isDropped(index, record)) continue;
    const what = `${formatName(index.columns.octets, index.names[owner]!)} has a second ${formatType(type)}`;
    report(check, "error", code, record, what, `one ${formatType(type)} record`, first);
  }
}

const TYPE_KEY = 25;
const TYPE_NSEC = 47;

/** Nothing stands beside a CNAME (RFC 1034 section 3.6.2) but what DNSSEC puts there (RFC 4034 section 3, RFC 2181 section 10.1). */
function checkAlias(check: Check, owner: number): void {
  const { index } = check;
  const { columns } = index;
  const cname = firstOfType(index, owner, TYPE_CNAME);
  for (let record = index.first[owner]!; record >= 0; record = index.next[record]!) {
    const type = columns.type[record]!;
    // The first of its type was not dropped.
    if (type === TYPE_CNAME || type === TYPE_RRSIG || type === TYPE_NSEC || type === TYPE_KEY) continue;
    const what = `${formatName(columns.octets, index.names[owner]!)} has ${formatType(type)} beside its CNAME`;
    report(check, "error", "ZONE_CNAME_AND_OTHER", record, what, "no other type beside a CNAME", cname);
    return;
  }
}

/** A dynamic record owns A and AAAA of its name, HTTPS and SVCB where it says so, or the whole name when it gives a CNAME. */
function checkDynamic(check: Check): void {
  const { index } = check;
  const { columns } = index;
  for (const { name, ownsName, ownsTypes = [] } of check.dynamic.values()) {
    const owner = findOwner(index, name, 0);
    if (owner < 0) continue;
    for (let record = index.first[owner]!; record >= 0; record = index.next[record]!) {
      const type = columns.type[record]!;
      const isOwned = ownsName || type === TYPE_A || type === TYPE_AAAA || type === TYPE_CNAME;
      if (!(isOwned || ownsTypes.includes(type)) || isDropped(index, record)) continue;
      const what = `${formatName(name, 0)} ${formatType(type)}: the name is dynamic`;
      const expected = ownsName
        ? "no static records at a name that gives a CNAME"
        : `no static ${["A", "AAAA", ...ownsTypes.map(formatType)].join(", ")} or CNAME there`;
      report(check, "error", "ZONE_DYNAMIC_AND_STATIC", record, what, expected);
    }
  }
}

/** A record as a line of a master file: `www.example.com. 300 IN A 192.0.2.1`. */
export function formatRecord(columns: RecordColumns, record: number): string {
  const owner = formatName(columns.octets, columns.owner[record]!);
  const type = columns.type[record]!;
  const rdata = formatRdata(type, columns.octets, columns.rdata[record]!, columns.rdlength[record]!);
  return `${owner} ${columns.ttl[record]} IN ${formatType(type)} ${rdata}`;
}
