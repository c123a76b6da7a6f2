// Compiles src/ into dist/, and each thread with all that it imports at its start into one file: those that answer in
// dist/data-plane/, the others in dist/control-plane/. Files whose source is gone are removed first, so that dist/ never
// serves a module that no longer exists.
//
// One file, because V8 folds the constants of the module that it optimises, and loads and checks those of other modules
// each time (docs/decisions/0010-data-plane-in-one-file.md); and because finding several hundred modules takes longer than
// all the rest of the start (docs/decisions/0026-quick-start.md). What a file finds beside it, it finds from two folders
// below the package's, as in src/: import.meta.url means the same.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { withConstantFunctions } from "./constant-functions.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const BUNDLES = {
  "data-plane": { "udp-worker": "serve/udp-worker.ts", "stream-worker": "serve/stream-worker.ts" },
  "control-plane": {
    main: "main.ts",
    "control-worker": "control/control-worker.ts",
    "probe-worker": "health/probe-worker.ts",
  },
};

/** Native, or imported after the first answer only. */
const EXTERNAL = ["koffi", "fastify", "prom-client", "pino-pretty"];

function removeOrphans(folder) {
  if (folder in BUNDLES) return;
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

// No start has to walk the database that comes with the package: src/geo/runs-file.ts.
const { embeddedPath, makeEmbeddedRuns } = await import("../dist/config/embedded.js");
const runs = makeEmbeddedRuns(readFileSync(embeddedPath()));
if (runs === null) throw new Error("the embedded database cannot be walked");
writeFileSync(join(root, "dist", "country.runs"), runs);

/** By package: the folder that holds its licence. */
const packages = new Map();

/** Writes an entry and what it imports; what it imports later goes into files of its own, named after the entry. */
async function writeBundle(folder, name, source) {
  const bundle = await rolldown({
    input: { [name]: join(root, "src", source) },
    platform: "node",
    external: EXTERNAL,
  });
  const { output } = await bundle.write({
    dir: join(root, "dist", folder),
    format: "esm",
    // V8 keeps a file in two octets a character, and reads it slower, when one of them is beyond Latin-1.
    charset: "ascii",
    sourcemap: folder === "data-plane",
    entryFileNames: "[name].js",
    chunkFileNames: `${name}.[name].js`,
    // Names stay: what is left out is space and comments, which a thread reads at its start.
    minify: folder === "control-plane" && {
      compress: false,
      mangle: false,
      codegen: { removeWhitespace: true },
    },
  });
  for (const { moduleIds = [] } of output)
    for (const id of moduleIds) {
      const found = /^(?:\0)?(.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+))[\\/]/.exec(id);
      if (found !== null) packages.set(found[2], found[1]);
    }
  const files = output.map(({ fileName }) => fileName);
  if (folder === "data-plane")
    for (const file of files.filter((each) => each.endsWith(".js"))) {
      const path = join(root, "dist", folder, file);
      writeFileSync(path, withConstantFunctions(readFileSync(path, "utf8")));
    }
  return files;
}

for (const [folder, entries] of Object.entries(BUNDLES)) {
  const written = new Set();
  for (const [name, source] of Object.entries(entries))
    for (const file of await writeBundle(folder, name, source)) written.add(file);
  for (const file of readdirSync(join(root, "dist", folder)))
    if (!written.has(file)) rmSync(join(root, "dist", folder, file));
}

const licences = [...packages].sort().map(([name, path]) => {
  const file = readdirSync(path).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} has no licence file`);
  return `${name}\n\n${readFileSync(join(path, file), "utf8").trim()}\n`;
});
writeFileSync(join(root, "dist", "control-plane.licences.txt"), licences.join(`\n${"-".repeat(78)}\n\n`));
