import ipaddr from "ipaddr.js";
import { UsageError } from "./command.ts";

export interface IpAddress {
  family: 4 | 6;
  /** 4 or 16 octets. */
  octets: Uint8Array;
}

export interface Prefix extends IpAddress {
  bits: number;
}

/** `192.0.2.1` or `2001:db8::1`, with brackets or without; null for anything else, `010.1` and `1.2` too. */
export function parseAddress(text: string): IpAddress | null {
  const bare = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) {
    return { family: 4, octets: Uint8Array.from(ipaddr.IPv4.parse(bare).toByteArray()) };
  }
  if (bare.includes(":") && !bare.includes("%") && ipaddr.IPv6.isValid(bare)) {
    return { family: 6, octets: Uint8Array.from(ipaddr.IPv6.parse(bare).toByteArray()) };
  }
  return null;
}

/** The address as people write it; IPv6 as RFC 5952 asks. */
export function formatAddress(octets: Uint8Array): string {
  return ipaddr.fromByteArray([...octets]).toString();
}

/** `192.0.2.0/24` or a bare address, which is its own prefix. Bits beyond the length are cleared. */
export function parsePrefix(text: string): Prefix | null {
  const [, addressText, bitsText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = addressText === undefined ? null : parseAddress(addressText);
  if (address === null) return null;
  const most = address.octets.length * 8;
  const bits = bitsText === undefined ? most : Number(bitsText);
  return bits > most ? null : maskPrefix(address, bits);
}

/** The prefix of that length around an address. */
export function maskPrefix(address: IpAddress, bits: number): Prefix {
  const octets = address.octets.map((octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))));
  return { family: address.family, octets, bits };
}

/** The prefix that an option must be. Throws UsageError otherwise. */
export function prefixOption(name: string, text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== null) return prefix;
  throw new UsageError(
    `--${name}: "${text}" is not an address or a prefix: expected 192.0.2.0/24 or 2001:db8::/56`,
  );
}

/** The address that an option must be. Throws UsageError otherwise. */
export function addressOption(name: string, text: string): IpAddress {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new UsageError(`--${name}: "${text}" is not an address: expected 192.0.2.1 or 2001:db8::1`);
}

export interface ServerAddress {
  host: string;
  port: number;
}

/** As for dig: a server named without a port listens on 53 (RFC 1035 section 4.2). */
const DNS_PORT = 53;

/** `ADDR`, `ADDR:PORT`, `[ADDR6]:PORT` or `ADDR#PORT`. Throws UsageError otherwise. */
export function serverOption(text: string): ServerAddress {
  const whole = parseAddress(text);
  if (whole !== null) return { host: formatAddress(whole.octets), port: DNS_PORT };
  const [, addressText = "", portText = ""] = /^(.*)[:#](\d{1,5})$/.exec(text) ?? [];
  const address = parseAddress(addressText);
  const port = Number(portText);
  if (address === null || port < 1 || port > 65535) {
    throw new UsageError(
      `--server: "${text}" is not a server: expected 127.0.0.1, 127.0.0.1:5300, 127.0.0.1#5300 or [::1]:5300`,
    );
  }
  return { host: formatAddress(address.octets), port };
}

/** The port that an option must be; 0 lets the kernel pick one. Throws UsageError otherwise. */
export function portOption(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new UsageError(`--${name}: expected a port from 0 to 65535`);
}
