import type { HealthEvent } from "./health-event.ts";

/** One series: how often an endpoint, or a pool (empty endpoint), went to a state for a reason. */
export interface TransitionSeries {
  zone: string;
  pool: string;
  endpoint: string;
  to: string;
  reason: string;
  count: number;
}

/** Beyond this many series what comes is counted for its zone alone, as `others`: reasons carry status codes. */
const MAX_SERIES = 10_000;

/** Counts changes of endpoints and pools, in bounded memory. */
export interface TransitionBook {
  count(event: HealthEvent): void;
  series(): Iterable<TransitionSeries>;
}

export function createTransitionBook(maxSeries = MAX_SERIES): TransitionBook {
  const counts = new Map<string, TransitionSeries>();
  const add = (series: TransitionSeries): void => {
    const { zone, pool, endpoint, to, reason } = series;
    const key = [zone, pool, endpoint, to, reason].join("\n");
    const known = counts.get(key);
    if (known !== undefined) known.count++;
    else if (counts.size < maxSeries || pool === "others") counts.set(key, series);
    else add({ ...series, pool: "others", endpoint: "others", reason: "others" });
  };
  return {
    count: ({ kind, zone, pool, endpoint, to, reason }) => {
      if (kind === "endpoint" || kind === "pool") add({ zone, pool, endpoint, to, reason, count: 1 });
    },
    series: () => counts.values(),
  };
}
