import type { ControlEvent } from "../serve/messages.ts";
import { defineCommand, EXIT_OK, EXIT_UNREACHED, UsageError } from "./command.ts";
import { paint, type Terminal } from "./terminal.ts";
import { withServer } from "./with-server.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    follow: { type: "boolean", alias: "f", describe: "Go on with what happens from now on" },
    last: { type: "number", requiresArg: true, default: 20, describe: "How many of those that have been" },
    json: { type: "boolean", describe: "For machines: one JSON object a line" },
  },
  examples: [
    ["events", "The last 20"],
    ["events --follow --last 0", "Only what happens from now on; Ctrl-C ends it"],
  ],
  async run(given, terminal) {
    const last = given.last ?? 0;
    if (!Number.isInteger(last) || last < 0 || last > 1000) throw new UsageError("--last takes 0 to 1000");
    const show = (event: ControlEvent): void =>
      terminal.out(given.json === true ? JSON.stringify(event) : eventLine(event, terminal));
    return await withServer(given.config, terminal, async (client) => {
      const follow = given.follow === true;
      // Whatever comes between the reply and the first line of the stream is of the stream.
      const stream = follow ? client.follow(show) : null;
      // Where the first reply fails, that is what is told.
      stream?.catch(() => undefined);
      const { events } = await client.ask<{ events: ControlEvent[] }>("events", { last, follow });
      for (const event of events) show(event);
      if (events.length === 0 && !follow && given.json !== true) terminal.out("Nothing has happened yet.");
      if (stream === null) return EXIT_OK;
      await stream;
      terminal.err("steerd: the server has gone");
      return EXIT_UNREACHED;
    });
  },
});

/** `12:31:07  warn  eu/lb1 192.0.2.1 is down: refused, after 3 h up`, in local time. */
function eventLine({ timeMs, level, message, fields }: ControlEvent, terminal: Terminal): string {
  const at = new Date(timeMs);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = `${isToday ? "" : `${at.toISOString().slice(0, 10)} `}${at.toTimeString().slice(0, 8)}`;
  const zone = typeof fields.zone === "string" && fields.zone !== "" ? `  (${fields.zone})` : "";
  const style = level === "error" ? "red" : level === "warn" ? "yellow" : "green";
  const late = fields.late === true ? ", told late" : "";
  return `${paint(terminal, "dim", time)}  ${paint(terminal, style, level.padEnd(5))}  ${message}${late}${zone}`;
}
