import { defineCommand, EXIT_OK } from "./command.ts";
import { withServer } from "./with-server.ts";

export const command = defineCommand({
  positionals: {},
  options: { json: { type: "boolean", describe: "For machines: one JSON object" } },
  examples: [["thaw", "What failed while states were kept is withdrawn now"]],
  async run(given, terminal) {
    return await withServer(given.config, terminal, async (client) => {
      const { frozen } = await client.ask<{ frozen: boolean }>("thaw");
      if (given.json === true) terminal.out(JSON.stringify({ ok: true, frozen }));
      else terminal.out(frozen ? "States follow the probes again." : "Nothing is frozen.");
      return EXIT_OK;
    });
  },
});
