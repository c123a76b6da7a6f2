// Compiles src/ into dist/, and each data worker with all that it imports into one file in dist/data-plane/. Files whose
// source is gone are removed first, so that dist/ never serves a module that no longer exists.
//
// One file, because V8 folds the constants of the module that it optimises, and loads and checks those of other modules
// each time (docs/decisions/0010-data-plane-in-one-file.md).
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function removeOrphans(folder) {
  for (const entry of readdirSync(join(root, "dist", folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOrphans(path);
    else if (/\.js(\.map)?$/.test(entry.name)) {
      const source = join(root, "src", path.replace(/\.js(\.map)?$/, ".ts"));
      if (!existsSync(source)) rmSync(join(root, "dist", path));
    }
  }
}

if (existsSync(join(root, "dist"))) removeOrphans("");
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const result = spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (result.status !== 0) process.exit(result.status ?? 1);

for (const worker of ["udp-worker", "stream-worker"]) {
  const bundle = await rolldown({
    input: join(root, "src", "serve", `${worker}.ts`),
    platform: "node",
    external: ["koffi"],
  });
  await bundle.write({
    file: join(root, "dist", "data-plane", `${worker}.js`),
    format: "esm",
    sourcemap: true,
  });
}
