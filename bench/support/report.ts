import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** Where and with what a result came about. */
export interface Circumstances {
  date: string;
  commit: string;
  node: string;
  machine: string;
}

function circumstances(): Circumstances {
  const git = (...args: string[]): string =>
    spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
  const changed = git("status", "--porcelain", "--", "src") === "" ? "" : " with changes";
  const model = cpus()[0]?.model ?? "unknown CPU";
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${git("rev-parse", "--short", "HEAD") || "unknown"}${changed}`,
    node: process.version,
    machine: `${cpus().length} x ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`,
  };
}

export interface Goal {
  name: string;
  measured: number;
  /** The largest value that meets the goal. */
  limit: number;
  unit: string;
}

/** Prints a result; with `--write` it also goes to bench/results/ as text and JSON. */
export function publish(name: string, lines: string[], goals: Goal[], data: unknown): void {
  const about = circumstances();
  const text = [
    `${name}: ${about.date}, commit ${about.commit}, Node ${about.node}`,
    about.machine,
    "",
    ...lines,
    "",
    ...goals.map(
      ({ name: goal, measured, limit, unit }) =>
        `${measured <= limit ? "met   " : "MISSED"}  ${goal}: ${format(measured)} ${unit}, at most ${limit} ${unit}`,
    ),
  ].join("\n");
  console.log(text);
  if (process.argv.includes("--write")) {
    mkdirSync("bench/results", { recursive: true });
    writeFileSync(`bench/results/${name}.txt`, `${text}\n`);
    writeFileSync(`bench/results/${name}.json`, `${JSON.stringify({ ...about, goals, data }, null, 2)}\n`);
  }
  if (goals.some(({ measured, limit }) => !(measured <= limit))) process.exitCode = 1;
}

export function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 3);
}

/** Columns of equal width, the first to the left and the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
