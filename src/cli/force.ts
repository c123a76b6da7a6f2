import { defineCommand, UsageError } from "./command.ts";
import { entryOptions, saidOf, selectorArgument, tellWritten, writeEntry } from "./override-edit.ts";

export const command = defineCommand({
  positionals: {
    selector: {
      type: "string",
      describe: "region:R, pool:[ZONE/]POOL[/ENDPOINT], or POOL; * and ? stand for others",
    },
    state: {
      choices: ["up", "down"],
      describe: "up or down; absent: probes decide, and --weight is what is said",
    },
  },
  options: {
    ...entryOptions,
    weight: {
      type: "string",
      requiresArg: true,
      describe: "Part of its configured weight that is left, as 25%",
    },
  },
  examples: [
    ["force pool:eu/lb1 down", "Never answered, and its pool counts it as down"],
    ['force eu up --for 30m --reason "probes are blocked"', "Whatever the probes say"],
    ["force pool:eu/lb2 --weight 10%", "A tenth of its weight, as long as its probes succeed"],
  ],
  async run(given, terminal) {
    const match = selectorArgument(given.selector);
    const state = given.state as "up" | "down" | undefined;
    const weight = weightOption(given.weight);
    if (state === undefined && weight === undefined) throw new UsageError("Give up, down, or --weight");
    if (state === "down" && weight !== undefined) throw new UsageError("--weight goes with up, or alone");
    const said = { ...(state && { state }), ...(weight === undefined ? {} : { weight }) };
    const written = await writeEntry(given, saidOf(match, given, said), terminal);
    if (typeof written === "number") return written;
    try {
      return await tellWritten(written, given, terminal);
    } finally {
      written.client?.close();
    }
  },
});

function weightOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = /^\d{1,3}(?:\.\d{1,2})?%$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (percent <= 100) return percent / 100;
  throw new UsageError(`--weight is "${text}": expected a percentage from 0% to 100%, as 25%`);
}
