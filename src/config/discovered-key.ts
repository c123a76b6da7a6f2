import type { PoolModel } from "../policy/model.ts";

/** Key of a pool among those that have endpoints from files. The prober knows them, too, and nothing else of the configuration. */
export function discoveredKey({ zone, name }: Pick<PoolModel, "zone" | "name">): string {
  return `${zone}\n${name}`;
}
