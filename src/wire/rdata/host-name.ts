import { domainName } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** NS, CNAME, PTR, MB, MG, MR and the obsolete MD and MF: one name that may be compressed (RFC 1035 section 3.3). */
export const NS: RdataType = [domainName("name server")];
export const CNAME: RdataType = [domainName("canonical name")];
export const PTR: RdataType = [domainName("domain name")];
export const MAILBOX: RdataType = [domainName("mailbox name")];

/** DNAME: the name that takes the owner's place; never compressed (RFC 6672 section 2.1). */
export const DNAME: RdataType = [domainName("target")];
