import { runCommandLine } from "./cli/program.ts";
import { processTerminal } from "./cli/terminal.ts";

// `steerd explain ... | head` closes the pipe early: that is the reader's right, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

process.exit(await runCommandLine(process.argv.slice(2), processTerminal()));
