import { hasErrors } from "../config/compile.ts";
import type { Finding } from "../config/findings.ts";
import { type LoadedConfig, loadServer } from "../config/load.ts";
import { EXIT_FINDINGS } from "./command.ts";
import { type ControlClient, connectControl } from "./control-client.ts";
import { countFindings, findingLines } from "./finding-lines.ts";
import type { Terminal } from "./terminal.ts";

/** What steerd.yaml says, for commands that change something; null, with every error told, when it cannot be used. */
export function requireServerOptions(
  configPath: string | undefined,
  terminal: Terminal,
): LoadedConfig["server"] | null {
  const { server, findings } = loadServer(configPath ?? null);
  if (server === null) tellFindings(findings, terminal);
  return server;
}

/** Runs `work` with the server of this configuration; returns the exit code. Throws Unreachable and ServerRefusal. */
export async function withServer(
  configPath: string | undefined,
  terminal: Terminal,
  work: (client: ControlClient) => Promise<number>,
): Promise<number> {
  const { server, findings } = loadServer(configPath ?? null);
  if (server === null) {
    for (const line of findingLines(findings, terminal)) terminal.err(line);
    terminal.err(countFindings(findings));
    return EXIT_FINDINGS;
  }
  const client = await connectControl(server.control.socket);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Errors in columns, and how many there are. */
export function tellFindings(findings: Finding[], terminal: Terminal): void {
  for (const line of findingLines(findings, terminal)) terminal.err(line);
  if (hasErrors(findings)) terminal.err("Nothing was changed.");
}
