// What the shape of the compiled code does to answerQuery (docs/decisions/0010-data-plane-in-one-file.md): bench/micro/answer
// from modules, from one file, with V8's wider inlining budget, and with constants for functions, in processes that take
// turns.
//   node scripts/bench-shapes.mjs [rounds]
import { spawnSync } from "node:child_process";
import { bundleBench, compileBench, INLINING_FLAGS, MEMORY_FLAGS, root } from "./bench-build.mjs";

const rounds = Number(process.argv[2] ?? 5);
const modules = compileBench("micro/answer");
const functions = await bundleBench(modules, false);
const constants = await bundleBench(modules);
const shapes = [
  { name: "modules", flags: [], path: modules },
  { name: "one file", flags: [], path: functions },
  { name: "one file, wide", flags: INLINING_FLAGS, path: functions },
  { name: "one file, wide, constant functions", flags: INLINING_FLAGS, path: constants },
];
const CASES = ["static A, no EDNS", "geo A, 65,536 client subnets", "CNAME and A", "NXDOMAIN"];

function run({ flags, path }) {
  const { stdout, status } = spawnSync(
    process.execPath,
    [...MEMORY_FLAGS, ...flags, path, "--quick", "--timings"],
    { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  if (status !== 0) process.exit(1);
  return JSON.parse(stdout);
}

const ratios = shapes.map(() => CASES.map(() => []));
for (let round = 0; round < rounds; round++) {
  const runs = shapes.map(run);
  CASES.forEach((name, column) => {
    const ns = runs.map((timings) => timings.find((timing) => timing.name === name).medianNs);
    for (const [row, each] of ns.entries()) ratios[row][column].push(each / ns[0]);
  });
}
const median = (numbers) => numbers.sort((left, right) => left - right)[numbers.length >> 1];
console.log(`share of the time from modules, median of ${rounds} interleaved rounds (least to most)`);
for (const [row, { name }] of shapes.entries()) {
  console.log(name);
  for (const [column, label] of CASES.entries()) {
    const of = ratios[row][column];
    const middle = median(of);
    console.log(
      `  ${label.padEnd(30)} ${middle.toFixed(2)}  (${of[0].toFixed(2)} to ${of.at(-1).toFixed(2)})`,
    );
  }
}
