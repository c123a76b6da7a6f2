import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** What a process has had of the processor so far, in nanoseconds; how user and system share it is sampled by the kernel's tick. */
export interface ProcessorTime {
  totalNs: number;
  userTicks: number;
  systemTicks: number;
}

/** All threads of a process (proc(5)): schedstat counts to the nanosecond, stat in ticks of 10 ms. */
export function processorTime(pid: number): ProcessorTime {
  let totalNs = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    totalNs += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  // The command's name, in parentheses, may hold spaces. utime and stime are fields 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return { totalNs, userTicks: Number(fields[11]), systemTicks: Number(fields[12]) };
}

/** Resident set in MB of 1,000,000 octets. */
export function residentMegabytes(pid: number): number {
  return (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024) / 1e6;
}

/** All threads of a process to one core. */
export function pin(pid: number, cores: string): void {
  spawnSync("taskset", ["-a", "-c", "-p", cores, String(pid)], { stdio: "ignore" });
}
