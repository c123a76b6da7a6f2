import { writeSync } from "node:fs";
import pino, { type DestinationStream } from "pino";
import type { Log, LogLevel } from "./messages.ts";
import { printableLine, printableValue } from "./printable.ts";

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
  const destination = options.destination ?? createOutput((octets) => writeSync(1, octets));
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

/** A pipe whose reader is slow is tried this often, and in between waited for this long. */
const MAX_TRIES = 10;
const PAUSE_MS = 10;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Lines for a descriptor, written before the call returns. A full disk, and a reader that is stuck or gone, cost lines
 * and nothing else: pino's own destination ends the process on the first, and waits for ever on the second.
 *
 * @param write - writes octets and returns how many; throws when it cannot.
 */
export function createOutput(write: (octets: Uint8Array) => number): DestinationStream {
  let isCut = false;
  return {
    write: (line) => {
      let octets: Uint8Array = Buffer.from(isCut ? `\n${line}` : line);
      const whole = octets.length;
      for (let tries = 0; octets.length > 0 && tries < MAX_TRIES; ) {
        try {
          octets = octets.subarray(write(octets));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EAGAIN") break;
          tries++;
          Atomics.wait(pause, 0, 0, PAUSE_MS);
        }
      }
      isCut = octets.length > 0 && (isCut || octets.length < whole);
    },
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
  return {
    write: (line) => {
      const { msg, ...facts } = JSON.parse(line) as { msg?: string };
      const shown = { ...(printableValue(facts) as object), msg: printableLine(msg ?? "") };
      destination.write(format(shown));
    },
  };
}
