// Compiles bench/ with the sources that it measures into dist-bench/, as modules and in one file.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { withConstantFunctions } from "./constant-functions.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Semi-spaces of 64 MB keep collections out of the windows in which allocation is measured.
export const MEMORY_FLAGS = ["--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64"];
// Those of src/serve/optimizer.ts.
export const INLINING_FLAGS = [
  "--max-inlined-bytecode-size-cumulative=5000",
  "--max-inlined-bytecode-size=550",
];

/** Path of the compiled benchmark `name`; ends the process where there is none or it does not compile. */
export function compileBench(name) {
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
  return path;
}

/**
 * Writes a compiled benchmark and all that it imports into one file, as scripts/build.mjs does with data workers.
 * `constant`: with constants for functions.
 */
export async function bundleBench(path, constant = true) {
  const inOneFile = path.replace(/\.js$/, constant ? ".bundle.js" : ".functions.js");
  const bundle = await rolldown({ input: path, platform: "node", external: ["koffi"] });
  await bundle.write({ file: inOneFile, format: "esm" });
  if (constant) writeFileSync(inOneFile, withConstantFunctions(readFileSync(inOneFile, "utf8")));
  return inOneFile;
}
