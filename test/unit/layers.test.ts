import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

/** May use node: and packages: everything that touches the world. */
const SHELL = /^(main|serve|control|cli|config|health\/(scheduler|shared-probes|probes|prober|probe-worker))/;

/** What a core layer may import besides itself. The shell may import everything. */
const CORE: Record<string, string[]> = {
  wire: [],
  zone: ["wire"],
  geo: ["wire"],
  health: [],
  policy: ["wire", "zone", "geo", "health"],
  snapshot: ["wire", "zone", "geo", "policy", "tallies"],
  counters: [],
  tallies: ["wire", "zone", "policy"],
  answer: ["wire", "zone", "geo", "policy", "health", "snapshot", "counters", "tallies"],
};

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return path.endsWith(".ts") && !path.endsWith(".test.ts") ? [path] : [];
  });
}

/** A source without its comments. */
function code(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

/** Every module that a file names: static, type-only, re-exported, dynamic. */
function imports(source: string): string[] {
  return [...code(source).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g)].map(
    (match) => match[1]!,
  );
}

/** `policy/decide` for src/policy/decide.ts. */
const moduleName = (path: string): string => relative(SRC, path).replaceAll("\\", "/").replace(/\.ts$/, "");
const layerOf = (name: string): string => name.split("/")[0]!;

/** One sentence for each import that its layer forbids. */
function violations(name: string, source: string): string[] {
  if (SHELL.test(name)) return [];
  const layer = layerOf(name);
  const allowed = CORE[layer];
  if (allowed === undefined) return [`${name} belongs to no layer: add it to this test or move it`];
  return imports(source).flatMap((specifier) => {
    if (!specifier.startsWith("."))
      return [`${name} imports ${specifier}: core has no packages and no node:`];
    const target = moduleName(join(dirname(join(SRC, `${name}.ts`)), specifier));
    if (SHELL.test(target)) return [`${name} imports ${target}: core does not reach into the shell`];
    const targetLayer = layerOf(target);
    return targetLayer === layer || allowed.includes(targetLayer)
      ? []
      : [`${name} imports ${target}: ${layer} may import only ${allowed.join(", ") || "itself"}`];
  });
}

const files = sourceFiles(SRC);

describe("layers", () => {
  test.each(files.map((path) => [moduleName(path), path]))("%s keeps to its layer", (name, path) => {
    expect(violations(name, readFileSync(path, "utf8"))).toEqual([]);
  });

  test.each([
    ["wire/query", `import { x } from "../zone/tree.ts";`],
    ["zone/tree", `import type { A } from "../policy/model.ts";`],
    ["policy/decide", `import { readFileSync } from "node:fs";`],
    ["geo/mmdb", `import { Reader } from "maxmind";`],
    ["policy/decide", `export { y } from "../config/load.ts";`],
    ["health/state", `const late = await import("./scheduler.ts");`],
    ["new/thing", ""],
  ])("%s would be caught with: %s", (name, source) => {
    expect(violations(name, source)).toHaveLength(1);
  });

  test("core has no clock and no dice of its own", () => {
    const world =
      /\b(Date\.now|new Date|performance\.now|Math\.random|setTimeout|setInterval|process\.|console\.)/;
    const offenders = files.filter(
      (path) => !SHELL.test(moduleName(path)) && world.test(code(readFileSync(path, "utf8"))),
    );
    expect(offenders.map(moduleName)).toEqual([]);
  });

  test("process.exit is called in main alone", () => {
    const callers = files
      .filter((path) => /process\.exit\(/.test(readFileSync(path, "utf8")))
      .map(moduleName);
    expect(callers).toEqual(["main"]);
  });
});

/** Packages that a thread may load at its start: those of the configuration take four megabytes, for all its life. */
const PACKAGES = { "serve/udp-worker": [], "serve/stream-worker": [], "health/probe-worker": ["ipaddr.js"] };

/** What a module is loaded with: imports of types are erased, dynamic ones come later. */
function loaded(source: string): string[] {
  return [...code(source).matchAll(/^(?:import|export)\s+(?!type\b)([^;"]*?\bfrom\s*)?"([^"]+)"/gm)]
    .filter(([, names = ""]) => !/^\{(\s*type\s[^,}]+,?)+\s*\}/.test(names))
    .map((match) => match[2]!);
}

function packagesOf(entry: string, read: (name: string) => string): string[] {
  const names = [entry];
  const packages = new Set<string>();
  for (const name of names) {
    for (const specifier of loaded(read(name))) {
      if (specifier.startsWith(".")) {
        const target = moduleName(join(dirname(join(SRC, `${name}.ts`)), specifier));
        if (!names.includes(target)) names.push(target);
      } else if (!specifier.startsWith("node:")) packages.add(specifier);
    }
  }
  return [...packages].sort();
}

describe("threads load no more than they need", () => {
  test.each(Object.entries(PACKAGES))("%s", (entry, packages) => {
    expect(packagesOf(entry, (name) => readFileSync(join(SRC, `${name}.ts`), "utf8"))).toEqual(packages);
  });

  test("a package is seen through modules in between, types and later imports are not", () => {
    const modules: Record<string, string> = {
      "serve/x": `import { a } from "./y.ts";\nimport { type B, type C } from "yargs";\nawait import("koffi");`,
      "serve/y": `export {\n  c,\n} from "../config/z.ts";\nimport type { D } from "fastify";\nimport "./x.ts";`,
      "config/z": `import { type E, f } from "zod";\nimport "yaml";\nimport fs from "node:fs";`,
    };
    expect(packagesOf("serve/x", (name) => modules[name]!)).toEqual(["yaml", "zod"]);
  });
});
