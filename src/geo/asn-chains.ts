import { addChain, type ChainDraft } from "./chains.ts";

/** Class of each autonomous system, 0 the unknown one: the entry of its own key, then `default`. Keys are numbers as text. */
export function asnChains(keys: readonly string[], chains: ChainDraft): (asn: number) => number {
  const entries = new Map<number, number>();
  const rest: number[] = [];
  for (const [entry, key] of keys.entries()) {
    if (key === "default") rest.push(entry);
    else entries.set(Number(key), entry);
  }
  const fallback = addChain(chains, rest);
  const classes = new Map([...entries].map(([asn, entry]) => [asn, addChain(chains, [entry, ...rest])]));
  return (asn) => classes.get(asn) ?? fallback;
}
