import type { LogLevel } from "../serve/messages.ts";

/** What `serve` is given. */
export interface ServeGiven {
  config?: string;
  "log-level": LogLevel;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const satisfies LogLevel[];

/**
 * Reads the command lines that services have, `serve [--config PATH] [--log-level LEVEL]`, as yargs would: loading that
 * takes longer than everything else before the first worker starts. Null: it is another one, or a wrong one.
 */
export function readPlainServe([command, ...args]: string[]): ServeGiven | null {
  if (command !== "serve") return null;
  let config: string | null = null;
  let level: LogLevel | null = null;
  for (let at = 0; at < args.length; at += 2) {
    const value = args[at + 1];
    if (value === undefined || value === "" || value.startsWith("-")) return null;
    if (args[at] === "--config" && config === null) config = value;
    else if (args[at] === "--log-level" && level === null && isLevel(value)) level = value;
    else return null;
  }
  return { ...(config !== null && { config }), "log-level": level ?? "info" };
}

function isLevel(word: string): word is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(word);
}
