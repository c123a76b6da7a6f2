import { createConfigCache } from "../config/cache.ts";
import { type CompiledConfig, compileConfig, hasErrors, type RejectedConfig } from "../config/compile.ts";
import { loadConfig } from "../config/load.ts";
import { createRowRegistry } from "../config/rows.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { countFindings, findingLines } from "./finding-lines.ts";
import type { Terminal } from "./terminal.ts";

/** Everything that the files say, compiled as the server would; or the findings that forbid it. */
export function compileFiles(configPath: string | undefined): CompiledConfig | RejectedConfig {
  const loaded = loadConfig({ configFile: configPath ?? null, cache: createConfigCache() });
  const rows = createRowRegistry(allocateHealthRows(), 0);
  return compileConfig(loaded, { rows, previous: null, generation: 1 });
}

/** As compileFiles, for commands that need a configuration: null, with every error told, when it has one. */
export function requireConfiguration(
  configPath: string | undefined,
  terminal: Terminal,
): CompiledConfig | null {
  const compiled = compileFiles(configPath);
  if ("snapshot" in compiled) return compiled;
  const errors = compiled.findings.filter((finding) => hasErrors([finding]));
  for (const line of findingLines(errors, terminal)) terminal.err(line);
  terminal.err(countFindings(errors));
  return null;
}
