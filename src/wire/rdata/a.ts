import { ipv4Address } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 1035 section 3.4.1. */
export const A: RdataType = [ipv4Address];
