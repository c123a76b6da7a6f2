import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./target.ts";
import { ORIGIN } from "./workloads.ts";

/** CLIENT-SUBNET 81.2.69.0/24, which dnsperf sends with every query. */
const ECS = "8:00011800510245";

/**
 * Queries a second as dnsperf counts them, for each target, with one client subnet. A check of the order only: from one
 * core dnsperf is slower than the fast servers. Null: it is not installed.
 */
export function runDnsperf(
  targets: readonly Target[],
  folder: string,
  cores: string,
  seconds: number,
): { server: string; queriesPerSecond: number; lost: string }[] | null {
  const file = join(folder, "dnsperf.txt");
  writeFileSync(file, `www.${ORIGIN} A\n`);
  const results: { server: string; queriesPerSecond: number; lost: string }[] = [];
  for (const { server } of targets) {
    const options = ["-s", "127.0.0.1", "-p", String(server.port), "-d", file, "-l", String(seconds)];
    const args = ["-c", cores, "dnsperf", ...options, "-c", "4", "-q", "400", "-e", "-E", ECS];
    const { stdout, status } = spawnSync("taskset", args, { encoding: "utf8", timeout: 30_000 });
    if (status !== 0) return null;
    results.push({
      server: server.name,
      queriesPerSecond: Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]),
      lost: /Queries lost:\s+(\d+)/.exec(stdout)?.[1] ?? "?",
    });
  }
  return results;
}
