// Compiles bench/ with the sources that it measures into dist-bench/, and runs one of them:
//   node scripts/bench.mjs micro/answer [--write]
import { spawnSync } from "node:child_process";
import { bundleBench, compileBench, INLINING_FLAGS, MEMORY_FLAGS, root } from "./bench-build.mjs";

const [name, ...args] = process.argv.slice(2);
// What is measured runs from one file, as the data workers do.
const path = await bundleBench(compileBench(name));
const { status } = spawnSync(process.execPath, [...MEMORY_FLAGS, ...INLINING_FLAGS, path, ...args], {
  stdio: "inherit",
  cwd: root,
});
process.exit(status ?? 1);
