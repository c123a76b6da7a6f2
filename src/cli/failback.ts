import { defineCommand, EXIT_OK } from "./command.ts";
import { withServer } from "./with-server.ts";

export const command = defineCommand({
  positionals: {
    name: { type: "string", describe: "A record, a policy, or what findings and the log call it" },
  },
  options: { json: { type: "boolean", describe: "For machines: one JSON object" } },
  examples: [["failback www.gslb.example", "The failover of this record tries its entries in order again"]],
  async run(given, terminal) {
    return await withServer(given.config, terminal, async (client) => {
      const released = await client.ask<Released>("failback", { name: given.name });
      const { zone, policy, current, first } = released;
      const isHeld = current !== first;
      if (given.json === true) terminal.out(JSON.stringify({ ok: true, ...released, released: isHeld }));
      else if (!isHeld) terminal.out(`${zone}/${policy} is at ${first}: nothing holds it elsewhere`);
      else terminal.out(`${zone}/${policy} is released from ${current}: the first entry that is up is next`);
      return EXIT_OK;
    });
  },
});

interface Released {
  zone: string;
  policy: string;
  current: string;
  first: string;
}
