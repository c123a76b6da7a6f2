import type { LoadExplanation } from "../policy/explanation.ts";

/** What was compared, in words: `12.4 ms`, `3 of 100 connections`, `load 40%`; `no figure` counts as the mean. */
export function loadWords(load: LoadExplanation): string {
  const words = figuresOf(load).filter((text) => text !== null);
  return words.length === 0 ? "no figure: counts as the mean" : words.join(", ");
}

function figuresOf(load: LoadExplanation): (string | null)[] {
  const { by, responseMs, p99Ms, errors } = load;
  switch (by) {
    case "least_response_time":
      return [responseMs === null ? null : `${rounded(responseMs)} ms`];
    case "least_connections":
      return [connectionWords(load)];
    case "p2c":
      return [load.load === null ? null : `load ${rounded(load.load * 100)}%`];
    case "adaptive":
      return [
        connectionWords(load),
        p99Ms === null ? null : `p99 ${rounded(p99Ms)} ms`,
        errors === null ? null : `${rounded(errors * 100)}% errors`,
      ];
  }
}

function connectionWords({ connections, capacity }: LoadExplanation): string | null {
  if (connections === null) return null;
  return capacity === null ? `${connections} connections` : `${connections} of ${capacity} connections`;
}

/** Three digits where there are as many to say. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
