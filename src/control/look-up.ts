/** What one lookup of a name found, for each family: addresses, or why there are none. */
export interface Looked {
  ipv4: string[] | LookupFault;
  ipv6: string[] | LookupFault;
}

/** `isAnswer`: the name was found not to have such addresses; else nobody could say. */
export interface LookupFault {
  code: string;
  isAnswer: boolean;
}

/** Looks a name up; never rejects. */
export type LookUp = (name: string, resolvers: readonly string[]) => Promise<Looked>;

/** Two tries of two seconds: a lookup ends before the next one of the same name begins, or soon after. */
const TIMEOUT_MS = 2000;
const TRIES = 2;
/** What resolvers say of names that have no addresses. */
const ANSWERS = new Set(["ENODATA", "ENOTFOUND"]);

/** A and AAAA at once, through the given resolvers or the system's; neither hosts files nor search lists take part. */
export const lookUp: LookUp = async (name, resolvers) => {
  // Most configurations name none, and the start does not wait for it.
  const { Resolver } = await import("node:dns/promises");
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (resolvers.length > 0) resolver.setServers(resolvers);
  const [ipv4, ipv6] = await Promise.all([
    resolver.resolve4(name).catch(faultOf),
    resolver.resolve6(name).catch(faultOf),
  ]);
  return { ipv4, ipv6 };
};

function faultOf(error: NodeJS.ErrnoException): LookupFault {
  const code = error.code ?? "UNKNOWN";
  return { code, isAnswer: ANSWERS.has(code) };
}
