/** Builds queries octet by octet, also ones that no sane encoder would write. */

export const TYPES: Record<string, number> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  TLSA: 52,
  SVCB: 64,
  HTTPS: 65,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  CAA: 257,
};

const typeNames = new Map(Object.entries(TYPES).map(([name, number]) => [number, name]));

export function typeNumber(type: string | number): number {
  if (typeof type === "number") return type;
  const number = TYPES[type] ?? Number(/^TYPE(\d+)$/.exec(type)?.[1]);
  if (!Number.isInteger(number)) throw new Error(`unknown type ${type}`);
  return number;
}

export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

export interface OptionOctets {
  code: number;
  data: Uint8Array | number[];
}

export interface EdnsParts {
  udpSize?: number;
  version?: number;
  dnssecOk?: boolean;
  /** Z bits beside DO. */
  z?: number;
  options?: OptionOctets[];
  /** Owner in wire form; the root by default. */
  owner?: number[];
  /** RDATA as it stands, instead of `options`. */
  rdata?: Uint8Array | number[];
  /** RDLENGTH as it stands. */
  rdlength?: number;
}

export interface QueryParts {
  id?: number;
  /** Second 16-bit word of the header; RD is not set by default. */
  flags?: number;
  /** Presentation form with `\.` and `\DDD`, or wire form. */
  name?: string | Uint8Array | number[];
  type?: string | number;
  class?: number;
  edns?: EdnsParts | undefined;
  /** QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT as they stand; default: what the packet holds. */
  counts?: (number | undefined)[];
  /** Raw records after the question. */
  answer?: Uint8Array[];
  authority?: Uint8Array[];
  additional?: Uint8Array[];
  trailing?: Uint8Array | number[];
  /** Left out altogether: no question octets. */
  question?: false;
}

/** Wire form of a name in presentation form (RFC 1035 section 5.1); no check of any length. */
export function nameOctets(name: string): number[] {
  const octets: number[] = [];
  let label: number[] = [];
  const flush = (): void => {
    if (label.length > 0) octets.push(label.length, ...label);
    label = [];
  };
  for (let at = 0; at < name.length; at++) {
    const character = name[at]!;
    const decimal = character === "\\" ? /^\d{3}/.exec(name.slice(at + 1)) : null;
    if (decimal !== null) {
      label.push(Number(decimal[0]));
      at += 3;
    } else if (character === "\\") {
      label.push(name.charCodeAt(at + 1));
      at += 1;
    } else if (character === ".") flush();
    else label.push(name.charCodeAt(at));
  }
  flush();
  octets.push(0);
  return octets;
}

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];

/** One resource record in wire form. */
export function record(
  owner: string | number[],
  type: string | number,
  ttl: number,
  rdata: Uint8Array | number[],
  recordClass = 1,
): Uint8Array {
  const name = typeof owner === "string" ? nameOctets(owner) : owner;
  return Uint8Array.from([
    ...name,
    ...u16(typeNumber(type)),
    ...u16(recordClass),
    ...u32(ttl),
    ...u16(rdata.length),
    ...rdata,
  ]);
}

/** OPT record (RFC 6891 section 6.1.2). */
export function optRecord(parts: EdnsParts): Uint8Array {
  const rdata =
    parts.rdata ??
    (parts.options ?? []).flatMap((option) => [
      ...u16(option.code),
      ...u16(option.data.length),
      ...option.data,
    ]);
  const ttl = ((parts.version ?? 0) << 16) | (parts.dnssecOk ? 0x8000 : 0) | (parts.z ?? 0);
  return Uint8Array.from([
    ...(parts.owner ?? [0]),
    ...u16(TYPES.OPT!),
    ...u16(parts.udpSize ?? 1232),
    ...u32(ttl),
    ...u16(parts.rdlength ?? rdata.length),
    ...rdata,
  ]);
}

/** A query packet; every part may be malformed. */
export function buildQuery(parts: QueryParts = {}): Uint8Array {
  const name = parts.name ?? "www.example.test.";
  const question =
    parts.question === false
      ? []
      : [
          ...(typeof name === "string" ? nameOctets(name) : name),
          ...u16(typeNumber(parts.type ?? "A")),
          ...u16(parts.class ?? 1),
        ];
  const additional = [...(parts.additional ?? [])];
  if (parts.edns !== undefined) additional.push(optRecord(parts.edns));
  const held = [
    parts.question === false ? 0 : 1,
    parts.answer?.length ?? 0,
    parts.authority?.length ?? 0,
    additional.length,
  ];
  const octets = [...u16(parts.id ?? 0x1234), ...u16(parts.flags ?? 0)];
  held.forEach((count, index) => {
    octets.push(...u16(parts.counts?.[index] ?? count));
  });
  octets.push(...question);
  for (const section of [parts.answer, parts.authority, additional]) {
    for (const octetsOfRecord of section ?? []) octets.push(...octetsOfRecord);
  }
  octets.push(...(parts.trailing ?? []));
  return Uint8Array.from(octets);
}

/** Octets of an IPv4 or IPv6 address in text. */
export function addressOctets(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const [head = "", tail] = address.split("::");
  const words = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((word) => Number.parseInt(word, 16));
  const first = words(head);
  const last = tail === undefined ? [] : words(tail);
  const middle = tail === undefined ? [] : new Array<number>(8 - first.length - last.length).fill(0);
  return [...first, ...middle, ...last].flatMap(u16);
}

/** Client subnet option (RFC 7871 section 6): `198.51.100.0/24`, ADDRESS cut to the octets that SOURCE needs and masked. */
export function ecsOption(prefix: string, scope = 0): OptionOctets {
  const [address = "", bitsText = ""] = prefix.split("/");
  const bits = Number(bitsText);
  const octets = addressOctets(address).slice(0, Math.ceil(bits / 8));
  if (bits % 8 !== 0) octets[octets.length - 1]! &= 0xff << (8 - (bits % 8));
  return { code: 8, data: [0, address.includes(":") ? 2 : 1, bits, scope, ...octets] };
}
