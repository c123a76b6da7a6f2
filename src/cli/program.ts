import yargs, { type Argv, type Options } from "yargs";
import { suggest } from "../zone/suggest.ts";
import {
  type Command,
  EXIT_FINDINGS,
  EXIT_OK,
  EXIT_UNREACHED,
  EXIT_USAGE,
  globalOptions,
  ServerRefusal,
  Unreachable,
  UsageError,
} from "./command.ts";
import type { Terminal } from "./terminal.ts";

interface Listed {
  positionals: string;
  describe: string;
  /** Imports the command's file: only that of the command that is meant is ever read. */
  load(): Promise<Command>;
}

const COMMANDS: Record<string, Listed> = {
  serve: {
    positionals: "",
    describe: "Answer DNS queries",
    load: async () => (await import("./serve.ts")).command,
  },
  check: {
    positionals: "",
    describe: "Check the configuration and every zone; changes nothing",
    load: async () => (await import("./check.ts")).command,
  },
  query: {
    positionals: "<name> [type]",
    describe: "Ask a DNS server, as dig does",
    load: async () => (await import("./query.ts")).command,
  },
  explain: {
    positionals: "<name> [type]",
    describe: "Say what a client would be answered, and why; with the running server's health, if one runs",
    load: async () => (await import("./explain.ts")).command,
  },
  status: {
    positionals: "[selector]",
    describe: "Show the pools and endpoints of the running server",
    load: async () => (await import("./status.ts")).command,
  },
  events: {
    positionals: "",
    describe: "Show what has happened to endpoints and pools",
    load: async () => (await import("./events.ts")).command,
  },
  drain: {
    positionals: "<selector>",
    describe: "Give an endpoint, pool or region to nobody any more",
    load: async () => (await import("./drain.ts")).command,
  },
  force: {
    positionals: "<selector> [state]",
    describe: "Say that an endpoint, pool or region is up or down, whatever its probes say",
    load: async () => (await import("./force.ts")).command,
  },
  clear: {
    positionals: "[selector]",
    describe: "Take back what drain or force said",
    load: async () => (await import("./clear.ts")).command,
  },
  failback: {
    positionals: "<name>",
    describe: "Let a failover with a latch go back to its first entry",
    load: async () => (await import("./failback.ts")).command,
  },
  thaw: {
    positionals: "",
    describe: "End a freeze: let states follow the probes again",
    load: async () => (await import("./thaw.ts")).command,
  },
  latency: {
    positionals: "<action> <log..>",
    describe: "Make a latency table out of logs of round trips",
    load: async () => (await import("./latency.ts")).command,
  },
  probe: {
    positionals: "<check> <target>",
    describe: "Run a health check once, and show each phase",
    load: async () => (await import("./probe.ts")).command,
  },
  schema: {
    positionals: "[file]",
    describe: "Print the JSON Schema of a file, for editors",
    load: async () => (await import("./schema.ts")).command,
  },
  demo: {
    positionals: "",
    describe: "Serve the example zones, with a local origin for every region",
    load: async () => (await import("./demo.ts")).command,
  },
  completion: {
    positionals: "[shell]",
    describe: "Print a completion script",
    load: async () => (await import("./completion.ts")).command,
  },
  version: {
    positionals: "",
    describe: "Print the version",
    load: async () => (await import("./version.ts")).command,
  },
};

const EPILOGUE = [
  "Exit codes: 0 done; 1 findings: errors in files, no reply, a server that could not start; 2 usage;",
  "3 no server listens on the control socket, or this user may not ask it; 4 --timeout has passed.",
  "Every error code is explained in docs/errors.md.",
].join("\n");

/** Asked by completion scripts: prints candidates instead of running anything. */
const COMPLETION_FLAG = "--get-yargs-completions";

/** Runs one command line (without node and script) and returns its exit code. */
export async function runCommandLine(given: string[], terminal: Terminal): Promise<number> {
  const args = withHelp(given);
  const word = firstWord(args);
  try {
    if (args.length === 1 && args[0] === "--version") return await runCommandLine(["version"], terminal);
    if (word === undefined && !args.includes("--help")) throw new UsageError("Give a command");
    const commands = await loadMeant(args);
    if (word !== undefined && !args.includes(COMPLETION_FLAG)) rejectUnknownCommand(word);
    return await parseAndRun(args, commands, terminal);
  } catch (error) {
    if (error instanceof ServerRefusal || error instanceof Unreachable) {
      terminal.err(`steerd: ${error.message}`);
      return error instanceof ServerRefusal ? EXIT_FINDINGS : EXIT_UNREACHED;
    }
    if (!(error instanceof UsageError)) throw error;
    terminal.err(error.message);
    const named = word !== undefined && word in COMMANDS ? `${word} ` : "";
    terminal.err(`Try: steerd ${named}--help`);
    return EXIT_USAGE;
  }
}

/** `-h` and `help [command]` are what people try first: both are `--help`. */
function withHelp(args: string[]): string[] {
  if (args.includes(COMPLETION_FLAG)) return args;
  const [first, ...rest] = args;
  if (first === "help") return [...rest, "--help"];
  return args.map((arg) => (arg === "-h" ? "--help" : arg));
}

async function loadMeant(args: string[]): Promise<Map<string, Command>> {
  const meant = new Map<string, Command>();
  for (const [name, listed] of Object.entries(COMMANDS)) {
    if (args.includes(name)) meant.set(name, await listed.load());
  }
  return meant;
}

async function parseAndRun(args: string[], commands: Map<string, Command>, terminal: Terminal) {
  let code = EXIT_OK;
  let printed = "";
  const parser = createParser(args, commands, terminal);
  for (const [name, listed] of Object.entries(COMMANDS)) {
    const command = commands.get(name);
    const words = `${name} ${listed.positionals}`.trimEnd();
    if (command === undefined) parser.command(words, listed.describe);
    else
      parser.command(
        words,
        listed.describe,
        (sub) => describeCommand(sub, command),
        async (given) => {
          rejectRepeated(given, command.options);
          code = await command.run(given as never, terminal);
        },
      );
  }
  try {
    await parser.parseAsync(args, {}, (_error: unknown, _given: unknown, output: string) => {
      printed += output;
    });
  } catch (error) {
    if (error instanceof YargsFailure) throw new UsageError(explainFailure(error.message, args, commands));
    throw error;
  }
  if (printed !== "") terminal.out(printed.trimEnd());
  return code;
}

/** What yargs itself found wrong with the command line. */
class YargsFailure extends Error {}

function createParser(args: string[], commands: Map<string, Command>, terminal: Terminal): Argv {
  return (
    yargs(args)
      .scriptName("steerd")
      .usage(
        commands.size === 0
          ? "steerd COMMAND [options]\n\nAuthoritative DNS that steers traffic between regions"
          : "",
      )
      .exitProcess(false)
      .version(false)
      .strict()
      .parserConfiguration({
        "greedy-arrays": false,
        "parse-positional-numbers": false,
        "boolean-negation": false,
      })
      .wrap(terminal.columns)
      .options(globalOptions)
      // Answers COMPLETION_FLAG. Its own command, which prints a script with another name in it, is hidden.
      .completion("yargs-completion", false)
      .epilogue(EPILOGUE)
      .fail((message, error) => {
        // Errors of commands come without a message of yargs, its own with an error named YError, or without one.
        throw error === undefined || error.name === "YError"
          ? new YargsFailure(message ?? error.message)
          : error;
      })
  );
}

function describeCommand(parser: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals)) parser.positional(name, positional);
  for (const [line, effect] of command.examples) parser.example(`$0 ${line}`, effect);
  return parser.options(command.options).epilogue(EPILOGUE);
}

/** The first argument that is neither an option nor an option's value. */
function firstWord(args: string[]): string | undefined {
  return args.find((arg, i) => !arg.startsWith("-") && args[i - 1] !== "--config");
}

function rejectUnknownCommand(word: string): void {
  const known = Object.keys(COMMANDS);
  if (known.includes(word)) return;
  const near = suggest(word, known);
  const hint = near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(`"${word}" is not a command: ${hint}`);
}

/** yargs turns an option that was given twice into a list; only options that are lists may be. */
function rejectRepeated(given: Record<string, unknown>, options: Record<string, Options>): void {
  for (const [name, option] of Object.entries<Options>({ ...globalOptions, ...options })) {
    if (Array.isArray(given[name]) && option.array !== true) {
      throw new UsageError(`--${name} is given more than once`);
    }
  }
}

/** What yargs says, in our words: with the option's dashes, and a suggestion where one is near. */
function explainFailure(message: string, args: string[], commands: Map<string, Command>): string {
  const unknown = /^Unknown arguments?: (.*)$/.exec(message);
  if (unknown !== null) {
    const options = [...commands.values()].flatMap((command) => Object.keys(command.options));
    return unknown[1]!
      .split(", ")
      .map((word) => explainUnknown(word, args, [...Object.keys(globalOptions), "help", ...options]))
      .join("\n");
  }
  if (message.startsWith("Not enough non-option arguments")) return "A name is missing";
  const valueless = /^Not enough arguments following: (.*)$/.exec(message);
  return valueless === null ? message : `--${valueless[1]} needs a value`;
}

function explainUnknown(word: string, args: string[], options: string[]): string {
  if (!args.some((arg) => arg.startsWith("-") && arg.replace(/^-+/, "").split("=")[0] === word)) {
    return `"${word}" is one word too many`;
  }
  const near = suggest(word, options);
  return `--${word} is not an option: ${near === undefined ? `expected one of ${options.map((name) => `--${name}`).join(", ")}` : `did you mean --${near}?`}`;
}
