import { formatFinding } from "../config/findings.ts";
import { formatMatch, type OverrideMatch } from "../config/override-match.ts";
import { editOverrides } from "../config/overrides-edit.ts";
import { isCurrent } from "../config/resolve-overrides.ts";
import type { OverrideInput } from "../config/schema-overrides.ts";
import { listed } from "../wire/listing.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, Unreachable, UsageError } from "./command.ts";
import { connectControl } from "./control-client.ts";
import { plural } from "./finding-lines.ts";
import { selectorArgument, takeOver } from "./override-edit.ts";
import { requireServerOptions, tellFindings } from "./with-server.ts";

export const command = defineCommand({
  positionals: {
    selector: { type: "string", describe: "As it was given to drain or force" },
  },
  options: {
    all: { type: "boolean", describe: "Every entry of the file" },
    expired: { type: "boolean", describe: "Entries that have ended by themselves" },
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [
    ["clear eu", "Probes decide over the pool eu again"],
    ["clear --expired", "Tidy the file up"],
  ],
  async run(given, terminal) {
    const ways = [given.selector !== undefined, given.all === true, given.expired === true];
    if (ways.filter(Boolean).length !== 1) throw new UsageError("Give a selector, --all or --expired");
    const match = given.selector === undefined ? null : selectorArgument(given.selector);
    const server = requireServerOptions(given.config, terminal);
    if (server === null) return EXIT_FINDINGS;
    const nowMs = Date.now();
    const edited = await editOverrides(server.overrides, {
      removes: (entry) =>
        match === null ? given.all === true || !isCurrent(entry, nowMs) : isAbout(entry, match),
    });
    if ("findings" in edited) {
      if (given.json === true) terminal.out(JSON.stringify({ ok: false, findings: edited.findings }));
      else tellFindings(edited.findings, terminal);
      return EXIT_FINDINGS;
    }
    const removed = [...new Set(edited.removed.map(({ match: was }) => formatMatch(was)))];
    const unreached = removed.length === 0 ? "" : await tellServer(server.control.socket, server.overrides);
    const isFound = removed.length > 0 || match === null;
    if (given.json === true)
      terminal.out(JSON.stringify({ ok: isFound, removed, inForce: unreached === "" }));
    else if (isFound) {
      terminal.out(removed.length === 0 ? "There is nothing to clear." : `Cleared: ${listed(removed)}.`);
      if (unreached !== "") terminal.out(`It does not hold yet: ${unreached}.`);
    } else terminal.err(notFound(match, edited.loaded.entries ?? [], edited.loaded.file));
    return isFound ? EXIT_OK : EXIT_FINDINGS;
  },
});

function isAbout(entry: OverrideInput, match: OverrideMatch): boolean {
  return formatMatch(entry.match) === formatMatch(match);
}

/** Empty: the server has read the file. */
async function tellServer(path: string, file: string): Promise<string> {
  try {
    const client = await connectControl(path);
    try {
      const { findings, unreached } = await takeOver(client, file);
      return unreached === "" ? findings.map(formatFinding).join("; ") : unreached;
    } finally {
      client.close();
    }
  } catch (error) {
    if (error instanceof Unreachable) return error.message;
    throw error;
  }
}

function notFound(match: OverrideMatch, entries: readonly OverrideInput[], file: string): string {
  const known = entries.map((entry) => formatMatch(entry.match));
  const held =
    known.length === 0
      ? "it has none"
      : `it has ${plural(known.length, "entry", "entries")}: ${listed(known)}`;
  return `steerd: ${file} has no entry for ${formatMatch(match)}; ${held}`;
}
