import { readText } from "../text.ts";
import { domainName, number, putNumber } from "./fields.ts";
import {
  type Field,
  fits,
  MAX_RDATA_OCTETS,
  type RdataCursor,
  type RdataReader,
  type RdataType,
  refuse,
  refuseWord,
  takeNumber,
} from "./reader.ts";
import { expectedValue, formatKey, formatParam, parseKey, parseValue } from "./svc-params.ts";

const KEY_MANDATORY = 0;
const KEY_ALPN = 1;
const KEY_NO_DEFAULT_ALPN = 2;
const KEY_65535 = 65535;
const EQUALS = 0x3d;

interface Param {
  key: number;
  value: Uint8Array;
}

/** Reads one parameter: `key`, `key=value`, or `key=` with a quoted value behind it. Undefined with a fault set. */
function readParam(reader: RdataReader): Param | undefined {
  const { octets, starts, ends, quoted, count } = reader.tokens;
  const word = reader.next;
  const [start, end] = [starts[word]!, ends[word]!];
  const equalsAt = octets.subarray(start, end).indexOf(EQUALS);
  const keyEnd = equalsAt < 0 ? end : start + equalsAt;
  const key = quoted[word] === 1 ? -1 : parseKey(octets.subarray(start, keyEnd));
  if (key < 0) {
    refuseWord(
      reader,
      "value",
      "is not a SvcParam",
      "a key as alpn, port or key667, with =value where it has one",
    );
    return undefined;
  }
  let [valueStart, valueEnd] = [Math.min(keyEnd + 1, end), end];
  if (keyEnd + 1 === end && word + 1 < count && quoted[word + 1] === 1 && starts[word + 1] === end + 1) {
    [valueStart, valueEnd] = [starts[word + 1]!, ends[word + 1]!];
    reader.next++;
  }
  reader.next++;
  const text = new Uint8Array(valueEnd - valueStart);
  const length = readText(octets, valueStart, valueEnd, text, 0, text.length);
  const generic = octets[start] === 0x6b && octets[start + 1] === 0x65 && octets[start + 2] === 0x79;
  const value = length < 0 ? undefined : parseValue(key, generic, text.subarray(0, length));
  if (value !== undefined && value.length <= MAX_RDATA_OCTETS) return { key, value };
  const expected =
    length < 0 || value !== undefined ? "at most 65535 octets, escapes as \\DDD" : expectedValue(key);
  refuse(reader, word, "value", `the value of ${formatKey(key)} is malformed`, expected);
  return undefined;
}

/** What is wrong between the parameters, which are sorted by key; undefined when nothing is (RFC 9460 sections 2.2, 7.1, 8). */
function faultOf(params: readonly Param[]): { what: string; expected: string } | undefined {
  const keys = new Set(params.map((param) => param.key));
  if (keys.size < params.length) {
    const twice = params.find((param, i) => param.key === params[i + 1]?.key)!;
    return { what: `${formatKey(twice.key)} is given twice`, expected: "each key once" };
  }
  if (keys.has(KEY_NO_DEFAULT_ALPN) && !keys.has(KEY_ALPN)) {
    return { what: "no-default-alpn stands alone", expected: "alpn beside it" };
  }
  const mandatory = params.find((param) => param.key === KEY_MANDATORY)?.value ?? new Uint8Array(0);
  for (let at = 0; at < mandatory.length; at += 2) {
    const key = (mandatory[at]! << 8) | mandatory[at + 1]!;
    if (!keys.has(key)) return { what: `${formatKey(key)} is mandatory and absent`, expected: "that key" };
  }
  return undefined;
}

/**
 * Parameters behind priority and target, sorted by key (RFC 9460 section 2.2). The alias form should have none, and
 * receivers ignore them there (section 2.4.2): no reason to refuse a zone.
 */
const svcParams: Field = {
  parse: (reader) => {
    const { tokens, out } = reader;
    const word = reader.next;
    const params: Param[] = [];
    while (reader.next < tokens.count) {
      const param = readParam(reader);
      if (param === undefined) return false;
      params.push(param);
    }
    params.sort((a, b) => a.key - b.key);
    const fault = faultOf(params);
    if (fault !== undefined) return refuse(reader, word, "value", fault.what, fault.expected);
    for (const { key, value } of params) {
      putNumber(reader, key, 2);
      putNumber(reader, value.length, 2);
      if (reader.at + value.length <= out.length) out.set(value, reader.at);
      reader.at += value.length;
      if (!fits(reader)) return false;
    }
    return true;
  },
  format: formatParams,
};

function formatParams(cursor: RdataCursor): string {
  const texts: string[] = [];
  const params: Param[] = [];
  while (cursor.at < cursor.end) {
    const key = takeNumber(cursor, 2);
    const size = takeNumber(cursor, 2);
    const value = cursor.octets.subarray(cursor.at, cursor.at + size);
    cursor.at += size;
    const before = params.at(-1)?.key ?? -1;
    const text = formatParam(key, value);
    if (!cursor.ok || cursor.at > cursor.end || key <= before || key === KEY_65535 || text === undefined) {
      cursor.ok = false;
      return "";
    }
    params.push({ key, value });
    texts.push(text);
  }
  if (faultOf(params) !== undefined) cursor.ok = false;
  return texts.join(" ");
}

/** SVCB and HTTPS (RFC 9460); the target is never compressed. */
export const SVCB: RdataType = [number("priority", 2), domainName("target name"), svcParams];
