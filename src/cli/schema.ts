import { jsonSchema } from "../config/json-schema.ts";
import { defineCommand, EXIT_OK } from "./command.ts";

export const command = defineCommand({
  positionals: {
    file: {
      choices: ["server", "zone"],
      default: "zone",
      describe: "server: steerd.yaml; zone: zones/<origin>.yaml",
    },
  },
  options: {},
  examples: [
    ["schema zone > zone.schema.json", "For an editor: # yaml-language-server: $schema=zone.schema.json"],
    ["schema server", "The schema of steerd.yaml"],
  ],
  async run(given, terminal) {
    terminal.out(JSON.stringify(jsonSchema(given.file), null, 2));
    return EXIT_OK;
  },
});
