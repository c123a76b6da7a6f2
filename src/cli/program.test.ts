import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runCommandLine(args, terminal);
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}

const version = (JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version;

describe("what goes to standard output, with exit code 0", () => {
  test("--help lists every command, the exit codes and where errors are explained", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const name of ["serve", "check", "query", "explain", "schema", "demo", "version", "completion"]) {
      expect(stdout).toMatch(new RegExp(`^ +steerd ${name}\\b`, "m"));
    }
    expect(stdout).toContain("Exit codes: 0 done; 1 findings");
    expect(stdout).toContain("docs/errors.md");
  });

  test.each(["serve", "check", "query", "explain", "schema", "demo", "version"])(
    "%s --help has its options and an example",
    async (name) => {
      const { code, stdout } = await run(name, "--help");
      expect(code).toBe(0);
      expect(stdout).toContain(`steerd ${name}`);
      expect(stdout).toContain("--config");
      expect(stdout).toMatch(new RegExp(`Examples:\\n +steerd ${name}`));
    },
  );

  test.each([
    [["-h"], ["--help"]],
    [["help"], ["--help"]],
    [
      ["help", "check"],
      ["check", "--help"],
    ],
    [
      ["check", "-h"],
      ["check", "--help"],
    ],
  ])("%s is %s", async (short, long) => {
    const asked = await run(...short);
    expect(asked).toEqual(await run(...long));
    expect(asked.code).toBe(0);
  });

  test.each([["version"], ["--version"]])("%s", async (word) => {
    const { code, stdout } = await run(word);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^steerd ${version.replaceAll(".", "\\.")} \\(Node \\d+`));
  });

  test("version --json", async () => {
    expect(JSON.parse((await run("version", "--json")).stdout)).toMatchObject({
      version,
      node: process.versions.node,
    });
  });

  test("completion prints a script, and the script's question is answered", async () => {
    expect((await run("completion")).stdout).toContain("complete -o default -F _steerd steerd\n");
    expect((await run("completion", "zsh")).stdout).toContain("compdef _steerd steerd\n");
    expect((await run("--get-yargs-completions", "steerd", "")).stdout).toContain("explain");
    expect((await run("--get-yargs-completions", "steerd", "query", "--")).stdout).toContain("--subnet");
  });
});

describe("what cannot be understood goes to standard error, with exit code 2", () => {
  test.each<[string, string[], string]>([
    ["no command", [], "Give a command\nTry: steerd --help\n"],
    ["a misspelt command", ["sevre"], '"sevre" is not a command: did you mean serve?\nTry: steerd --help\n'],
    ["a command unlike any", ["frobnicate"], '"frobnicate" is not a command: expected one of serve, check'],
    [
      "the value of --config is no command",
      ["--config", "x.yaml", "chek"],
      '"chek" is not a command: did you mean check?',
    ],
    [
      "a misspelt option",
      ["query", "a.example", "--sever", "::1"],
      "--sever is not an option: did you mean --server?\nTry: steerd query --help\n",
    ],
    [
      "an option unlike any",
      ["version", "--zzzzzz"],
      "--zzzzzz is not an option: expected one of --config, --help, --json",
    ],
    [
      "a misspelt global option",
      ["version", "--confg=x"],
      "--confg is not an option: did you mean --config?",
    ],
    ["an option of another command", ["version", "--subnet", "x"], "--subnet is not an option"],
    ["a word too many", ["query", "a.example", "A", "B"], '"B" is one word too many'],
    ["no name", ["query"], "A name is missing\nTry: steerd query --help\n"],
    ["an option without its value", ["query", "a.example", "--server"], "--server needs a value"],
    [
      "an option given twice",
      ["query", "a", "--server", "::1", "--server", "::2"],
      "--server is given more than once",
    ],
    ["a name that is none", ["query", "a..b"], '"a..b" has an empty label: expected one dot between labels'],
    ["a type that is none", ["query", "a", "AAAAA"], '"AAAAA" is not a record type: did you mean AAAA?'],
    [
      "a type unlike any",
      ["query", "a", "TYPE65536"],
      '"TYPE65536" is not a record type: expected a name as AAAA',
    ],
    [
      "a server that is none",
      ["query", "a", "--server", "localhost"],
      '--server: "localhost" is not a server',
    ],
    [
      "a subnet that is none",
      ["query", "a", "--subnet", "10.0.0.0/33"],
      '--subnet: "10.0.0.0/33" is not an address',
    ],
  ])("%s", async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});
