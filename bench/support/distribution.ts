/** The least value that at least `share` of all values do not exceed; 0: the least, 1: the largest. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

const WIDTH = 60;

/** How many values lie in each bucket, a line each from the first to the last that has any: `250..300   12 ######`. */
export function histogram(values: readonly number[], bucket: number): string[] {
  const counts = new Map<number, number>();
  for (const value of values) {
    const at = Math.floor(value / bucket);
    counts.set(at, (counts.get(at) ?? 0) + 1);
  }
  const places = [...counts.keys()];
  const most = Math.max(...counts.values());
  const lines: string[] = [];
  for (let at = Math.min(...places); at <= Math.max(...places); at++) {
    const count = counts.get(at) ?? 0;
    const range = `${at * bucket}..${(at + 1) * bucket}`.padStart(12);
    lines.push(
      `${range} ${String(count).padStart(5)} ${"#".repeat(Math.ceil((count / most) * WIDTH))}`.trimEnd(),
    );
  }
  return lines;
}
