import { domainName, number } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** RFC 2782; the target is never compressed. */
export const SRV: RdataType = [
  number("priority", 2),
  number("weight", 2),
  number("port", 2),
  domainName("target"),
];
