import type { PoolModel } from "../policy/model.ts";
import type { ResolvedFragment } from "./imports.ts";
import type { LoadedFragment } from "./includes.ts";
import type { LoadedConfig } from "./load.ts";
import type { LoadedYaml } from "./load-yaml.ts";
import type { AnyCheckInput } from "./schema-calculated.ts";
import type { FragmentInput } from "./schema-zone.ts";

export type RegionInput = FragmentInput["regions"][string];

/** What names mean in one file: its own, and those of included files. */
export interface VisibleNames {
  checks: Record<string, AnyCheckInput>;
  regions: Record<string, RegionInput>;
  /** Null: wrong, and reported. */
  pools: ReadonlyMap<string, PoolModel | null>;
  /** False: an included file cannot be used, so that a name may be missing for that reason. */
  isComplete: boolean;
  /** What was taken out, and has been reported, by nameKey. */
  broken: ReadonlySet<string>;
}

/** A zone's file, or one that is included. */
export interface NamedFile extends VisibleNames {
  /** The zone's origin, or the file's name. */
  name: string;
  yaml: LoadedYaml<FragmentInput>;
}

export const NO_NAMES: VisibleNames = {
  checks: {},
  regions: {},
  pools: new Map(),
  isComplete: true,
  broken: new Set(),
};

/** All files that can be used. `zones`: what was made of the files of `loaded.zones`. */
export function namedFiles(
  loaded: Pick<LoadedConfig, "fragments" | "zones">,
  fragments: ReadonlyMap<LoadedFragment, ResolvedFragment>,
  zones: readonly { names: VisibleNames }[],
): NamedFile[] {
  const included = loaded.fragments.map((file) => {
    const { name, yaml } = file;
    return { name, yaml, ...fragments.get(file)!.names };
  });
  const own = loaded.zones.flatMap(({ name, dynamic }, i) =>
    dynamic === null ? [] : [{ name, yaml: dynamic, ...zones[i]!.names }],
  );
  return [...included, ...own].filter(({ yaml }) => yaml.rest !== null);
}
