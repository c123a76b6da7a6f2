import { lookup as lookupName } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { parseAddress } from "../../geo/prefix.ts";
import { refusedBlock } from "../../geo/reachable.ts";
import type { ProbeTarget } from "../plan.ts";

/** Error code of a name all of whose addresses are refused. */
export const NAME_FORBIDDEN = "STEERD_NAME_FORBIDDEN";

/** Addresses of a name that are looked at: a name with more of them costs no more. */
const MAX_ADDRESSES = 16;

/** What the system's resolver knows of a name. */
export type ResolveName = (
  name: string,
  options: { all: true; verbatim: true },
  done: (error: NodeJS.ErrnoException | null, addresses: { address: string; family: number }[]) => void,
) => void;

/** Where a target is: its address, or its name with how that is looked up. */
export function destination(
  target: ProbeTarget,
  resolve: ResolveName = lookupName,
): { host: string; family: number; lookup?: LookupFunction } {
  const { address: host, family, allow = [] } = target;
  return family === 0 ? { host, family, lookup: lookupAllowed(allow, resolve) } : { host, family };
}

/**
 * Looks a name up for one connection: the first of its addresses that may be probed. The socket connects to that very
 * address, so that a name which is bound again in between gains nothing.
 */
export function lookupAllowed(allow: readonly string[], resolve: ResolveName): LookupFunction {
  return (name, _options, done) => {
    resolve(name, { all: true, verbatim: true }, (error, addresses) => {
      if (error !== null) {
        done(error, "");
        return;
      }
      const usable = addresses.slice(0, MAX_ADDRESSES).find(({ address }) => mayProbe(address, allow));
      if (usable !== undefined) done(null, usable.address, usable.family);
      else
        done(Object.assign(new Error(`no address of ${name} may be probed`), { code: NAME_FORBIDDEN }), "");
    });
  };
}

function mayProbe(text: string, allow: readonly string[]): boolean {
  const address = isIP(text) === 0 ? null : parseAddress(text);
  return address !== null && refusedBlock(address, allow) === null;
}
