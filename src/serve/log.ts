import pino, { type DestinationStream } from "pino";
import type { Log, LogLevel } from "./messages.ts";

export interface LogOptions {
  /** Lines for people instead of JSON. */
  pretty: boolean;
  /** Least level that is written. */
  level: LogLevel;
  /** Where lines go; absent: standard output, written before the call returns. */
  destination?: DestinationStream;
}

/** The log of the process. Only the main thread has one; workers post their lines to it. */
export async function createLog(options: LogOptions): Promise<Log> {
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true });
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.pretty ? await prettyStream(destination) : destination,
  );
  return (level, message, fields) => {
    if (fields === undefined) logger[level](message);
    else logger[level](fields, message);
  };
}

/** Facts of a health transition that its sentence names already. */
const SAID_IN_WORDS = "event,pool,endpoint,address,from,to,reason,durationMs,up,usable";

/** Imported only where a person looks. Written before the call returns, so that the last lines before an exit are not lost. */
async function prettyStream(destination: DestinationStream): Promise<DestinationStream> {
  const { prettyFactory } = await import("pino-pretty");
  const format = prettyFactory({
    colorize: process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    ignore: SAID_IN_WORDS,
  });
  return { write: (line) => destination.write(format(line)) };
}
