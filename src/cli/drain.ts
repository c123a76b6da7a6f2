import { durationMs } from "../config/schema-rows.ts";
import { defineCommand, EXIT_OK, EXIT_UNREACHED, UsageError } from "./command.ts";
import { waitForDrain } from "./drain-wait.ts";
import { entryOptions, saidOf, selectorArgument, tellWritten, writeEntry } from "./override-edit.ts";

export const command = defineCommand({
  positionals: {
    selector: {
      type: "string",
      describe: "region:R, pool:[ZONE/]POOL[/ENDPOINT], or POOL; * and ? stand for others",
    },
  },
  options: {
    ...entryOptions,
    wait: {
      type: "boolean",
      describe: "Wait until no resolver that honours TTLs has the addresses any more",
    },
    timeout: {
      type: "string",
      requiresArg: true,
      describe: "With --wait: give up after this long (exit code 4)",
    },
  },
  examples: [
    ['drain eu --wait --reason "kernel upgrade"', "Take a pool out, and wait until its clients have gone"],
    ["drain region:virginia --for 2h", "A whole region, which comes back by itself"],
    ["drain pool:eu/lb1", "One endpoint; steerd clear pool:eu/lb1 brings it back"],
  ],
  async run(given, terminal) {
    const match = selectorArgument(given.selector);
    const timeoutMs = given.timeout === undefined ? Number.POSITIVE_INFINITY : durationMs(given.timeout);
    if (Number.isNaN(timeoutMs))
      throw new UsageError(`--timeout is "${given.timeout}": expected a duration, as 2m`);
    if (given.timeout !== undefined && given.wait !== true)
      throw new UsageError("--timeout goes with --wait");
    const written = await writeEntry(given, saidOf(match, given, { state: "drain" }), terminal);
    if (typeof written === "number") return written;
    const { client, unreached } = written;
    try {
      const isQuiet = given.wait === true && given.json === true && client !== null;
      const silent = { ...terminal, out: () => undefined };
      const code = await tellWritten(written, given, isQuiet ? silent : terminal);
      if (code !== EXIT_OK || given.wait !== true) return code;
      if (client === null) {
        terminal.err(`steerd: nobody to wait for: ${unreached}`);
        return EXIT_UNREACHED;
      }
      return await waitForDrain(client, match, { timeoutMs, isJson: given.json === true }, terminal);
    } finally {
      client?.close();
    }
  },
});
