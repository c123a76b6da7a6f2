import { userInfo } from "node:os";
import type { Options } from "yargs";
import {
  type CombinedOverride,
  combineOverride,
  type KeptField,
  type SaidOverride,
} from "../config/combine-override.ts";
import type { Finding } from "../config/findings.ts";
import {
  type ForcedBefore,
  type HeldAddress,
  type Judgement,
  judgeLast,
  judgementFindings,
  readElsewhere,
  unjudged,
} from "../config/judge-overrides.ts";
import { formatMatch, type OverrideMatch, parseSelector } from "../config/override-match.ts";
import { editOverrides, momentText, type NewOverride, weightText } from "../config/overrides-edit.ts";
import { type OverrideInput, parseMoment } from "../config/schema-overrides.ts";
import { durationMs } from "../config/schema-rows.ts";
import { shownPath } from "../config/shown-path.ts";
import { EXIT_FINDINGS, EXIT_OK, EXIT_UNREACHED, ServerRefusal, Unreachable, UsageError } from "./command.ts";
import { requireConfiguration } from "./configuration.ts";
import { type ControlClient, connectControl } from "./control-client.ts";
import { plural } from "./finding-lines.ts";
import type { Terminal } from "./terminal.ts";
import { requireServerOptions, tellFindings } from "./with-server.ts";

/** Options of the commands that write an entry. */
export const entryOptions = {
  for: { type: "string", requiresArg: true, describe: "It ends by itself after this long, as 30m or 2h" },
  until: {
    type: "string",
    requiresArg: true,
    describe: "It ends by itself then, as 2026-03-01T18:00:00Z; cleared: not by itself",
  },
  reason: { type: "string", requiresArg: true, describe: "Why, for whoever asks later" },
  author: {
    type: "string",
    requiresArg: true,
    describe: "Who says so",
    defaultDescription: "the user's name",
  },
  force: { type: "boolean", describe: "Even where some clients are left without a live address" },
  json: { type: "boolean", describe: "For machines: one JSON object" },
} as const satisfies Record<string, Options>;

/** What the options of an entry were given as. */
export interface EntryGiven {
  config?: string | undefined;
  for?: string | undefined;
  until?: string | undefined;
  reason?: string | undefined;
  author?: string | undefined;
  force?: boolean | undefined;
  json?: boolean | undefined;
}

/** What came of writing an entry. */
export interface Written {
  match: OverrideMatch;
  entry: NewOverride;
  /** What the entry has of the one that it took the place of. */
  kept: readonly KeptField[];
  judgement: Judgement;
  /** Null: no server could be asked, `unreached` says why; the entry holds when one starts. */
  client: ControlClient | null;
  unreached: string;
  /** Path of the file that was changed. */
  path: string;
}

export function selectorArgument(text: string | undefined): OverrideMatch {
  const match = parseSelector(text ?? "");
  if (match !== null) return match;
  throw new UsageError(
    `"${text}" is not a selector: expected region:R, pool:[ZONE/]POOL[/ENDPOINT], or the name of a pool`,
  );
}

/** What the options say. Throws UsageError. */
export function saidOf(
  match: OverrideMatch,
  given: EntryGiven,
  said: Pick<SaidOverride, "state" | "weight">,
): SaidOverride {
  return {
    match,
    ...said,
    until: untilOf(given, Date.now()),
    reason: given.reason === undefined ? undefined : noteOption("reason", given.reason),
    author: given.author === undefined ? undefined : noteOption("author", given.author),
    force: given.force,
  };
}

/** Ten years: who means longer means no end. */
const LONGEST_MS = 10 * 366 * 24 * 3_600_000;

function untilOf(given: EntryGiven, nowMs: number): number | null | undefined {
  if (given.for !== undefined && given.until !== undefined)
    throw new UsageError("--for and --until say the same: give one of them");
  if (given.for !== undefined) {
    const ms = durationMs(given.for);
    if (Number.isNaN(ms) || ms < 1000 || ms > LONGEST_MS)
      throw new UsageError(`--for is "${given.for}": expected a duration of at most ten years, as 30m or 2h`);
    return Math.ceil((nowMs + ms) / 1000) * 1000;
  }
  if (given.until === undefined) return undefined;
  if (given.until === "cleared") return null;
  const until = parseMoment(given.until);
  if (Number.isNaN(until))
    throw new UsageError(
      `--until is "${given.until}": expected a moment with its offset, as 2026-03-01T18:00:00Z, or cleared`,
    );
  if (until <= nowMs) throw new UsageError(`--until is ${given.until}, which has passed`);
  return until;
}

function noteOption(name: string, text: string): string {
  if (text !== "" && text.length <= 200 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) return text;
  throw new UsageError(`--${name} takes one line of at most 200 characters`);
}

/** Who is meant when an administrator works as root. */
function userName(): string {
  const { SUDO_USER, USER } = process.env;
  try {
    return SUDO_USER || USER || userInfo().username;
  } catch {
    return "unknown";
  }
}

/** Writes an entry, after the server, or without one the files, had nothing against it. A number: the exit code, all told. */
export async function writeEntry(
  given: EntryGiven,
  said: SaidOverride,
  terminal: Terminal,
): Promise<Written | number> {
  const author = noteOption("author", userName());
  const server = requireServerOptions(given.config, terminal);
  if (server === null) return EXIT_FINDINGS;
  const { client, unreached } = await reach(server.control.socket);
  let judgement: Judgement | null = null;
  let combined: CombinedOverride | null = null;
  const adds = (entries: readonly OverrideInput[]): NewOverride => {
    combined = combineOverride(said, entries, author, Date.now());
    return combined.entry;
  };
  const judge = async (entries: readonly OverrideInput[]): Promise<Finding[]> => {
    try {
      judgement =
        client === null
          ? judgeOffline(given, entries, terminal)
          : await client.ask<Judgement>("judge", { entries });
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof ServerRefusal)) throw error;
      return [unjudged(error.message, "a server that answers")];
    }
    if (judgement === null) return [unjudged(NO_CONFIGURATION, "files without errors")];
    return judgementFindings(judgement, entries.at(-1)!, entries.at(-1)!.force);
  };
  const edited = await editOverrides(server.overrides, { removes: () => false, adds }, judge);
  if ("findings" in edited) {
    client?.close();
    tellRefusal(edited.findings, given, terminal);
    return EXIT_FINDINGS;
  }
  const { entry, kept } = combined!;
  return { match: said.match, entry, kept, judgement: judgement!, client, unreached, path: server.overrides };
}

async function reach(path: string): Promise<{ client: ControlClient | null; unreached: string }> {
  try {
    return { client: await connectControl(path), unreached: "" };
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return { client: null, unreached: error.message };
  }
}

/** As a server would that takes every endpoint for up. Null: the files have errors, which were told. */
function judgeOffline(
  given: EntryGiven,
  entries: readonly OverrideInput[],
  terminal: Terminal,
): Judgement | null {
  const config = requireConfiguration(given.config, terminal);
  if (config === null) return null;
  const { snapshot, names, overrides } = config;
  const ground = { policy: snapshot.policy, tables: snapshot.tables, names: names.policy };
  return judgeLast(overrides.entries ?? [], entries, ground, Date.now(), null);
}

const NO_CONFIGURATION = "no server runs, and the files have errors: what the entry does cannot be told";

function tellRefusal(findings: Finding[], { json }: EntryGiven, terminal: Terminal): void {
  if (json === true) terminal.out(JSON.stringify({ ok: false, findings }));
  else tellFindings(findings, terminal);
}

/** What the server makes of the file as it is now. */
export interface TakenOver {
  file: string;
  findings: Finding[];
  ignored: number[];
  /** Empty, or why the server has not said so: it may have read the file or not. */
  unreached: string;
}

/** Has the server read the file. Findings: why it goes on with what it had. */
export async function takeOver(client: ControlClient, path: string): Promise<TakenOver> {
  let taken: TakenOver;
  try {
    taken = { ...(await client.ask<Omit<TakenOver, "unreached">>("overrides")), unreached: "" };
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof ServerRefusal)) throw error;
    return { file: path, findings: [], ignored: [], unreached: error.message };
  }
  if (taken.file === path) return taken;
  const finding = readElsewhere(shownPath(path), client.path, taken.file);
  return { ...taken, findings: [...taken.findings, finding] };
}

/** Tells what was written, and whether it holds; returns the exit code. */
export async function tellWritten(
  { match, entry, kept, judgement, client, unreached, path }: Written,
  given: EntryGiven,
  terminal: Terminal,
): Promise<number> {
  const { addresses, held, was } = judgement;
  const taken = client === null ? null : await takeOver(client, path);
  const findings = taken?.findings ?? [];
  const silence = taken === null ? unreached : taken.unreached;
  const { until } = entry;
  const isSilent = client !== null && silence !== "";
  const code = findings.length > 0 ? EXIT_FINDINGS : isSilent ? EXIT_UNREACHED : EXIT_OK;
  if (given.json === true) {
    const said = { selector: formatMatch(match), state: entry.state ?? null, weight: entry.weight ?? 1 };
    const end = until === undefined ? null : momentText(until);
    const inForce = silence === "" && findings.length === 0;
    terminal.out(
      JSON.stringify({
        ok: code === EXIT_OK,
        ...said,
        until: end,
        kept,
        addresses,
        was,
        held,
        inForce,
        findings,
      }),
    );
    return code;
  }
  const end = until === undefined ? "until it is cleared" : `until ${momentText(until)}`;
  const counted = plural(addresses.length, "address", "addresses");
  terminal.out(`${formatMatch(match)} ${entryWords(entry)}: ${counted}, ${end}`);
  for (const line of addressLines(judgement, entry)) terminal.out(line);
  if (kept.length > 0) terminal.out(keptLine(kept, entry));
  for (const line of heldLines(held, formatMatch(match))) terminal.err(line);
  if (client === null) terminal.out(`It holds when a server starts: ${unreached}.`);
  else if (isSilent) terminal.err(`steerd: it is written, but ${silence}`);
  if (findings.length > 0) tellFindings(findings, terminal);
  return code;
}

/** `is forced up at 20% of its weight`. */
function entryWords({ state, weight }: Pick<NewOverride, "state" | "weight">): string {
  if (state === undefined) return `takes ${weightText(weight ?? 1)} of its weight`;
  if (state === "drain") return "is drained";
  return `is forced ${state}${weight === undefined ? "" : ` at ${weightText(weight)} of its weight`}`;
}

/** The addresses that the entry counts for, each with what was said of it until now where that was something else. */
function addressLines({ addresses, was }: Judgement, { match, state, weight = 1 }: NewOverride): string[] {
  const isOther = (said: ForcedBefore): boolean =>
    said.state !== (state ?? null) || said.weight !== weight || said.by !== formatMatch(match);
  const before = new Map(was.filter(isOther).map((said) => [said.address, said]));
  const shown = addresses.slice(0, MAX_LISTED);
  const width = Math.max(0, ...shown.map((address) => address.length));
  const lines = shown.map((address) => {
    const said = before.get(address);
    if (said === undefined) return `  ${address}`;
    const weighed = said.weight === 1 ? undefined : said.weight;
    const words = entryWords({ state: said.state ?? undefined, weight: weighed });
    return `  ${address.padEnd(width)}  before: ${words.replace(/^is /, "")}, by ${said.by}`;
  });
  const more = addresses.length - shown.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

/** What the entry has of the one that it took the place of. */
function keptLine(kept: readonly KeptField[], { state, weight, until, reason, author }: NewOverride): string {
  const words: Record<KeptField, string> = {
    state: `forced ${state}`,
    weight: `${weightText(weight ?? 1)} of its weight`,
    until: `until ${momentText(until ?? 0)} (--until cleared ends that)`,
    reason: `the reason "${reason}"`,
    author: `the author ${author}`,
  };
  return `Kept of what stood: ${kept.map((field) => words[field]).join(", ")}.`;
}

/** What a weight alone does not bring back, entry by entry. */
function heldLines(held: readonly HeldAddress[], selector: string): string[] {
  const holders = new Map<string, HeldAddress[]>();
  for (const each of held) {
    const said = `${each.state === "drain" ? "drained" : "forced down"} by ${each.by}`;
    holders.set(said, [...(holders.get(said) ?? []), each]);
  }
  return [...holders].map(([said, of]) => {
    const stay = of.length === 1 ? "1 address stays" : `${of.length} addresses stay`;
    const { by } = of[0]!;
    const too = by === selector ? ", and the weight with it" : "";
    return `Warning: ${stay} ${said}: steerd clear ${by} ends that${too}`;
  });
}

const MAX_LISTED = 20;
