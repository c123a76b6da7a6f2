import { ipv6Address } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 3596 section 2.2. */
export const AAAA: RdataType = [ipv6Address];
