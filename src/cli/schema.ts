import * as z from "zod";
import { serverSchema } from "../config/schema-server.ts";
import { zoneSchema } from "../config/schema-zone.ts";
import { defineCommand, EXIT_OK } from "./command.ts";

const SCHEMAS = { server: serverSchema, zone: zoneSchema };

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
    const schema = z.toJSONSchema(SCHEMAS[given.file], { io: "input", unrepresentable: "any" });
    terminal.out(JSON.stringify(schema, null, 2));
    return EXIT_OK;
  },
});
