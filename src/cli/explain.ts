import { randomInt } from "node:crypto";
import type { CompiledConfig } from "../config/compile.ts";
import { loadServer } from "../config/load.ts";
import { MAX_YAML_OCTETS } from "../config/load-yaml.ts";
import { readSteadyFile } from "../config/steady-file.ts";
import type { LiveRows } from "../control/commands.ts";
import { describeClient, type GeoSources } from "../geo/databases.ts";
import type { HealthRows } from "../health/rows.ts";
import type { Explanation } from "../policy/explanation.ts";
import type { Snapshot } from "../snapshot.ts";
import { RCODE_NOERROR, RCODE_NXDOMAIN, RCODE_REFUSED, TYPE_NS } from "../wire/constants.ts";
import type { Message, MessageRecord } from "../wire/message.ts";
import { formatName } from "../wire/name-text.ts";
import { formatRcode, formatType } from "../wire/registry.ts";
import { addressOption, formatAddress, maskPrefix, type Prefix, prefixOption } from "./arguments.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, UsageError } from "./command.ts";
import { compileFiles, compileFor, orTell, unresolvedSentence } from "./configuration.ts";
import { completeExplanation } from "./explain-complete.ts";
import { type ExplainedQuestion, type ExplainedStep, explainSteps } from "./explain-steps.ts";
import { explanationLines } from "./explain-text.ts";
import { countFindings, findingLines } from "./finding-lines.ts";
import { askLiveRows, liveRows } from "./live-health.ts";
import { messageAsJson, recordAsText, subnetOf } from "./message-text.ts";
import { nameArgument, typeArgument } from "./names.ts";
import { type HealthFile, type Supposition, supposeHealth, suppositions } from "./suppose.ts";
import { paint, type Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {
    name: { type: "string", describe: "Name to ask for, with or without the final dot" },
    type: { type: "string", describe: "Record type: a name as AAAA, or TYPE65", default: "A" },
  },
  options: {
    client: {
      type: "string",
      requiresArg: true,
      describe: "Who asks: an address, or a prefix as resolvers send it (RFC 7871)",
    },
    resolver: {
      type: "string",
      requiresArg: true,
      describe: "Address that the query comes from; without --client it is the client",
      defaultDescription: "the client",
    },
    down: {
      type: "string",
      array: true,
      requiresArg: true,
      describe: "As if this were down: region:R or pool:[ZONE/]POOL[/ENDPOINT]; all else is up",
    },
    "at-health": {
      type: "string",
      requiresArg: true,
      describe: "As if health were what this file says: YAML or JSON, states by selector; all else is up",
    },
    offline: {
      type: "boolean",
      describe: "As if all were up, even where a server could be asked how they are",
    },
    resolve: { type: "boolean", describe: "Look up the names of `resolve` endpoints first" },
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [
    ["explain www.gslb.example --client 193.0.6.1", "What a client in Amsterdam is answered, and why"],
    ["explain www.gslb.example AAAA --client 2001:db8::/56", "For a prefix, in the other family"],
    ["explain www.gslb.example A --client 193.0.6.1 --down region:frankfurt", "What it would get then"],
    ["explain www.gslb.example A --client 193.0.6.1 --at-health health.yaml", "What in a health of yours"],
  ],
  async run(given, terminal) {
    if (given.client === undefined && given.resolver === undefined) {
      throw new UsageError("--client is missing: whose answer is to be explained?");
    }
    const subnet = given.client === undefined ? null : prefixOption("client", given.client);
    const question: ExplainedQuestion = {
      name: nameArgument(given.name ?? ""),
      type: typeArgument(given.type),
      subnet,
      resolver: given.resolver === undefined ? subnet! : addressOption("resolver", given.resolver),
      clockS: Math.floor(Date.now() / 1000),
      diceSeed: randomInt(2 ** 31),
    };
    const live = isSupposed(given) ? null : await askLiveRows(socketPath(given.config), terminal);
    const isResolved = given.resolve === true || live !== null;
    const compiled =
      live === null
        ? await compileFor(given.config, isResolved)
        : compileFiles(given.config, new Map(live.known));
    const configuration = orTell(compiled, terminal);
    if (configuration === null) return EXIT_FINDINGS;
    const supposedOf = suppositions(configuration, healthFile(given["at-health"]), given.down ?? []);
    if ("findings" in supposedOf) {
      for (const line of findingLines(supposedOf.findings, terminal)) terminal.err(line);
      terminal.err(countFindings(supposedOf.findings));
      return EXIT_FINDINGS;
    }
    const steps =
      live === null
        ? explainOffline(configuration, question, supposedOf)
        : explainWith(configuration, question, configuration.snapshot, liveRows(configuration, live));
    if (given.json === true) terminal.out(JSON.stringify(stepsAsJson(steps)));
    else for (const line of stepLines(steps, configuration.geo, terminal)) terminal.out(line);
    if (live !== null && given.json !== true) terminal.out(healthLine(live, terminal));
    const unresolved = unresolvedSentence(configuration, isResolved);
    if (unresolved !== null) terminal.err(unresolved);
    return EXIT_OK;
  },
});

/** What the server would answer if health were as supposed: everything is up but what is said of it. */
export function explainOffline(
  config: CompiledConfig,
  question: ExplainedQuestion,
  supposedOf: Supposition[],
): ExplainedStep[] {
  const { snapshot, rows } = supposeHealth(config, supposedOf);
  return explainWith(config, question, snapshot, rows);
}

function explainWith(
  config: CompiledConfig,
  question: ExplainedQuestion,
  snapshot: Snapshot,
  rows: HealthRows,
): ExplainedStep[] {
  return explainSteps(snapshot, config.names.policy, rows, question).map((step) => ({
    ...step,
    explanation: step.explanation === null ? null : completeExplanation(step.explanation, config, rows),
  }));
}

/** Health is as the command line says, and no server is asked. */
function isSupposed(given: {
  offline?: boolean | undefined;
  down?: unknown;
  "at-health"?: unknown;
}): boolean {
  return given.offline === true || given.down !== undefined || given["at-health"] !== undefined;
}

/** Of the server that these files belong to; errors are told when they are compiled. */
function socketPath(configPath: string | undefined): string {
  return loadServer(configPath ?? null).server?.control.socket ?? "";
}

function healthLine({ generation }: LiveRows, terminal: Terminal): string {
  return `${paint(terminal, "bold", "health".padEnd(13))}as the running server has it (configuration ${generation})`;
}

/** Throws UsageError for a file that cannot be read. */
function healthFile(path: string | undefined): HealthFile | null {
  if (path === undefined) return null;
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if ("octets" in read) return { name: path, octets: read.octets };
  throw new UsageError(`--at-health: ${path}: ${read.what}: expected ${read.expected}`);
}

/** What --json prints; schema-explain.ts has its shape. */
export function stepsAsJson(steps: ExplainedStep[]): unknown {
  const [first] = steps;
  return {
    ...messageAsJson(first!.message),
    answer: steps.flatMap(({ message }) => messageAsJson(message).answer),
    rcode: formatRcode(steps.at(-1)!.message.rcode),
    steps: steps.map(({ message, explanation }) => ({ ...messageAsJson(message), explanation })),
  };
}

/** The answer first, then why, step by step. */
export function stepLines(steps: ExplainedStep[], geo: GeoSources, terminal: Terminal): string[] {
  return [
    ...steps.flatMap(({ message }) => answerLines(message).map((line) => paint(terminal, "bold", line))),
    ...steps.flatMap(({ message, explanation }) => {
      const why = explanation === null ? [staticSentence(message)] : dynamicLines(explanation, geo, terminal);
      const heading = steps.length > 1 ? [`${formatName(message.question!.name, 0)}`] : [];
      return ["", ...heading, ...why];
    }),
  ];
}

function dynamicLines(explanation: Explanation, geo: GeoSources, terminal: Terminal): string[] {
  const { address, family } = explanation.client;
  const place = describeClient(geo, family, addressOption("client", address).octets);
  return explanationLines(explanation, place, terminal);
}

function answerLines(message: Message): string[] {
  const name = formatName(message.question!.name, 0);
  const type = formatType(message.question!.type);
  if (message.answer.length === 0) {
    return [`${name} ${type}: ${negativeWords(message, type)}`];
  }
  const records = message.answer.map(recordAsText);
  const width = Math.max(...records.map((record) => record.length));
  const scope = scopeOf(message);
  return records.map((record, i) =>
    i === 0 && scope !== "" ? `${record.padEnd(width)}   scope ${scope}` : record,
  );
}

/** What a reply without answer says in one word or two. */
function negativeWords(message: Message, type: string): string {
  if (message.rcode !== RCODE_NOERROR) return formatRcode(message.rcode);
  const servers = referral(message).map(({ rdata }) => formatName(rdata, 0));
  return servers.length === 0 ? `no ${type} record (NODATA)` : `delegated to ${servers.join(", ")}`;
}

/** The NS records of a referral; a negative answer has an SOA record instead. */
function referral(message: Message): MessageRecord[] {
  return message.answer.length > 0 ? [] : message.authority.filter(({ type }) => type === TYPE_NS);
}

/** `193.0.0.0/18`: the network that the answer is for; empty when every client gets it. */
function scopeOf(message: Message): string {
  const subnet = subnetOf(message);
  if (subnet === null || subnet.scopeBits === 0) return "";
  const network: Prefix = maskPrefix(addressOption("client", subnet.address), subnet.scopeBits);
  return `${formatAddress(network.octets)}/${network.bits}`;
}

/** Why there is nothing to decide. */
function staticSentence(message: Message): string {
  const name = formatName(message.question!.name, 0);
  switch (message.rcode) {
    case RCODE_REFUSED:
      return `${name} lies in no zone that is served here.`;
    case RCODE_NXDOMAIN:
      return `${name} does not exist in its zone, and no wildcard stands for it.`;
    case RCODE_NOERROR:
      break;
    default:
      return `The zone's records lead to ${formatRcode(message.rcode)}.`;
  }
  if (message.answer.length > 0) return `${name} is static: every client gets the same.`;
  const [delegated] = referral(message);
  if (delegated === undefined) return `${name} exists, but has no record of this type.`;
  return `The zone delegates ${formatName(delegated.owner, 0)}: the name servers named here answer for it.`;
}
