import { readFileSync } from "node:fs";
import { defineCommand, EXIT_OK } from "./command.ts";

/** The version of the package that this file belongs to. */
export function packageVersion(): string {
  const path = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

export const command = defineCommand({
  positionals: {},
  options: {
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [["version --json", "Version, Node version and platform as JSON"]],
  async run(given, terminal) {
    const runtime = { node: process.versions.node, platform: `${process.platform}-${process.arch}` };
    if (given.json === true) terminal.out(JSON.stringify({ version: packageVersion(), ...runtime }));
    else terminal.out(`steerd ${packageVersion()} (Node ${runtime.node}, ${runtime.platform})`);
    return EXIT_OK;
  },
});
