import { algorithm } from "./digest.ts";
import { base64, number } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** DNSKEY (RFC 4034 section 2) and CDNSKEY (RFC 7344). */
export const DNSKEY: RdataType = [number("flags", 2), number("protocol", 1), algorithm, base64("public key")];

/** RFC 7929 section 2. */
export const OPENPGPKEY: RdataType = [base64("public key")];
