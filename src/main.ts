import { readPlainServe } from "./cli/plain-serve.ts";
import { runServe } from "./cli/serve.ts";
import { letGoOfTerminals, processTerminal } from "./cli/terminal.ts";

// `steerd explain ... | head` closes the pipe early: that is the reader's right, not a failure. What a terminal that has hung
// up means is for SIGHUP to say.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EIO" || !process.stdout.isTTY) end(error.code === "EPIPE" ? 0 : 1);
});
// What nobody can be told of any more is no reason to end otherwise.
process.stderr.on("error", () => undefined);

end(await run(process.argv.slice(2)));

async function run(args: string[]): Promise<number> {
  const given = readPlainServe(args);
  if (given !== null) return await runServe(given, processTerminal());
  return await (await import("./cli/program.ts")).runCommandLine(args, processTerminal());
}

function end(code: number): never {
  letGoOfTerminals();
  process.exit(code);
}
