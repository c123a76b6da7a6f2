/** Addresses and prefixes as text, for configuration and for people. The query path never comes here. */

export interface Prefix {
  family: 4 | 6;
  /** 4 or 16 octets in network order; those beyond the prefix are zero in a canonical one. */
  octets: Uint8Array;
  bits: number;
}

/** `192.0.2.1`: four octets, or null. Leading zeros are refused, since some readers take them for octal. */
function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const octets = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const part = parts[index]!;
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    octets[index] = Number(part);
  }
  return octets;
}

/** RFC 4291 section 2.2: eight groups, `::` once, and perhaps an IPv4 address at the end. */
function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  const head = groups[0];
  const tail = groups.length === 2 ? groups[1] : [];
  if (head == null || tail == null) return null;
  const zeros = 8 - head.length - tail.length;
  if (groups.length === 2 ? zeros < 1 : zeros !== 0) return null;
  const octets = new Uint8Array(16);
  [...head, ...new Array<number>(zeros).fill(0), ...tail].forEach((group, index) => {
    octets[index * 2] = group >> 8;
    octets[index * 2 + 1] = group & 255;
  });
  return octets;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push((ipv4[0]! << 8) | ipv4[1]!, (ipv4[2]! << 8) | ipv4[3]!);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** An address of either family, as a prefix of full length; null when it is none. */
export function parseAddress(text: string): Prefix | null {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== null) return { family: 4, octets: ipv4, bits: 32 };
  const ipv6 = parseIpv6(text);
  return ipv6 === null ? null : { family: 6, octets: ipv6, bits: 128 };
}

/** `198.51.100.0/24` as written, perhaps with bits beyond its length: see clearHostBits. Null when it is none. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? "" : text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === null || !/^(0|[1-9]\d{0,2})$/.test(length)) return null;
  return Number(length) > address.bits ? null : { ...address, bits: Number(length) };
}

/** The canonical prefix: the same bits, and zeros after them. */
export function clearHostBits(prefix: Prefix): Prefix {
  const octets = prefix.octets.slice();
  for (let index = 0; index < octets.length; index++) {
    const kept = Math.min(8, Math.max(0, prefix.bits - index * 8));
    octets[index]! &= 0xff00 >> kept;
  }
  return { ...prefix, octets };
}

/** Dotted octets, or RFC 5952: lower case, the first longest run of zero groups as `::`. */
export function formatAddress(family: 4 | 6, octets: Uint8Array): string {
  if (family === 4) return octets.subarray(0, 4).join(".");
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((octets[at]! << 8) | octets[at + 1]!).toString(16));
  const text = groups.join(":");
  const run = (text.match(/\b0(:0)+\b/g) ?? []).reduce(
    (best, zeros) => (zeros.length > best.length ? zeros : best),
    "",
  );
  if (run === "") return text;
  const at = findRun(text, run);
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + run.length).replace(/^:/, "")}`;
}

/** Where a run of zero groups stands as whole groups: `10:0` is no place for `0:0`. */
function findRun(text: string, run: string): number {
  return text === run || text.startsWith(`${run}:`) ? 0 : `${text}:`.indexOf(`:${run}:`) + 1;
}

/** `198.51.100.0/24`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.family, prefix.octets)}/${prefix.bits}`;
}
