import { runServer } from "../serve/supervisor.ts";
import { defineCommand } from "./command.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    "log-level": {
      choices: ["debug", "info", "warn", "error"],
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
    return await runServer({
      configPath: given.config ?? null,
      logLevel: given["log-level"],
      printError: (line) => terminal.err(line),
    });
  },
});
