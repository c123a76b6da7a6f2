import type { HealthEvent } from "./health-event.ts";
import { isBad } from "./health-event.ts";

/** Values that a template can name. */
export const TEMPLATE_FIELDS = [
  "kind",
  "status",
  "zone",
  "pool",
  "endpoint",
  "address",
  "policy",
  "from",
  "to",
  "reason",
  "summary",
  "duration_ms",
  "at",
] as const;
type Field = (typeof TEMPLATE_FIELDS)[number];

/** JSON as it stands in the configuration. */
export type Template = string | number | boolean | null | Template[] | { [key: string]: Template };

/** Without a template: everything. */
export const DEFAULT_TEMPLATE: Template = Object.fromEntries(
  TEMPLATE_FIELDS.map((name) => [name, `{{${name}}}`]),
);

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Names in a template that stand for nothing. */
export function unknownFields(template: Template): string[] {
  if (typeof template === "string")
    return [...template.matchAll(PLACEHOLDER)].flatMap(([, name]) =>
      (TEMPLATE_FIELDS as readonly string[]).includes(name!) ? [] : [name!],
    );
  if (typeof template !== "object" || template === null) return [];
  return Object.values(template).flatMap(unknownFields);
}

/** Fills a template in. A text that is nothing but one placeholder becomes the value itself, a number where it is one. */
export function fillTemplate(template: Template, event: HealthEvent): Template {
  const values = valuesOf(event);
  const fill = (part: Template): Template => {
    if (typeof part === "string") {
      const alone = /^\{\{\s*([^{}]*?)\s*\}\}$/.exec(part);
      if (alone !== null) return values[alone[1] as Field];
      return part.replaceAll(PLACEHOLDER, (_all, name: Field) => String(values[name]));
    }
    if (Array.isArray(part)) return part.map(fill);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, fill(value)]));
  };
  return fill(template);
}

function valuesOf(event: HealthEvent): Record<Field, string | number> {
  const { durationMs, atMs, sequence: _, isLate: _late, ...texts } = event;
  return {
    ...texts,
    status: isBad(event) ? "firing" : "resolved",
    duration_ms: durationMs,
    at: new Date(atMs).toISOString(),
  };
}

/** An alert of Alertmanager's API v2 (POST /api/v2/alerts, `postableAlert`). */
export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt?: string;
  endsAt?: string;
}

const ALERT_NAMES = {
  endpoint: "SteerdEndpointDown",
  pool: "SteerdPoolFailed",
  freeze: "SteerdHealthFrozen",
};

/**
 * An event as an alert; null: it is about something that no alert is about. Labels are the same while it fires and when it
 * is resolved, so that what changes, as the reason, is an annotation.
 */
export function alertOf(event: HealthEvent, labels: Readonly<Record<string, string>>): Alert | null {
  const { kind, zone, pool, endpoint, address, summary, reason, atMs } = event;
  if (!(kind in ALERT_NAMES)) return null;
  const alertname = ALERT_NAMES[kind as keyof typeof ALERT_NAMES];
  const about = Object.entries({ zone, pool, endpoint, address }).filter(([, value]) => value !== "");
  const at = new Date(atMs).toISOString();
  return {
    labels: { ...labels, alertname, ...Object.fromEntries(about) },
    annotations: { summary, ...(reason === "" ? {} : { reason }) },
    ...(isBad(event) ? { startsAt: at } : { endsAt: at }),
  };
}
