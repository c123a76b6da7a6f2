// What the wider inlining budget does to the start of later threads (docs/decisions/0010-data-plane-in-one-file.md): V8 knows
// compiled code by its flags, Node.js's own too. Processor time from the start of a thread to its first message, in processes
// that take turns.
//   node scripts/bench-threads.mjs [rounds]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { INLINING_FLAGS } from "./bench-build.mjs";

const THREADS = 15;
/** Modules of Node.js that the workers use. */
const CODE = `for (const name of ["net", "dgram", "tls", "worker_threads"]) require("node:" + name);
require("node:worker_threads").parentPort.postMessage(0);`;

const median = (values) => values.sort((one, other) => one - other)[values.length >> 1];

async function startMs() {
  const before = process.cpuUsage();
  const thread = new Worker(CODE, { eval: true });
  await new Promise((resolve) => thread.once("message", resolve));
  const { user, system } = process.cpuUsage(before);
  await thread.terminate();
  return (user + system) / 1000;
}

const [rounds = "5"] = process.argv.slice(2);
if (rounds === "default" || rounds === "wide") {
  if (rounds === "wide") for (const flag of INLINING_FLAGS) setFlagsFromString(flag);
  const times = [];
  for (let thread = 0; thread < THREADS; thread++) times.push(await startMs());
  console.log(median(times));
} else {
  const times = { default: [], wide: [] };
  for (let round = 0; round < Number(rounds); round++)
    for (const flags of ["default", "wide"]) {
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), flags], {
        encoding: "utf8",
      });
      times[flags].push(Number(stdout));
    }
  const ratio = median(times.wide.map((ms, round) => ms / times.default[round]));
  for (const [flags, each] of Object.entries(times)) console.log(`${flags}: ${median(each).toFixed(1)} ms`);
  console.log(`${process.version}: wide as a multiple of default, median of the rounds: ${ratio.toFixed(2)}`);
}
