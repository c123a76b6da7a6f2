import { domainName } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 1035 section 3.3.7: both names may be compressed. */
export const MINFO: RdataType = [
  domainName("mailbox of the person responsible"),
  domainName("mailbox for errors"),
];

/** RFC 1183 section 2.2. */
export const RP: RdataType = [
  domainName("mailbox of the person responsible"),
  domainName("name of a TXT record"),
];
