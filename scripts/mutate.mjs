// Flips every comparison of src/policy, one at a time, and runs the golden cases: a mutant that no case notices is a
// line whose meaning no case fixes. Survivors are listed as file:line:column, unless test/golden/equivalent-mutants.txt
// says why no answer can differ. Exit code 1: there is another survivor, or an entry there that fits none.
//
//   node scripts/mutate.mjs [--file NAME] [--cases NAME] [--jobs N] [--verbose] [--write]
//   node scripts/mutate.mjs --doubt WORLDS [--from SEED] [--file NAME] [--jobs N] [--verbose]
//
// --cases: only the golden cases of this file. --write: a run of everything, as test/golden/mutation-run.txt.
// --doubt: asks this many random worlds with each mutant of equivalent-mutants.txt, and without it; what differs refutes
// the reason that stands there. Exit code 1: there is one.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    write: { type: "boolean", default: false },
    doubt: { type: "string" },
    from: { type: "string", default: "1" },
  },
});

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const policy = join(root, "src", "policy");
const golden = join(root, "test", "golden");
const output = join(root, "dist", `mutants-${process.pid}`);

/** No answer depends on these: they say in words what was decided. Their unit tests look after them. */
const ONLY_EXPLAINS = /^(explain.*|explanation|hashed-prefix|recorder|(.+-)?odds|names|trace)\.ts$/;

/** The other relation, and the boundary. */
const FLIPS = {
  "<": [">=", "<="],
  "<=": [">", "<"],
  ">": ["<=", ">="],
  ">=": ["<", ">"],
  "===": ["!=="],
  "!==": ["==="],
};

/** A mutant that has not answered after this many times what all golden cases take hangs where it asks no comparison. */
const LIMIT_TIMES = 10;
const LEAST_LIMIT_MS = 20_000;
/** Nor does a random world take as long as this. */
const WORLD_LIMIT_MS = 300_000;

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
  const textOf = (node) => source.slice(node.start, node.end).replace(/\s+/g, " ");
  const places = new Map();
  for (const node of found.sort((a, b) => a.start - b.start)) {
    const between = source.slice(node.left.end, node.right.start);
    const at = node.left.end + between.indexOf(node.operator);
    const before = source.slice(0, at).split("\n");
    const place = `src/policy/${name}:${before.length}:${before.at(-1).length + 1}`;
    const plain = textOf(node);
    places.set(plain, (places.get(plain) ?? 0) + 1);
    const isAlone = found.every((other) => other === node || textOf(other) !== plain);
    const text = isAlone ? plain : `${plain} #${places.get(plain)}`;
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

/** `file: comparison => relation: reason`, one a line, with ` #2` behind the second of the same words in a file; before the reason `[dice]` or `[shares]`: what doubt.ts holds it to. */
function readEquivalents() {
  const lines = readFileSync(join(golden, "equivalent-mutants.txt"), "utf8").split("\n");
  return lines.flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [, name, text, flip, claim = "", reason] =
      /^(\S+\.ts): (.+) => (\S+): (?:\[(dice|shares)\] )?(.+)$/.exec(line) ?? [];
    if (reason === undefined) throw new Error(`equivalent-mutants.txt:${index + 1}: "${line}"`);
    return [{ line: index + 1, name, text, flip, claim, used: false }];
  });
}

/** `input`: what runs in the threads. */
async function bundle(input) {
  const sources = new Map();
  for (const name of readdirSync(policy)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts") || ONLY_EXPLAINS.test(name)) continue;
    if (options.file !== undefined && name !== options.file) continue;
    sources.set(join(policy, name), instrument(name, readFileSync(join(policy, name), "utf8")));
  }
  const built = await rolldown({
    input: join(golden, input),
    platform: "node",
    external: (id) => !/^[./]/.test(id),
    plugins: [{ name: "mutants", load: (id) => sources.get(id) ?? null }],
    logLevel: "silent",
  });
  mkdirSync(output, { recursive: true });
  // Modules that compare while they are loaded do so before mutants.ts has taken over.
  const banner = "globalThis.mutation = () => false;";
  await built.write({ file: join(output, "thread.mjs"), format: "esm", banner });
}

/** One thread that does one number after the other until there are none left; a new one in its place when it hangs. */
function startThread(workerData, next, done, limitOf) {
  return new Promise((resolve, reject) => {
    const begin = () => {
      const worker = new Worker(join(output, "thread.mjs"), { workerData });
      let timer;
      let limitMs = LEAST_LIMIT_MS;
      const go = () => {
        const number = next();
        if (number === null) {
          worker.terminate().then(resolve);
          return;
        }
        timer = setTimeout(() => {
          done(number, null);
          worker.terminate().then(begin);
        }, limitMs);
        worker.postMessage(number);
        current = number;
      };
      let current = null;
      worker.on("error", reject);
      worker.on("message", (message) => {
        clearTimeout(timer);
        if (current !== null) done(current, message);
        else limitMs = limitOf(message);
        go();
      });
    };
    begin();
  });
}

/** Runs the bundle in --jobs threads: `done` is called with each number from `from` up to `end` and the answer, null: it hung. */
async function runThreads(workerData, from, end, done, limitOf) {
  let at = from;
  const next = () => (at < end ? at++ : null);
  await Promise.all(
    Array.from({ length: Number(options.jobs) }, () => startThread(workerData, next, done, limitOf)),
  );
}

/** The mutants that no golden case notices, in order, and how many do not come to an end. */
async function findSurvivors() {
  await bundle("mutants.ts");
  const survivors = [];
  let endless = 0;
  let tried = 0;
  const done = (id, answer) => {
    tried++;
    const { place, text, flip } = mutants[id];
    const killedBy = answer === null ? "it hung" : answer.killedBy;
    if (options.verbose) console.log(`${place}  ${text} => ${flip}: ${killedBy ?? "SURVIVED"}`);
    else if (tried % 50 === 0) console.log(`${tried} of ${mutants.length}, ${survivors.length} survived`);
    if (killedBy === null) survivors.push(id);
    if (killedBy === "it hung" || killedBy === "endless") endless++;
  };
  const workerData = { folder: golden, cases: options.cases, count: mutants.length };
  const limitOf = ({ elapsedMs }) => Math.max(LEAST_LIMIT_MS, LIMIT_TIMES * elapsedMs);
  await runThreads(workerData, 0, mutants.length, done, limitOf);
  return { survivors: survivors.sort((a, b) => a - b), endless };
}

/** Survivors without a reason, and reasons without a survivor, as lines. */
async function judge() {
  const commit = options.write ? commitOfRun() : null;
  const begun = new Date();
  const { survivors, endless } = await findSurvivors();
  const equivalents = readEquivalents();
  const lines = [];
  const unexplained = [];
  for (const { name, place, text, flip } of survivors.map((id) => mutants[id])) {
    const known = equivalents.find((one) => one.name === name && one.text === text && one.flip === flip);
    if (known !== undefined) known.used = true;
    else {
      unexplained.push(name);
      lines.push(`${place}  ${text}  survived as ${flip}`);
    }
  }
  for (const { name, line, text, flip, used } of equivalents) {
    if (used || (options.file ?? name) !== name) continue;
    lines.push(`test/golden/equivalent-mutants.txt:${line}  ${text} => ${flip} did not survive, or is gone`);
  }
  const noticed = mutants.length - survivors.length;
  const explained = survivors.length - unexplained.length;
  lines.push(
    `${mutants.length} mutants: ${noticed} noticed, ${explained} equivalent, ${unexplained.length} survived`,
  );
  console.log(lines.join("\n"));
  process.exitCode = lines.length > 1 ? 1 : 0;
  if (commit !== null) writeRun({ commit, begun, survivors, endless, unexplained, lines });
}

/** Throws where a run would not be of a commit, or of a part only. */
function commitOfRun() {
  const git = (...words) => execFileSync("git", words, { cwd: root, encoding: "utf8" }).trim();
  if (options.file !== undefined || options.cases !== undefined) throw new Error("--write is for whole runs");
  const changed = git("status", "--porcelain", "--", "src", "test", "scripts");
  if (changed !== "") throw new Error(`--write is for what is committed:\n${changed}`);
  return git("rev-parse", "HEAD");
}

/** Leaves test/golden/mutation-run.txt. `unexplained`: the files of survivors without a reason; `lines`: what judge says. */
function writeRun({ commit, begun, survivors, endless, unexplained, lines }) {
  const survived = survivors.map((id) => mutants[id].name);
  const tried = mutants.map(({ name }) => name);
  const count = (list, name) => String(list.filter((one) => one === name).length).padStart(11);
  const report = [
    "# One run of `node scripts/mutate.mjs --write`, from beginning to end.",
    `begun   ${begun.toISOString()}`,
    `ended   ${new Date().toISOString()}`,
    `commit  ${commit}`,
    `node    ${process.version}, ${options.jobs} at a time`,
    "",
    ...lines,
    `Of those noticed ${endless} because a case did not come to an end.`,
    "",
    "# Survivors have their reasons in equivalent-mutants.txt, all but those of the last column.",
    `${"file".padEnd(24)}    mutants  survivors  no reason`,
    ...[...new Set(tried)].map((name) =>
      [name.padEnd(24), count(tried, name), count(survived, name), count(unexplained, name)].join(""),
    ),
  ];
  writeFileSync(join(golden, "mutation-run.txt"), `${report.join("\n")}\n`);
}

/** Reasons that a random world refutes, as lines. */
async function doubt() {
  await bundle("doubt.ts");
  const suspects = readEquivalents().flatMap(({ name, text, flip, claim, line }) =>
    mutants.flatMap((one, id) =>
      one.name === name && one.text === text && one.flip === flip ? [{ id, claim, line }] : [],
    ),
  );
  const refuted = new Map();
  let tried = 0;
  const done = (seed, answer) => {
    tried++;
    if (answer === null) console.log(`world ${seed} takes too long`);
    for (const { id, what } of answer?.found ?? []) {
      const worlds = refuted.get(id) ?? [];
      refuted.set(id, worlds);
      worlds.push(seed);
      const { place, text, flip } = mutants[id];
      if (worlds.length === 1 || options.verbose)
        console.log(`${place}  ${text} => ${flip}: in world ${seed} ${what}`);
    }
    if (tried % 100 === 0) console.log(`${tried} worlds, ${refuted.size} of ${suspects.length} refuted`);
  };
  const from = Number(options.from);
  await runThreads(
    { suspects, count: mutants.length },
    from,
    from + Number(options.doubt),
    done,
    () => WORLD_LIMIT_MS,
  );
  for (const [id, worlds] of refuted) {
    const { place, text, flip } = mutants[id];
    const { line } = suspects.find((one) => one.id === id);
    console.log(
      `equivalent-mutants.txt:${line}  ${place}  ${text} => ${flip}: refuted by ${worlds.length} worlds`,
    );
  }
  console.log(`${tried} worlds: ${refuted.size} of ${suspects.length} reasons refuted`);
  process.exitCode = refuted.size > 0 ? 1 : 0;
}

try {
  await (options.doubt === undefined ? judge() : doubt());
} finally {
  rmSync(output, { recursive: true, force: true });
}
