/** Visible ASCII without `#`: what a request target may hold (RFC 9112 section 3.2), no space, CR, LF or NUL. */
export const REQUEST_TARGET = /^\/[\x21\x22\x24-\x7e]*$/;

/** A registered name or an IPv4 address, or an IPv6 one in brackets, each with an optional port (RFC 3986 section 3.2). */
export const HOST_HEADER = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** Name of a header (RFC 9110 section 5.6.2). */
export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

/** Value of a header: visible ASCII, with blanks between (RFC 9110 section 5.5); no CR, LF or NUL. */
export const HEADER_VALUE = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/;

/** Longest path of a check: servers refuse longer request lines. */
const PATH_OCTETS_MAX = 2_048;

/** True when a check's path can stand in a request line as it is, query included. */
export function isRequestTarget(path: string): boolean {
  return path.length <= PATH_OCTETS_MAX && REQUEST_TARGET.test(path);
}

/** True when a check's host can stand in a Host header as it is. */
export function isHostHeader(host: string): boolean {
  return host.length <= 255 && HOST_HEADER.test(host);
}

export function isHeaderName(name: string): boolean {
  return HEADER_NAME.test(name);
}

/** True when a header's value cannot end its line. */
export function isHeaderValue(value: string): boolean {
  return value.length <= 4_096 && HEADER_VALUE.test(value);
}

/** The Host header for a check without one: the address or name, with the port when it is not the scheme's own. */
export function hostOfAddress(address: string, family: 0 | 4 | 6, port: number, defaultPort: number): string {
  const host = family === 6 ? `[${address}]` : address.replace(/\.$/, "");
  return port === defaultPort ? host : `${host}:${port}`;
}

/** The name that a certificate must be for: a Host header without its port, brackets and final dot. */
export function hostName(host: string): string {
  const literal = /^\[([^\]]*)\]/.exec(host);
  return literal?.[1] ?? host.replace(/:[0-9]*$/, "").replace(/\.$/, "");
}
