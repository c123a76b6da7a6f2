import * as z from "zod";
import { EVENT_KINDS } from "../control/health-event.ts";
import type { Receiver } from "../control/notifier.ts";
import {
  DEFAULT_TEMPLATE,
  TEMPLATE_FIELDS,
  type Template,
  unknownFields,
} from "../control/notify-payload.ts";
import { suggest } from "../zone/suggest.ts";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { headersRow } from "./schema-http.ts";
import { durationRow, nameRow } from "./schema-rows.ts";

/** `notify` of steerd.yaml: who is told of changes of health. */

const URL_EXPECTED = "a URL that begins with http:// or https://";
const urlRow = z
  .string({ error: URL_EXPECTED })
  .max(2000, { error: URL_EXPECTED })
  .refine((text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text), { error: URL_EXPECTED })
  .meta({ title: "URL" });

const common = {
  name: nameRow.describe("What logs and metrics call it"),
  url: urlRow,
  headers: headersRow.prefault({}).describe("Headers of the requests, as {Authorization: Bearer SECRET}"),
  timeout: durationRow("100ms", "30s")
    .prefault("5s")
    .describe("One deadline for a request, from the connection to the response's head"),
};

const ALERTS = ["endpoint", "pool", "freeze"] as const;
const kindsRow = <T extends string>(kinds: readonly [T, ...T[]]) =>
  z
    .array(z.enum(kinds, { error: `one of ${kinds.join(", ")}` }), { error: `a list of ${kinds.join(", ")}` })
    .min(1, {
      error: "at least one kind of event",
    });
const LABELS = "a mapping of label names to texts, as {team: edge}";

export const alertmanagerOptions = mapping(
  {
    ...common,
    type: z.literal("alertmanager").describe("POST /api/v2/alerts of Prometheus' Alertmanager"),
    url: urlRow.describe("Alertmanager, as http://127.0.0.1:9093"),
    on: kindsRow(ALERTS)
      .prefault([...ALERTS])
      .describe("What alerts are about"),
    labels: z
      .record(
        z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: "the name of a label" }),
        z.string({ error: "a text" }),
        {
          error: LABELS,
        },
      )
      .prefault({})
      .describe("Labels that every alert carries"),
  },
  "a mapping, as {name: alerts, type: alertmanager, url: http://127.0.0.1:9093}",
).transform(
  ({ timeout, url, ...rest }): Receiver => ({
    ...rest,
    url: /\/api\/v2\/alerts$/.test(url) ? url : `${url.replace(/\/$/, "")}/api/v2/alerts`,
    timeoutMs: timeout,
    template: null,
  }),
);

const MAX_TEMPLATE = 10_000;
const fields = TEMPLATE_FIELDS.join(", ");
const templateRow: z.ZodType<Template> = z
  .json({ error: "a value in which texts name fields, as {text: '{{summary}}'}" })
  .refine((value) => JSON.stringify(value).length <= MAX_TEMPLATE, {
    error: `at most ${MAX_TEMPLATE} octets`,
  })
  .superRefine((value, context) => {
    const [unknown] = unknownFields(value);
    if (unknown === undefined) return;
    const close = suggest(unknown, [...TEMPLATE_FIELDS]);
    const message =
      close === undefined ? `fields among ${fields}, not {{${unknown}}}` : `{{${close}}}, not {{${unknown}}}`;
    context.addIssue({ code: "custom", message });
  });

export const webhookOptions = mapping(
  {
    ...common,
    type: z.literal("webhook").describe("POST of JSON, one request for each event"),
    url: urlRow.describe("Where the events are sent"),
    on: kindsRow(EVENT_KINDS).prefault(["endpoint", "pool", "freeze"]).describe("What it is told of"),
    template: templateRow
      .prefault(DEFAULT_TEMPLATE as never)
      .describe(
        `Body of a request; texts may name these with two braces, as {{summary}}: ${fields}. Absent: all of them`,
      ),
  },
  "a mapping, as {name: chat, type: webhook, url: https://hooks.example/x, template: {text: '{{summary}}'}}",
).transform(({ timeout, ...rest }): Receiver => ({ ...rest, timeoutMs: timeout, labels: {} }));

const receiver = chosen<Receiver>([alertmanagerOptions, webhookOptions], (value) => {
  if (isMapping(value) && value.type === "alertmanager") return alertmanagerOptions;
  if (isMapping(value) && value.type !== "webhook")
    return {
      code: "type" in value ? "CFG_VALUE_INVALID" : "CFG_KEY_MISSING",
      what: "type" in value ? "type is another one" : "type is missing",
      expected: "one of alertmanager, webhook",
      ...("type" in value ? { key: "type", part: "value" as const } : { part: "key" as const }),
    };
  return webhookOptions;
});

const RECEIVERS = "a list of receivers";
const MAX_RECEIVERS = 16;
export const notifyRow = z
  .array(receiver, { error: RECEIVERS })
  .max(MAX_RECEIVERS, { error: `at most ${MAX_RECEIVERS} receivers` })
  .superRefine((all, context) => {
    for (const [at, { name }] of all.entries()) {
      const first = all.findIndex((other) => other.name === name);
      if (first === at) continue;
      const message = `a name of its own: notify[${first}] has this one`;
      context.addIssue({ code: "custom", path: [at, "name"], message });
    }
  });
