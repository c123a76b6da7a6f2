/**
 * Octets four at a time. V8 loads an array's address and length again in every round of a loop, and names and addresses
 * are long enough for a quarter of the rounds to show.
 */

/** A view of just the octets of an array. */
export function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.length);
}

/** Copies `length` octets and returns the offset behind them in `to`; the last word may overlap the one before it. */
export function copyOctets(from: DataView, offset: number, length: number, to: DataView, at: number): number {
  const last = length - 4;
  if (last >= 0) {
    for (let i = 0; i < last; i += 4) to.setInt32(at + i, from.getInt32(offset + i, true), true);
    to.setInt32(at + last, from.getInt32(offset + last, true), true);
  } else {
    for (let i = 0; i < length; i++) to.setUint8(at + i, from.getUint8(offset + i));
  }
  return at + length;
}

/** Whether `length` octets at `offset` of one are those at `at` of the other. */
export function equalOctets(
  one: DataView,
  offset: number,
  other: DataView,
  at: number,
  length: number,
): boolean {
  const last = length - 4;
  if (last >= 0) {
    for (let i = 0; i < last; i += 4) {
      if (one.getInt32(offset + i, true) !== other.getInt32(at + i, true)) return false;
    }
    return one.getInt32(offset + last, true) === other.getInt32(at + last, true);
  }
  for (let i = 0; i < length; i++) if (one.getUint8(offset + i) !== other.getUint8(at + i)) return false;
  return true;
}
