import { runServer } from "../serve/run-server.ts";
import { defineCommand } from "./command.ts";
import { LOG_LEVELS, type ServeGiven } from "./plain-serve.ts";
import type { Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    "log-level": {
      choices: LOG_LEVELS,
      requiresArg: true,
      default: "info",
      describe: "Least level that is logged; JSON lines, or lines for people on a terminal",
    },
  },
  examples: [
    ["serve", "With ./steerd.yaml, or the defaults and ./zones"],
    ["serve --config /etc/steerd/steerd.yaml", "With another file; kill -HUP reads it again"],
  ],
  async run(given, terminal) {
    return await runServe(given as ServeGiven, terminal);
  },
});

export async function runServe(given: ServeGiven, terminal: Terminal): Promise<number> {
  return await runServer({
    configPath: given.config ?? null,
    logLevel: given["log-level"],
    printError: (line) => terminal.err(line),
  });
}
