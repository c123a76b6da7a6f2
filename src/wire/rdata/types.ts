import { A } from "./a.ts";
import { AAAA } from "./aaaa.ts";
import { CAA } from "./caa.ts";
import { DS, SSHFP, TLSA } from "./digest.ts";
import { CNAME, DNAME, MAILBOX, NS, PTR } from "./host-name.ts";
import { DNSKEY, OPENPGPKEY } from "./keys.ts";
import { LOC } from "./loc.ts";
import { MINFO, RP } from "./mailboxes.ts";
import { MX, NUMBERED_HOST, PX } from "./mx.ts";
import { NAPTR } from "./naptr.ts";
import type { RdataType } from "./reader.ts";
import { SOA } from "./soa.ts";
import { SRV } from "./srv.ts";
import { SVCB } from "./svcb.ts";
import { HINFO, TXT, X25 } from "./txt.ts";
import { URI } from "./uri.ts";

/** Types with a presentation form of their own, by number; all others have only that of RFC 3597. */
const RDATA_TYPES: readonly (readonly [number, RdataType])[] = [
  [1, A],
  [2, NS],
  [3, MAILBOX],
  [4, MAILBOX],
  [5, CNAME],
  [6, SOA],
  [7, MAILBOX],
  [8, MAILBOX],
  [9, MAILBOX],
  [12, PTR],
  [13, HINFO],
  [14, MINFO],
  [15, MX],
  [16, TXT],
  [17, RP],
  [18, NUMBERED_HOST],
  [19, X25],
  [21, NUMBERED_HOST],
  [26, PX],
  [28, AAAA],
  [29, LOC],
  [33, SRV],
  [35, NAPTR],
  [36, NUMBERED_HOST],
  [39, DNAME],
  [43, DS],
  [44, SSHFP],
  [48, DNSKEY],
  [52, TLSA],
  [53, TLSA],
  [56, TXT],
  [59, DS],
  [60, DNSKEY],
  [61, OPENPGPKEY],
  [64, SVCB],
  [65, SVCB],
  [99, TXT],
  [256, URI],
  [257, CAA],
  [258, TXT],
  [261, TXT],
];

/** Array access for a file's million records: the highest type is 261. */
const byType: (RdataType | undefined)[] = new Array<RdataType | undefined>(262).fill(undefined);
for (const [type, rdataType] of RDATA_TYPES) byType[type] = rdataType;

/** The fields of a type's RDATA; undefined when it has only the generic form. */
export function rdataTypeOf(type: number): RdataType | undefined {
  return byType[type];
}
