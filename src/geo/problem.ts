/** What is wrong with a database or a key. The shell adds the file and the place, which makes it a Finding. */
export interface GeoProblem {
  /** Has an entry in docs/errors.md. */
  code: string;
  /** What was found, with the value in quotes. */
  what: string;
  /** What was expected, without a final period. */
  expected: string;
}
