import { formatMatch, type OverrideMatch } from "./override-match.ts";
import type { NewOverride } from "./overrides-edit.ts";
import { isCurrent, withholds } from "./resolve-overrides.ts";
import type { OverrideInput } from "./schema-overrides.ts";

/** What a command says of a selector; what it does not say may stand in the file already. */
export interface SaidOverride {
  match: OverrideMatch;
  state?: NonNullable<OverrideInput["state"]> | undefined;
  /** 0 to 1. */
  weight?: number | undefined;
  /** Milliseconds since 1970; null: it ends only when it is cleared. */
  until?: number | null | undefined;
  reason?: string | undefined;
  author?: string | undefined;
  force?: boolean | undefined;
}

/** What an entry has of the one that it takes the place of, in the order in which it is told. */
const KEPT = ["state", "weight", "until", "reason", "author"] as const;
export type KeptField = (typeof KEPT)[number];

export interface CombinedOverride {
  entry: NewOverride;
  kept: KeptField[];
}

/**
 * The entry that a command means. `up` and a weight of the same selector go together, whichever was said first. An entry
 * that says again what stands keeps its notes, its end and since when it has been, but for what is given anew; one that
 * only adds to it is of its own author. `userName`: the author where none is given.
 */
export function combineOverride(
  said: SaidOverride,
  entries: readonly OverrideInput[],
  userName: string,
  nowMs: number,
): CombinedOverride {
  const standing = entries.filter(
    (entry) => formatMatch(entry.match) === formatMatch(said.match) && isCurrent(entry, nowMs),
  );
  const stated = standing.findLast(({ state }) => state !== undefined);
  const weighed = standing.findLast(({ weight }) => weight !== undefined);
  const state = said.state ?? (stated?.state === "up" ? "up" : undefined);
  const weight = said.weight ?? (state === "up" ? weighed?.weight : undefined);
  const base = [stated, weighed].find(
    (entry) =>
      entry !== undefined &&
      ((state !== undefined && entry.state === state) ||
        (!withholds({ state }) && !withholds(entry) && entry.weight !== undefined)),
  );
  const isSame = base !== undefined && base.state === state && base.weight === weight;
  const until = said.until === undefined ? base?.until : (said.until ?? undefined);
  const reason = said.reason ?? base?.reason;
  const author = said.author ?? (isSame ? base.author : undefined) ?? userName;
  const force = said.force === true || base?.force === true;
  const entry: NewOverride = {
    match: said.match,
    ...(state && { state }),
    ...(weight === undefined ? {} : { weight }),
    ...(until === undefined ? {} : { until }),
    ...(reason === undefined ? {} : { reason }),
    author,
    since: (isSame ? base.since : undefined) ?? nowMs,
    ...(force ? { force } : {}),
  };
  const kept = KEPT.filter(
    (field) =>
      said[field] === undefined &&
      base?.[field] !== undefined &&
      base[field] === entry[field] &&
      (isSame || field !== "author"),
  );
  return { entry, kept };
}
