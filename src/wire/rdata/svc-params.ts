import { formatOctetEscape, formatQuoted, readNumber } from "../text.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";
import { type Base64State, decodeBase64Piece, formatBase64, isBase64Whole } from "./binary.ts";

/** A list of octets, as its own value: SvcParamValues are made apart and sorted before they are written. */
type Value = Uint8Array;

/** One SvcParamKey: its value from text (escapes resolved) and to text. */
interface SvcParamKey {
  name: string;
  key: number;
  /** Words for an error: what the value has to be. */
  expected: string;
  /** Wire form; undefined when the text is no such value. `text` is empty where there was none. */
  parse(text: Value): Value | undefined;
  /** Presentation form behind the `=`, or "" for a key without a value; undefined when the octets are malformed. */
  format(value: Value): string | undefined;
}

const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** Splits a value-list at its commas; `\,` and `\\` stand for themselves (RFC 9460 appendix A.1). Undefined for a bad escape. */
function splitList(text: Value): Value[] | undefined {
  const items: number[][] = [[]];
  for (let i = 0; i < text.length; i++) {
    let octet = text[i]!;
    if (octet === COMMA) {
      items.push([]);
      continue;
    }
    if (octet === BACKSLASH) {
      octet = text[++i] ?? 0;
      if (octet !== COMMA && octet !== BACKSLASH) return undefined;
    }
    items[items.length - 1]!.push(octet);
  }
  return items.map((item) => Uint8Array.from(item));
}

/** Items of a fixed size behind one another: addresses, 16-bit numbers. */
function parseItems(
  text: Value,
  size: number,
  parseItem: (item: Value, out: Value, at: number) => boolean,
): Value | undefined {
  const items = splitList(text) ?? [];
  const out = new Uint8Array(items.length * size);
  const good = items.length > 0 && items.every((item, i) => parseItem(item, out, i * size));
  return good ? out : undefined;
}

function formatItems(value: Value, size: number, formatItem: (at: number) => string): string | undefined {
  if (value.length === 0 || value.length % size !== 0) return undefined;
  const items: string[] = [];
  for (let at = 0; at < value.length; at += size) items.push(formatItem(at));
  return items.join(",");
}

function word16(octets: Value, at: number): number {
  return (octets[at]! << 8) | octets[at + 1]!;
}

/** Numbers of 16 bits that rise strictly: keys in `mandatory`. They are sorted when they are written. */
const mandatory: SvcParamKey = {
  name: "mandatory",
  key: 0,
  expected: "SvcParamKeys of this record, each once and without mandatory itself",
  parse: (text) => {
    const keys = (splitList(text) ?? []).map((item) => parseKey(item)).sort((a, b) => a - b);
    const good = keys.length > 0 && keys.every((key, i) => key > 0 && key !== keys[i - 1]);
    return good ? Uint8Array.from(keys.flatMap((key) => [key >> 8, key & 0xff])) : undefined;
  },
  format: (value) => {
    for (let at = 0; at + 1 < value.length; at += 2) {
      if (word16(value, at) <= (at === 0 ? 0 : word16(value, at - 2))) return undefined;
    }
    return formatItems(value, 2, (at) => formatKey(word16(value, at)));
  },
};

/** Protocol ids, each behind its length octet (RFC 9460 section 7.1). */
const alpn: SvcParamKey = {
  name: "alpn",
  key: 1,
  expected: "protocol ids of 1 to 255 octets with commas between, as h2,h3",
  parse: (text) => {
    const ids = splitList(text);
    if (ids?.every((id) => id.length > 0 && id.length < 256) !== true) return undefined;
    return Uint8Array.from(ids.flatMap((id) => [id.length, ...id]));
  },
  format: (value) => {
    const ids: string[] = [];
    for (let at = 0; at < value.length; at += value[at]! + 1) {
      const end = at + 1 + value[at]!;
      if (end === at + 1 || end > value.length) return undefined;
      ids.push(formatListItem(value.subarray(at + 1, end)));
    }
    return ids.length === 0 ? undefined : `"${ids.join(",")}"`;
  },
};

/** Escaped twice: once for the list, once for the character-string around it. */
function formatListItem(item: Value): string {
  let text = "";
  for (const octet of item) {
    if (octet === COMMA) text += "\\\\,";
    else if (octet === BACKSLASH) text += "\\\\\\\\";
    else if (octet === 0x22) text += '\\"';
    else if (octet < 0x20 || octet > 0x7e) text += formatOctetEscape(octet);
    else text += String.fromCharCode(octet);
  }
  return text;
}

function flag(name: string, key: number): SvcParamKey {
  return {
    name,
    key,
    expected: "no value",
    parse: (text) => (text.length === 0 ? text : undefined),
    format: (value) => (value.length === 0 ? "" : undefined),
  };
}

function parsePort(item: Value, out: Value, at: number): boolean {
  const number = readNumber(item, 0, item.length, 0xffff);
  out[at] = number >> 8;
  out[at + 1] = number & 0xff;
  return number >= 0;
}

const port: SvcParamKey = {
  name: "port",
  key: 3,
  expected: "a number from 0 to 65535",
  parse: (text) => {
    const out = new Uint8Array(2);
    return parsePort(text, out, 0) ? out : undefined;
  },
  format: (value) => (value.length === 2 ? word16(value, 0).toString() : undefined),
};

const ipv4hint: SvcParamKey = {
  name: "ipv4hint",
  key: 4,
  expected: "IPv4 addresses with commas between",
  parse: (text) => parseItems(text, 4, (item, out, at) => parseIpv4(item, 0, item.length, out, at)),
  format: (value) => formatItems(value, 4, (at) => formatIpv4(value, at)),
};

const ipv6hint: SvcParamKey = {
  name: "ipv6hint",
  key: 6,
  expected: "IPv6 addresses with commas between",
  parse: (text) => parseItems(text, 16, (item, out, at) => parseIpv6(item, 0, item.length, out, at)),
  format: (value) => formatItems(value, 16, (at) => formatIpv6(value, at)),
};

/** Configurations for Encrypted Client Hello, in base64; what is inside is the client's business. */
const ech: SvcParamKey = {
  name: "ech",
  key: 5,
  expected: "an ECHConfigList in base64",
  parse: (text) => {
    const state: Base64State = { bits: 0, digits: 0, padding: 0 };
    const out = new Uint8Array(text.length);
    const length = decodeBase64Piece(state, text, 0, text.length, out, 0);
    return length > 0 && isBase64Whole(state) ? out.slice(0, length) : undefined;
  },
  format: (value) => (value.length === 0 ? undefined : `"${formatBase64(value, 0, value.length)}"`),
};

/** A relative URI template with the variable `dns` (RFC 9461 section 5). */
function isDohPath(value: Value): boolean {
  const text = String.fromCharCode(...value.subarray(0, 4096));
  return text.startsWith("/") && /\{[?&/;]?[^{}]*\bdns\b[^{}]*\}/.test(text);
}

const dohpath: SvcParamKey = {
  name: "dohpath",
  key: 7,
  expected: "a URI template with the variable dns, as /dns-query{?dns}",
  parse: (text) => (isDohPath(text) ? text : undefined),
  format: (value) => (isDohPath(value) ? formatQuoted(value, 0, value.length) : undefined),
};

const groups: SvcParamKey = {
  name: "tls-supported-groups",
  key: 9,
  expected: "numbers of TLS groups with commas between, each once",
  parse: (text) => {
    const value = parseItems(text, 2, parsePort);
    return value !== undefined && isEachOnce(value) ? value : undefined;
  },
  format: (value) =>
    isEachOnce(value) ? formatItems(value, 2, (at) => word16(value, at).toString()) : undefined,
};

function isEachOnce(value: Value): boolean {
  const seen = new Set<number>();
  for (let at = 0; at + 1 < value.length; at += 2) seen.add(word16(value, at));
  return seen.size * 2 === value.length;
}

/** Keys by number (IANA "Service Parameter Keys (SvcParamKeys)"). */
const KEYS: readonly SvcParamKey[] = [
  mandatory,
  alpn,
  flag("no-default-alpn", 2),
  port,
  ipv4hint,
  ech,
  ipv6hint,
  dohpath,
  flag("ohttp", 8),
  groups,
];

/** Reserved (RFC 9460 section 14.3.2). */
const INVALID_KEY = 65535;

/** Key by name or as `keyNNN`, in lower case as RFC 9460 section 2.1 has them; -1 when it is neither. */
export function parseKey(text: Value): number {
  const name = String.fromCharCode(...text.subarray(0, 64));
  const known = KEYS.find((key) => key.name === name);
  if (known !== undefined) return known.key;
  if (!/^key(0|[1-9]\d{0,4})$/.test(name)) return -1;
  const number = Number(name.slice(3));
  return number < INVALID_KEY ? number : -1;
}

/** `alpn`, or `key667`. */
export function formatKey(key: number): string {
  return KEYS[key]?.name ?? `key${key}`;
}

/**
 * Value of a key in wire form. `generic`: it was written as keyNNN, so that the text is the wire form itself.
 * Undefined when the text is no such value; expectedValue() has the words for that.
 */
export function parseValue(key: number, generic: boolean, text: Value): Value | undefined {
  const known = KEYS[key];
  if (known === undefined) return text;
  if (!generic) return known.parse(text);
  return known.format(text) === undefined ? undefined : text;
}

export function expectedValue(key: number): string {
  return KEYS[key]!.expected;
}

/** `alpn="h2,h3"`; undefined when the value is malformed. */
export function formatParam(key: number, value: Value): string | undefined {
  const known = KEYS[key];
  if (known === undefined) {
    return value.length === 0 ? formatKey(key) : `${formatKey(key)}=${formatQuoted(value, 0, value.length)}`;
  }
  const text = known.format(value);
  if (text === undefined) return undefined;
  return text === "" ? known.name : `${known.name}=${text}`;
}
