import { createConfigCache } from "../config/cache.ts";
import { type CompiledConfig, compileConfig, hasErrors, type RejectedConfig } from "../config/compile.ts";
import type { KnownNames } from "../config/known-names.ts";
import { loadConfig } from "../config/load.ts";
import { createRowRegistry } from "../config/rows.ts";
import { type LookUp, lookUp } from "../control/look-up.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { countFindings, findingLines } from "./finding-lines.ts";
import type { Terminal } from "./terminal.ts";

/** Everything that the files say, compiled as the server would; or the findings that forbid it. */
export function compileFiles(
  configPath: string | undefined,
  known: KnownNames = new Map(),
): CompiledConfig | RejectedConfig {
  const loaded = loadConfig({ configFile: configPath ?? null, cache: createConfigCache() });
  const rows = createRowRegistry(allocateHealthRows(), 0);
  return compileConfig(loaded, { rows, previous: null, generation: 1, known });
}

/** Lookups under way at the same time. */
const MAX_LOOKUPS = 16;

/** As compileFiles; `isResolved`: the names of `resolve` endpoints are looked up once. */
export async function compileFor(
  configPath: string | undefined,
  isResolved: boolean,
  look: LookUp = lookUp,
): Promise<CompiledConfig | RejectedConfig> {
  const compiled = compileFiles(configPath);
  if (!isResolved || !("snapshot" in compiled) || compiled.wanted.length === 0) return compiled;
  const known = new Map<string, readonly string[]>();
  const { wanted, server } = compiled;
  for (let at = 0; at < wanted.length; at += MAX_LOOKUPS) {
    const found = wanted.slice(at, at + MAX_LOOKUPS).map(async ({ name }) => {
      const { ipv4, ipv6 } = await look(name, server.resolvers);
      known.set(
        name,
        [ipv4, ipv6].flatMap((family) => (Array.isArray(family) ? family : [])),
      );
    });
    await Promise.all(found);
  }
  return compileFiles(configPath, known);
}

/** What an answer lacks that was made without looking names up; null: nothing. */
export function unresolvedSentence(compiled: CompiledConfig, isResolved: boolean): string | null {
  const names = compiled.wanted.map(({ name }) => name);
  if (isResolved || names.length === 0) return null;
  const listed =
    names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  return `Not looked up, and without addresses here: ${listed}. --resolve looks them up.`;
}

/** As compileFiles, for commands that need a configuration: null, with every error told, when it has one. */
export function requireConfiguration(
  configPath: string | undefined,
  terminal: Terminal,
): CompiledConfig | null {
  return orTell(compileFiles(configPath), terminal);
}

/** The configuration; null, with every error told, when there is none. */
export function orTell(compiled: CompiledConfig | RejectedConfig, terminal: Terminal): CompiledConfig | null {
  if ("snapshot" in compiled) return compiled;
  const errors = compiled.findings.filter((finding) => hasErrors([finding]));
  for (const line of findingLines(errors, terminal)) terminal.err(line);
  terminal.err(countFindings(errors));
  return null;
}
