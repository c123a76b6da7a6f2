import { jsonSchema } from "../config/json-schema.ts";
import { defineCommand, EXIT_OK } from "./command.ts";

export const command = defineCommand({
  positionals: {
    file: {
      choices: ["server", "zone", "include", "overrides", "explain"],
      default: "zone",
      describe:
        "server: steerd.yaml; zone: zones/<origin>.yaml; include: zones/include/<name>.yaml; overrides: overrides.yaml; explain: what explain --json prints",
    },
  },
  options: {},
  examples: [
    ["schema zone > zone.schema.json", "For an editor: # yaml-language-server: $schema=zone.schema.json"],
    ["schema server", "The schema of steerd.yaml"],
    ["schema explain", "The schema of what explain --json prints"],
  ],
  async run(given, terminal) {
    terminal.out(JSON.stringify(jsonSchema(given.file), null, 2));
    return EXIT_OK;
  },
});
