/** One thing wrong, or doubtful, in a zone: the same shape as a configuration finding, so that all are listed alike. */
export interface ZoneFinding {
  severity: "error" | "warning";
  /** Stable upper-case code with an entry in docs/errors.md. */
  code: string;
  file: string;
  /** From 1; 0 when the whole file is meant. */
  line: number;
  /** In octets from 1; 0 when the whole line is meant. */
  column: number;
  /** What was found, with the value in quotes. */
  what: string;
  /** What was expected, without a final period; empty when `what` says it all. */
  expected: string;
}

/**
 * A file with more than this many errors is the wrong file, or broken in one place: the rest would not help, and a
 * million findings would take the memory of a million objects.
 */
export const MAX_FINDINGS_PER_FILE = 100;

/** Findings in the order found, at most MAX_FINDINGS_PER_FILE errors and as many warnings a file. */
export interface FindingList {
  findings: ZoneFinding[];
  /** By `severity file`. */
  counts: Map<string, number>;
}

export function createFindingList(): FindingList {
  return { findings: [], counts: new Map() };
}

/** Adds a finding. False when it was one too many: then it is only counted. */
export function addFinding(list: FindingList, finding: ZoneFinding): boolean {
  const key = `${finding.severity} ${finding.file}`;
  const count = (list.counts.get(key) ?? 0) + 1;
  list.counts.set(key, count);
  if (count > MAX_FINDINGS_PER_FILE) return false;
  list.findings.push(finding);
  return true;
}

/** The findings, and for each file with too many of them one that says how many are not listed. */
export function closeFindings(list: FindingList): ZoneFinding[] {
  for (const [key, count] of list.counts) {
    const left = count - MAX_FINDINGS_PER_FILE;
    if (left <= 0) continue;
    const [severity, file] = key.startsWith("error ") ? ["error", key.slice(6)] : ["warning", key.slice(8)];
    list.findings.push({
      severity: severity as ZoneFinding["severity"],
      code: "ZONE_FINDINGS_CUT",
      file: file!,
      line: 0,
      column: 0,
      what:
        severity === "error"
          ? `more than ${MAX_FINDINGS_PER_FILE} errors: the rest of the file was not read`
          : `${left} more warnings are not listed`,
      expected: "",
    });
  }
  return list.findings;
}
