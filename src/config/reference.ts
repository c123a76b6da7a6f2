import * as z from "zod";
import { calculatedRows } from "./schema-calculated.ts";
import { canaryRow } from "./schema-canaries.ts";
import { checkParts, checkRows } from "./schema-checks.ts";
import { endpointOptions, resolveOptions, targetOptions } from "./schema-endpoint.ts";
import { endpointsFileOptions } from "./schema-endpoints-file.ts";
import { alertmanagerOptions, webhookOptions } from "./schema-notify.ts";
import { overrideRow } from "./schema-overrides.ts";
import { entryOptions, failoverOptions, latencyOptions, nodeShapes } from "./schema-policy.ts";
import { recoveryParts } from "./schema-recovery.ts";
import { ttlRange } from "./schema-rows.ts";
import { serverSchema } from "./schema-server.ts";
import { serviceRow } from "./schema-service.ts";
import { holdOptions, timingRows } from "./schema-timing.ts";
import { poolRow, recordRow, regionRow, stickyOptions, zoneSchema } from "./schema-zone.ts";
import { NODE_OPTIONS, POLICY_KINDS } from "./vocabulary.ts";

/** The part of a JSON Schema that the reference page shows. */
interface Property {
  $ref?: string;
  title?: string;
  description?: string;
  default?: unknown;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  anyOf?: Property[];
  items?: Property;
  properties?: Record<string, Property>;
  required?: string[];
  additionalProperties?: Property | false;
}

const PREFACE = `# Configuration reference

Every option of the YAML files, as \`steerd check\` knows them. This page is made from the schema in src/config by
\`node scripts/reference.mjs\`; \`steerd schema\` prints the same as a JSON Schema for editors. How the pieces play
together is told in the README.

Files are YAML 1.2 in UTF-8, one document each, of at most 2 MiB and 500,000 lines, colons, commas and opening
brackets; master files may have 1 GiB. Durations carry their unit (\`250ms\`, \`1.5s\`, \`2m\`, \`1h\`), bare TTLs are
seconds. Names match \`[a-z0-9][a-z0-9_-]*\`. \`"@"\`, \`"*"\` and IPv6 addresses that end in \`::\` want quotes.`;

const GENERATED = `A zone without SOA or NS records of its own gets them from \`nameservers\`. The generated SOA is the same on
every node: its serial is a hash of the zone's files (nobody transfers such a zone, so that it need not count up), and
negative answers live for the \`ttl\` of the file, at most 60 seconds.`;

const OVERRIDES = `What operators say of endpoints, as a list under the key \`overrides\`. The file is optional; it lies beside the zones
folder unless steerd.yaml says otherwise. Of the entries that are about an endpoint the last one counts, wholly; a weight alone takes no down or
drain back.`;

/** What every type of check takes is said once. */
const TIMING = Object.keys(timingRows);

const POLICIES = `A policy is the name of a pool or of a named policy, or a mapping with exactly one of these keys:`;

const LAST_RESORT = `\`last_resort\` is one of \`all\` (as if every endpoint were up, but for those that an operator took out), \`nodata\`,
\`servfail\`, \`{pool: NAME}\` or \`{addresses: [ADDRESS, ...]}\`.`;

/**
 * Markdown of docs/reference.md, made from the same schema as the types and the error messages. `exampleOf` gives the
 * YAML that is shown below a section, by the words of its heading, as in "checks-type-tcp".
 */
export function referencePage(exampleOf: (section: string) => string): string {
  const server = shapeOf(serverSchema);
  const sections = [
    PREFACE,
    "## steerd.yaml",
    "All keys are optional, and so is the file.",
    table(server),
    "### geo",
    table(optionsIn(server, "geo")),
    ...notifySection(),
    "### api",
    table(optionsIn(server, "api")),
    "### probes",
    table(optionsIn(server, "probes")),
    "### canaries",
    "A list of:",
    table(shapeOf(canaryRow)),
    "### freeze",
    table(optionsIn(server, "freeze")),
    "### control",
    table(optionsIn(server, "control")),
    "## overrides.yaml",
    OVERRIDES,
    table(shapeOf(overrideRow)),
    "## zones/ORIGIN.yaml",
    `All keys are optional.\n\n${GENERATED}`,
    table(shapeOf(zoneSchema)),
    "### ttl",
    "Seconds, a duration, or a mapping:",
    table(shapeOf(ttlRange)),
    "### checks: every type",
    table(pick(shapeOf(checkRows.tcp), TIMING)),
    ...Object.entries(checkRows).flatMap(([type, row]) => [
      `### checks: type ${type}`,
      table(omit(shapeOf(row), TIMING)),
    ]),
    ...Object.entries(checkParts).flatMap(([key, row]) => [`### checks: ${key}`, table(shapeOf(row))]),
    "### checks: hold_down",
    "A duration, which is `down`, or a mapping:",
    table(shapeOf(holdOptions)),
    ...["### checks: calculated", tableOfAll(Object.values(calculatedRows))],
    "### regions",
    table(shapeOf(regionRow)),
    ...poolSections(),
    "### policies",
    POLICIES,
    kindTable(),
    "and optionally these:",
    table(pick(shapeOf(nodeShapes.failover), NODE_OPTIONS)),
    "An entry of a list is a policy, or a mapping that carries it:",
    table(shapeOf(entryOptions)),
    "### policies: failover",
    "A list of entries, or a mapping with the list as `of`, and:",
    table(shapeOf(failoverOptions)),
    "### policies: latency",
    table(shapeOf(latencyOptions)),
    "### records",
    table(shapeOf(recordRow)),
    LAST_RESORT,
    "### records: https and svcb",
    "A mapping, or a list of them:",
    table(shapeOf(serviceRow)),
    "### records: sticky",
    table(shapeOf(stickyOptions)),
  ];
  return `${sections.flatMap(withExamples(exampleOf)).join("\n\n")}\n`;
}

/** Puts the example of each section at its end. The page's own heading has none. */
function withExamples(exampleOf: (section: string) => string) {
  return (part: string, at: number, parts: string[]): string[] => {
    const next = parts[at + 1];
    if (at === 0 || (next !== undefined && !next.startsWith("#"))) return [part];
    const heading = parts.slice(0, at + 1).findLast((before) => before.startsWith("##"))!;
    const section = heading
      .toLowerCase()
      .match(/[a-z0-9]+/g)!
      .join("-");
    return [part, `\`\`\`yaml\n${exampleOf(section).trimEnd()}\n\`\`\``];
  };
}

function notifySection(): string[] {
  const [alerts, events] = [alertmanagerOptions, webhookOptions].map((options) => table(shapeOf(options)));
  return ["### notify", "A list of these:", alerts!, "and of these:", events!];
}

function poolSections(): string[] {
  return [
    "### pools",
    table(shapeOf(poolRow)),
    "### pools: endpoints",
    "An address, or a mapping:",
    table(shapeOf(endpointOptions)),
    "Or a name that answers are an alias of:",
    table(shapeOf(targetOptions)),
    "Or a name whose addresses are looked up:",
    table(shapeOf(resolveOptions)),
    "### pools: endpoints_file",
    "A path, or a mapping:",
    table(shapeOf(endpointsFileOptions)),
    ...Object.entries(recoveryParts).flatMap(([key, row]) => [`### pools: ${key}`, table(shapeOf(row))]),
  ];
}

function shapeOf(schema: z.ZodType): Property {
  return z.toJSONSchema(schema, { io: "input" }) as Property;
}

/** The mapping that a key of a mapping takes. */
function optionsIn(shape: Property, key: string): Property {
  const property = shape.properties![key]!;
  return property.anyOf?.find((alternative) => alternative.properties !== undefined) ?? property;
}

function pick(shape: Property, keys: readonly string[]): Property {
  const properties = Object.fromEntries(keys.map((key) => [key, shape.properties![key]!]));
  return { properties };
}

function omit(shape: Property, keys: readonly string[]): Property {
  const kept = Object.entries(shape.properties!).filter(([key]) => !keys.includes(key));
  return { ...shape, properties: Object.fromEntries(kept) };
}

function kindTable(): string {
  const rows = POLICY_KINDS.map((kind) => [
    `\`${kind}\``,
    cell(shapeOf(nodeShapes[kind]).properties![kind]!.description!),
  ]);
  return markdown(["Key", "Picks"], rows);
}

/** The keys of several mappings, one of which is written. */
function tableOfAll(schemas: readonly z.ZodType[]): string {
  const shapes = schemas.map(shapeOf);
  const properties = Object.assign({}, ...shapes.map((shape) => shape.properties)) as Property["properties"];
  return table({ properties: properties! });
}

function table(shape: Property): string {
  const rows = Object.entries(shape.properties!).map(([key, property]) => {
    const absent = shape.required?.includes(key) ? "required" : defaultText(property.default);
    return [`\`${key}\``, cell(typeText(property)), absent, cell(property.description ?? "")];
  });
  return markdown(["Key", "Value", "Default", "Meaning"], rows);
}

function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function defaultText(value: unknown): string {
  if (value === undefined) return "";
  if (Array.isArray(value))
    return value.length === 0 ? "none" : value.map((item) => `\`${item}\``).join(", ");
  if (typeof value === "object") return "";
  return `\`${value}\``;
}

/** What a value may be, in words. */
function typeText(property: Property): string {
  if (property.$ref !== undefined) return "policy";
  if (property.title !== undefined) return property.title;
  if (property.const !== undefined) return `\`${property.const}\``;
  if (property.enum !== undefined) return property.enum.map((value) => `\`${value}\``).join(", ");
  if (property.anyOf !== undefined) {
    const alternatives = property.anyOf.filter(({ type }) => type !== "null").map(typeText);
    return [...new Set(alternatives)].join(", or ");
  }
  switch (property.type) {
    case "array":
      return `list of ${typeText(property.items!)}`;
    case "object":
      return property.additionalProperties ? "mapping by name" : "mapping";
    case "integer":
      return property.minimum === undefined
        ? "integer"
        : `integer from ${property.minimum}${upTo(property.maximum)}`;
    case "boolean":
      return "`true`, `false`";
    default:
      return "text";
  }
}

function upTo(maximum: number | undefined): string {
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`;
}
