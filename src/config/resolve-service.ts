import type { RecordModel } from "../policy/model.ts";
import { TYPE_HTTPS, TYPE_SVCB } from "../wire/constants.ts";
import { parseRdata } from "../wire/rdata/parse.ts";
import type { ServiceModel } from "../zone/zone-data.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import type { ServiceInput, ServicesInput } from "./schema-service.ts";
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

/** The HTTPS and SVCB records of a name, without the addresses in their hints; null: wrong, and reported. `path`: the record's. */
export function resolveServices(
  record: RecordInput,
  path: YamlPath,
  reporter: Reporter,
): NonNullable<RecordModel["services"]> | null {
  const services: NonNullable<RecordModel["services"]> = {};
  let isSound = true;
  for (const [key] of SERVICES) {
    const input = record[key];
    if (input === undefined) continue;
    const models = resolveRecords(input, key, path, reporter);
    if (models === null) isSound = false;
    else services[key] = models;
  }
  return isSound ? services : null;
}

/** Those of a name that gives a CNAME, which stands alone (RFC 1034 section 3.6.2): none; null: there are some, and that is reported. */
export function refuseServices(
  record: RecordInput,
  path: YamlPath,
  reporter: Reporter,
): NonNullable<RecordModel["services"]> | null {
  const refused = SERVICES.filter(([key]) => record[key] !== undefined);
  for (const [key] of refused) {
    const what = `${prefixFor(path)}${key} beside a CNAME: its pools have targets`;
    const expected =
      "no other type there, or flatten: true on the record, which answers the addresses of its targets";
    reporter.error([...path, key], "key", "CFG_TARGET_MIXED", what, expected);
  }
  return refused.length === 0 ? {} : null;
}

/** The records of one type; null: wrong, and reported. */
function resolveRecords(
  { records, isList }: ServicesInput,
  key: "https" | "svcb",
  path: YamlPath,
  reporter: Reporter,
): ServiceModel[] | null {
  /** Number of the record with each RDATA. */
  const seen = new Map<string, number>();
  let isSound = true;
  const models = records.map((input, index): ServiceModel => {
    const at: YamlPath = [...path, key, ...(isList ? [index] : [])];
    const text = `${prefixFor(path)}${key}${isList ? `[${index}]` : ""}`;
    const refuse = (option: string, code: string, what: string, expected: string): void => {
      reporter.error([...at, option], "key", code, `${text}${what}`, expected);
      isSound = false;
    };
    // RFC 9460 section 7.1.1.
    if (input.no_default_alpn && input.alpn === undefined)
      refuse(
        "no_default_alpn",
        "CFG_ALPN_MISSING",
        " has no_default_alpn and no alpn",
        "alpn with at least one protocol id",
      );
    else if (new Set(input.alpn).size < (input.alpn?.length ?? 0))
      refuse("alpn", "CFG_ALPN_DUPLICATE", ".alpn names a protocol twice", "each protocol id once");
    const rdata = rdataOf(input);
    // RFC 2181 section 5: hints alone do not tell two records apart, as a family may have no address.
    const first = seen.get(rdata.join());
    if (first !== undefined) {
      const what = `${text} is the same record as ${key}[${first}]`;
      reporter.error(at, "value", "CFG_SERVICE_DUPLICATE", what, "a priority, port or alpn that differs");
      isSound = false;
    } else seen.set(rdata.join(), index);
    const { hints } = input;
    return { rdata, ipv4: hints === "both" || hints === "ipv4", ipv6: hints === "both" || hints === "ipv6" };
  });
  return isSound ? models : null;
}

/**
 * The target is the owner itself (RFC 9460 section 2.5.2), whose addresses the hints are. Their keys come behind all of
 * these.
 */
function rdataOf({ priority, alpn, no_default_alpn, port }: ServiceInput): Uint8Array {
  const params = [
    ...(alpn === undefined ? [] : [`alpn=${[...new Set(alpn)].join(",")}`]),
    ...(no_default_alpn && alpn !== undefined ? ["no-default-alpn"] : []),
    ...(port === undefined ? [] : [`port=${port}`]),
  ];
  const rdata = parseRdata(TYPE_HTTPS, [priority, ".", ...params].join(" "));
  if (!(rdata instanceof Uint8Array)) throw new Error(rdata.what);
  return rdata;
}
