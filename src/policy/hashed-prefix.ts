import { clearHostBits, formatPrefix } from "../geo/prefix.ts";
import type { DecideContext } from "./context.ts";

/** The prefix that the decision just made hashed, as text; null: its tree cannot reach a hash. */
export function hashedPrefix({ hashAddress, hashBits: bits, hashFamily }: DecideContext): string | null {
  if (bits === 0) return null;
  const family = hashFamily === 4 ? 4 : 6;
  return formatPrefix(
    clearHostBits({ family, octets: hashAddress.subarray(0, family === 4 ? 4 : 16), bits }),
  );
}
