import type { InferredOptionType, InferredOptionTypes, Options, PositionalOptions } from "yargs";
import type { Terminal } from "./terminal.ts";

/** The command did what was asked. */
export const EXIT_OK = 0;
/** The command ran and what it found is not good: errors in files, no reply, a server that could not start. */
export const EXIT_FINDINGS = 1;
/** The command line itself cannot be understood; nothing was done. */
export const EXIT_USAGE = 2;

/** No server could be asked. */
export const EXIT_UNREACHED = 3;
/** What was waited for did not come in the time that was given. */
export const EXIT_TIMEOUT = 4;

/** Options that every command takes. */
export const globalOptions = {
  config: {
    type: "string",
    requiresArg: true,
    describe: "Server options; absent: the defaults, with the zones in ./zones",
    defaultDescription: "./steerd.yaml",
  },
} as const satisfies Record<string, Options>;

type OptionTable = Record<string, Options>;
type PositionalTable = Record<string, PositionalOptions>;

/** What a command is given: its arguments, its options and the global ones, as yargs read them. */
type Given<P extends PositionalTable, O extends OptionTable> = {
  [name in keyof P]: InferredOptionType<P[name]>;
} & InferredOptionTypes<O> &
  InferredOptionTypes<typeof globalOptions>;

/** One command: its arguments and options as data, and what it does. */
export interface Command<P extends PositionalTable = PositionalTable, O extends OptionTable = OptionTable> {
  /** Arguments after the command's name; which of them may be left out stands in the list of program.ts. */
  positionals: P;
  options: O;
  /** Pairs of a command line without `steerd` and what it shows. */
  examples: [line: string, effect: string][];
  /** Returns the exit code. Throws UsageError for arguments that cannot be understood. */
  run(given: Given<P, O>, terminal: Terminal): Promise<number>;
}

/** The command line is wrong: told with the command's usage, exit code 2. */
export class UsageError extends Error {}

/** No server can be asked; the message says why. Exit code 3. */
export class Unreachable extends Error {}

/** The server has answered that it will not; the message says why. Exit code 1. */
export class ServerRefusal extends Error {}

/** Lets `run` know the types of the tables. */
export function defineCommand<const P extends PositionalTable, const O extends OptionTable>(
  command: Command<P, O>,
): Command {
  return command as unknown as Command;
}
