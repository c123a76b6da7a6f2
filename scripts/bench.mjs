// Compiles bench/ with the sources that it measures into dist-bench/, and runs one of them:
//   node scripts/bench.mjs micro/answer [--write]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

// Semi-spaces of 64 MB keep collections out of the windows in which allocation is measured.
const FLAGS = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];
// Those of src/serve/optimizer.ts.
FLAGS.push("--max-inlined-bytecode-size-cumulative=4000", "--max-inlined-bytecode-size=1000");

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.bench.json")], {
  stdio: "inherit",
});
const path = join(root, "dist-bench", "bench", `${name}.js`);
if (!existsSync(path)) {
  console.error(`bench/${name}.ts does not exist or does not compile`);
  process.exit(2);
}
if (compiled.status !== 0) process.exit(1);
// What is measured runs from one file, as the data workers do: see scripts/build.mjs.
const inOneFile = path.replace(/\.js$/, ".bundle.js");
const bundle = await rolldown({ input: path, platform: "node" });
await bundle.write({ file: inOneFile, format: "esm" });
process.exit(
  spawnSync(process.execPath, [...FLAGS, inOneFile, ...args], { stdio: "inherit", cwd: root }).status ?? 1,
);
