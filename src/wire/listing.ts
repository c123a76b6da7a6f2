/** More would make a line that nobody reads. */
const MAX_LISTED = 10;

/** `a, b, c`; of a long list the first ten, `and 1,989 more`. */
export function listed(words: readonly string[], separator = ", "): string {
  const more = words.length - MAX_LISTED;
  // One more word takes no more room than saying that there is one.
  if (more <= 1) return words.join(separator);
  return `${words.slice(0, MAX_LISTED).join(separator)} and ${more.toLocaleString("en")} more`;
}

/** `a -> b -> a`; of a long way its start and its end. */
export function listedWay(steps: readonly string[]): string {
  const left = steps.length - MAX_LISTED;
  if (left <= 1) return steps.join(" -> ");
  const half = MAX_LISTED / 2;
  return [...steps.slice(0, half), `${left.toLocaleString("en")} more`, ...steps.slice(-half)].join(" -> ");
}
