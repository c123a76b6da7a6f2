import { MAX_TTL_SECONDS } from "../text.ts";
import { domainName, number, time } from "./fields.ts";
import type { RdataType } from "./reader.ts";

/** REFRESH, RETRY and EXPIRE have 32 bits; MINIMUM is a TTL, which has 31 (RFC 2181 section 8). */
const MAX_INTERVAL_SECONDS = 0xffffffff;

/** RFC 1035 section 3.3.13; MINIMUM is the TTL of negative answers (RFC 2308 section 4). */
export const SOA: RdataType = [
  domainName("primary name server"),
  domainName("mailbox of the person responsible"),
  number("serial number", 4),
  time("refresh interval", MAX_INTERVAL_SECONDS),
  time("retry interval", MAX_INTERVAL_SECONDS),
  time("expire limit", MAX_INTERVAL_SECONDS),
  time("negative TTL (MINIMUM)", MAX_TTL_SECONDS),
];
