// Compiles src/ into dist/. Files whose source is gone are removed first, so that dist/ never
// serves a module that no longer exists.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

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
process.exit(result.status ?? 1);
