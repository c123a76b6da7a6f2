import type { RecordModel } from "../policy/model.ts";
import { TYPE_HTTPS, TYPE_SVCB } from "../wire/constants.ts";
import { parseRdata } from "../wire/rdata/parse.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import type { ServiceInput } from "./schema-service.ts";
import type { RecordInput } from "./schema-zone.ts";
import type { YamlPath } from "./yaml-text.ts";

const SERVICES = [
  ["https", TYPE_HTTPS],
  ["svcb", TYPE_SVCB],
] as const;

/** Types that a record gives besides A and AAAA. */
export function serviceTypes(record: RecordInput): number[] {
  return SERVICES.flatMap(([key, type]) => (record[key] === undefined ? [] : type));
}

/** What the HTTPS and SVCB records of a name begin with, before the hints; null: wrong, and reported. `path`: the record's. */
export function resolveServices(
  record: RecordInput,
  gives: RecordModel["gives"],
  path: YamlPath,
  reporter: Reporter,
): NonNullable<RecordModel["services"]> | null {
  const services: NonNullable<RecordModel["services"]> = {};
  let isSound = true;
  for (const [key] of SERVICES) {
    const input = record[key];
    if (input === undefined) continue;
    const refuse = (at: YamlPath, code: string, what: string, expected: string): void => {
      reporter.error([...path, ...at], "key", code, `${prefixFor(path)}${what}`, expected);
      isSound = false;
    };
    // RFC 1034 section 3.6.2: a CNAME stands alone.
    if (gives === "target")
      refuse(
        [key],
        "CFG_TARGET_MIXED",
        `${key} beside a CNAME: its pools have targets`,
        "no other type there, or flatten: true on the record, which answers the addresses of its targets",
      );
    // RFC 9460 section 7.1.1.
    else if (input.no_default_alpn && input.alpn === undefined)
      refuse(
        [key, "no_default_alpn"],
        "CFG_ALPN_MISSING",
        `${key} has no_default_alpn and no alpn`,
        "alpn with at least one protocol id",
      );
    else if (new Set(input.alpn).size < (input.alpn?.length ?? 0))
      refuse(
        [key, "alpn"],
        "CFG_ALPN_DUPLICATE",
        `${key}.alpn names a protocol twice`,
        "each protocol id once",
      );
    else services[key] = rdataOf(input);
  }
  return isSound ? services : null;
}

/**
 * The target is the owner itself (RFC 9460 section 2.5.2), whose addresses the hints are. Their keys come behind all of
 * these.
 */
function rdataOf({ priority, alpn, no_default_alpn, port }: ServiceInput): Uint8Array {
  const params = [
    ...(alpn === undefined ? [] : [`alpn=${alpn.join(",")}`]),
    ...(no_default_alpn ? ["no-default-alpn"] : []),
    ...(port === undefined ? [] : [`port=${port}`]),
  ];
  const rdata = parseRdata(TYPE_HTTPS, [priority, ".", ...params].join(" "));
  if (!(rdata instanceof Uint8Array)) throw new Error(rdata.what);
  return rdata;
}
