import { type Finding, formatPlace, sentenceOf } from "../config/findings.ts";
import { paint, type Terminal } from "./terminal.ts";

/** Findings in columns, in the order of files and lines: place, code, what was found and what was expected. */
export function findingLines(findings: Finding[], terminal: Terminal): string[] {
  const places = findings.map(formatPlace);
  const placeWidth = Math.max(0, ...places.map((place) => place.length));
  const codeWidth = Math.max(0, ...findings.map((finding) => finding.code.length));
  return findings.map((finding, i) => {
    const code = finding.code.padEnd(codeWidth);
    return [
      places[i]!.padEnd(placeWidth),
      paint(terminal, finding.severity === "error" ? "red" : "yellow", code),
      `${finding.severity === "warning" ? "warning: " : ""}${sentenceOf(finding)}`,
    ].join("  ");
  });
}

/** `2 errors and 1 warning in 1 file`, `no errors`. */
export function countFindings(findings: Finding[]): string {
  const errors = findings.filter((finding) => finding.severity === "error").length;
  const warnings = findings.length - errors;
  if (findings.length === 0) return "no errors";
  const files = new Set(findings.map((finding) => finding.file)).size;
  const kinds = [
    errors > 0 ? plural(errors, "error") : "no errors",
    ...(warnings > 0 ? [plural(warnings, "warning")] : []),
  ];
  return `${kinds.join(" and ")} in ${plural(files, "file")}`;
}

/** `1 zone`, `2 zones`; `plural` where an s at the end is not enough. */
export function plural(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
