/** Presentation form of `octets` from `offset` on: dotted decimal for family 4, RFC 5952 section 4 for family 6. */
export function formatAddress(octets: Uint8Array, offset: number, family: number): string {
  if (family === 4) return octets.subarray(offset, offset + 4).join(".");
  const groups: number[] = [];
  for (let at = offset; at < offset + 16; at += 2) groups.push((octets[at]! << 8) | octets[at + 1]!);
  const text = groups.map((group) => group.toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return text.join(":");
  return `${text.slice(0, zeros.start).join(":")}::${text.slice(zeros.start + zeros.length).join(":")}`;
}

/** The longest run of zero groups, the first of several (RFC 5952 section 4.2.3). */
function longestZeros(groups: number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > longest.length) longest = { start, length: i + 1 - start };
  }
  return longest;
}
