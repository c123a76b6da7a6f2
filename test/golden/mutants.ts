import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { CompiledConfig } from "../../src/config/compile.ts";
import { parseGoldenFile } from "./case-file.ts";
import { loadGoldenFile, serveGoldenFile } from "./golden-server.ts";
import { runCase, runLoss } from "./run-case.ts";

/**
 * What scripts/mutate.mjs bundles and runs in worker threads: the golden cases, over sources in which every comparison
 * asks `mutation` whether it is to be another one. All mutants are in one bundle; a number says which is alive.
 */
const { folder, cases, count } = workerData as { folder: string; cases?: string; count: number };

/** A mutant that makes more comparisons than this many times those of all golden cases does not come to an end. */
const PATIENCE = 4;

const reached = new Uint8Array(count);
let alive = -1;
let asked = 0;
let most = Number.POSITIVE_INFINITY;

(globalThis as { mutation?: (id: number) => boolean }).mutation = (id) => {
  reached[id] = 1;
  if (++asked > most) throw new Error("endless");
  return id === alive;
};

/** One golden file, read and loaded once, and the mutants that its cases come across. */
interface Subject {
  name: string;
  run(): void;
  reached: Uint8Array;
  elapsedMs: number;
}

function makeSubject(path: string): Subject {
  const file = parseGoldenFile(readFileSync(path, "utf8"));
  const loaded = loadGoldenFile(file);
  let original: CompiledConfig | null = null;
  const run = (): void => {
    const server = serveGoldenFile(file, loaded, original);
    original ??= server.compiled;
    for (const found of file.cases) runCase(server, found, `${basename(path)}:${found.line}`);
    for (const found of file.losses) runLoss(server, found, `${basename(path)}:${found.line}`);
  };
  reached.fill(0);
  const startMs = performance.now();
  run();
  return { name: basename(path), run, reached: reached.slice(), elapsedMs: performance.now() - startMs };
}

const subjects = readdirSync(folder)
  .filter((name) => (cases === undefined ? name.endsWith(".golden") : name === cases))
  .map((name) => makeSubject(join(folder, name)))
  .sort((a, b) => a.elapsedMs - b.elapsedMs);

most = PATIENCE * asked;

/** What a mutant came to: null: no case noticed; otherwise what the first one that did says. */
function tryMutant(id: number): { killedBy: string | null; files: number } {
  alive = id;
  asked = 0;
  let files = 0;
  try {
    for (const subject of subjects) {
      if (subject.reached[id] === 0) continue;
      files++;
      subject.run();
    }
    return { killedBy: null, files };
  } catch (error) {
    return { killedBy: (error as Error).message.split("\n")[0]!, files };
  } finally {
    alive = -1;
  }
}

parentPort!.on("message", (id: number) => parentPort!.postMessage(tryMutant(id)));
parentPort!.postMessage({ elapsedMs: subjects.reduce((sum, subject) => sum + subject.elapsedMs, 0) });
