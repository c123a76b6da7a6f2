import { domainName, number } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 1035 section 3.3.9; `0 .` says that there is no mail (RFC 7505). */
export const MX: RdataType = [number("preference", 2), domainName("mail exchange")];

/** KX, AFSDB and RT have the same form, their names are never compressed (RFC 2230, RFC 1183). */
export const NUMBERED_HOST: RdataType = [number("preference", 2), domainName("host name")];

/** RFC 2163 section 4. */
export const PX: RdataType = [
  number("preference", 2),
  domainName("RFC 822 domain"),
  domainName("X.400 domain"),
];
