import type { LoadReport } from "../load-report.ts";

/** Names of the figures, in the answer as in the header. */
const CONNECTIONS = "active_connections";
const CAPACITY = "capacity";
const P99 = "p99_ms";
const ERRORS = "error_rate";

/** Octets of a header's value that are looked at. */
const HEADER_MAX = 512;

/**
 * The figures in a mapping, as `{"active_connections": 40, "capacity": 200, "p99_ms": 12.5, "error_rate": 0.01}`. What is
 * missing or no sound number is not reported; null: nothing is.
 */
export function figuresOf(mapping: unknown): LoadReport | null {
  if (typeof mapping !== "object" || mapping === null || Array.isArray(mapping)) return null;
  const number = (key: string, most = Number.MAX_SAFE_INTEGER): number => {
    const value: unknown = Object.hasOwn(mapping, key) ? (mapping as Record<string, unknown>)[key] : -1;
    return typeof value === "number" && value >= 0 && value <= most ? value : -1;
  };
  const capacity = number(CAPACITY);
  const report = {
    connections: number(CONNECTIONS),
    // A capacity of nothing is none.
    capacity: capacity < 1 ? -1 : capacity,
    p99Ms: number(P99),
    errorRate: number(ERRORS, 1),
  };
  return Object.values(report).some((figure) => figure >= 0) ? report : null;
}

/** The figures in a header, a list as `active_connections=40, capacity=200` (RFC 9651 section 3.2, a dictionary). */
export function figuresOfHeader(text: string): LoadReport | null {
  const mapping: Record<string, number> = {};
  for (const member of text.slice(0, HEADER_MAX).split(",")) {
    const match = /^\s*([a-z0-9_]+)\s*=\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:;.*)?$/.exec(member);
    if (match !== null) mapping[match[1]!] = Number(match[2]);
  }
  return figuresOf(mapping);
}
