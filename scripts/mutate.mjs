// Flips every comparison of src/policy, one at a time, and runs the golden cases: a mutant that no case notices is a
// line whose meaning no case fixes. Survivors are listed as file:line:column, unless test/golden/equivalent-mutants.txt
// says why no answer can differ. Exit code 1: there is another survivor, or an entry there that fits none.
//
//   node scripts/mutate.mjs [--file NAME] [--cases NAME] [--jobs N] [--verbose]
//
// --cases: only the golden cases of this file.
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";

const { values: options } = parseArgs({
  options: {
    file: { type: "string" },
    cases: { type: "string" },
    jobs: { type: "string", default: "2" },
    verbose: { type: "boolean", default: false },
  },
});

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const policy = join(root, "src", "policy");
const golden = join(root, "test", "golden");
const output = join(root, "dist", `mutants-${process.pid}`);

/** No answer depends on these: they say in words what was decided. Their unit tests look after them. */
const ONLY_EXPLAINS = /^(explain.*|explanation|hashed-prefix|recorder|odds|names|trace)\.ts$/;

/** The other relation, and the boundary. */
const FLIPS = {
  "<": [">=", "<="],
  "<=": [">", "<"],
  ">": ["<=", ">="],
  ">=": ["<", ">"],
  "===": ["!=="],
  "!==": ["==="],
};

/** A mutant that has not answered by then hangs where it asks no comparison of its own. */
const LIMIT_MS = 90_000;

const mutants = [];

/** The source with all its mutants: each comparison asks which one is alive. Adds to `mutants`. */
function instrument(name, source) {
  const found = [];
  const visit = (node) => {
    if (node === null || typeof node !== "object") return;
    if (Array.isArray(node)) {
      for (const one of node) visit(one);
      return;
    }
    if (node.type === "BinaryExpression" && node.operator in FLIPS) found.push(node);
    for (const [key, value] of Object.entries(node)) if (key !== "typeAnnotation") visit(value);
  };
  visit(parseAst(source, { lang: "ts" }));
  const ids = new Map();
  for (const node of found.sort((a, b) => a.start - b.start)) {
    const between = source.slice(node.left.end, node.right.start);
    const at = node.left.end + between.indexOf(node.operator);
    const before = source.slice(0, at).split("\n");
    const place = `src/policy/${name}:${before.length}:${before.at(-1).length + 1}`;
    const text = source.slice(node.start, node.end).replace(/\s+/g, " ");
    ids.set(node, mutants.length);
    for (const flip of FLIPS[node.operator]) mutants.push({ name, place, text, flip });
  }
  const render = (start, end) => {
    let out = "";
    let at = start;
    for (const node of found) {
      if (node.start < at || node.end > end) continue;
      out += source.slice(at, node.start) + compose(node);
      at = node.end;
    }
    return out + source.slice(at, end);
  };
  const compose = (node) => {
    const { left, right, operator } = node;
    const parts = (relation) =>
      source.slice(node.start, left.start) +
      render(left.start, left.end) +
      source.slice(left.end, right.start).replace(operator, relation) +
      render(right.start, right.end) +
      source.slice(right.end, node.end);
    const first = ids.get(node);
    const choices = FLIPS[operator].map((flip, i) => `mutation(${first + i}) ? ${parts(flip)} : `);
    return `(${choices.join("")}${parts(operator)})`;
  };
  return render(0, source.length);
}

/** `file: comparison => relation: reason`, one a line. */
function readEquivalents() {
  const lines = readFileSync(join(golden, "equivalent-mutants.txt"), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [, name, text, flip, reason] = /^(\S+\.ts): (.+) => (\S+): (.+)$/.exec(line) ?? [];
    if (reason === undefined) throw new Error(`equivalent-mutants.txt:${index + 1}: "${line}"`);
    return [{ line: index + 1, name, text, flip, used: false }];
  });
}

async function bundle() {
  const sources = new Map();
  for (const name of readdirSync(policy)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts") || ONLY_EXPLAINS.test(name)) continue;
    if (options.file !== undefined && name !== options.file) continue;
    sources.set(join(policy, name), instrument(name, readFileSync(join(policy, name), "utf8")));
  }
  const built = await rolldown({
    input: join(golden, "mutants.ts"),
    platform: "node",
    external: (id) => !/^[./]/.test(id),
    plugins: [{ name: "mutants", load: (id) => sources.get(id) ?? null }],
    logLevel: "silent",
  });
  mkdirSync(output, { recursive: true });
  // Modules that compare while they are loaded do so before mutants.ts has taken over.
  const banner = "globalThis.mutation = () => false;";
  await built.write({ file: join(output, "mutants.mjs"), format: "esm", banner });
}

/** One thread that tries mutants until there are none left; a new one in its place when it hangs. */
function startThread(next, done) {
  return new Promise((resolve, reject) => {
    const begin = () => {
      const workerData = { folder: golden, cases: options.cases, count: mutants.length };
      const worker = new Worker(join(output, "mutants.mjs"), { workerData });
      let timer;
      const go = () => {
        const id = next();
        if (id === null) {
          worker.terminate().then(resolve);
          return;
        }
        timer = setTimeout(() => {
          done({ id, killedBy: "it hung" });
          worker.terminate().then(begin);
        }, LIMIT_MS);
        worker.postMessage(id);
      };
      worker.on("error", reject);
      worker.on("message", (message) => {
        clearTimeout(timer);
        if (message.id !== undefined) done(message);
        go();
      });
    };
    begin();
  });
}

async function tryAll() {
  const survivors = [];
  let tried = 0;
  let from = 0;
  const done = ({ id, killedBy }) => {
    tried++;
    const { place, text, flip } = mutants[id];
    if (options.verbose) console.log(`${place}  ${text} => ${flip}: ${killedBy ?? "SURVIVED"}`);
    else if (tried % 50 === 0) console.log(`${tried} of ${mutants.length}, ${survivors.length} survived`);
    if (killedBy === null) survivors.push(id);
  };
  const next = () => (from < mutants.length ? from++ : null);
  await Promise.all(Array.from({ length: Number(options.jobs) }, () => startThread(next, done)));
  return survivors.sort((a, b) => a - b);
}

const equivalents = readEquivalents();
let survivors;
try {
  await bundle();
  survivors = await tryAll();
} finally {
  rmSync(output, { recursive: true, force: true });
}
let unexplained = 0;
for (const { name, place, text, flip } of survivors.map((id) => mutants[id])) {
  const known = equivalents.find((one) => one.name === name && one.text === text && one.flip === flip);
  if (known !== undefined) known.used = true;
  else {
    unexplained++;
    console.log(`${place}  ${text}  survived as ${flip}`);
  }
}
const stale = equivalents.filter(({ name, used }) => !used && (options.file ?? name) === name);
for (const { line, text, flip } of stale) {
  console.log(`test/golden/equivalent-mutants.txt:${line}  ${text} => ${flip} did not survive, or is gone`);
}
const explained = survivors.length - unexplained;
console.log(
  `${mutants.length} mutants: ${mutants.length - survivors.length} noticed, ${explained} equivalent, ${unexplained} survived`,
);
process.exitCode = unexplained > 0 || stale.length > 0 ? 1 : 0;
