import { characterString, characterStrings } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 1035 section 3.3.14. SPF (RFC 4408), AVC, NINFO and RESINFO (RFC 9606) have the same form. */
export const TXT: RdataType = [characterStrings];

/** RFC 1035 section 3.3.2. */
export const HINFO: RdataType = [characterString("CPU"), characterString("operating system")];

/** RFC 1183 section 3.1. */
export const X25: RdataType = [characterString("PSDN address")];
