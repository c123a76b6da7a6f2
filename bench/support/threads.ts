import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds by the number of the thread; that of the first one is the number of the process. */
export type ThreadTimes = Map<string, number>;

/** Processor time of each thread in nanoseconds (proc(5), schedstat). */
export function threadTimes(pid: number): ThreadTimes {
  const times: ThreadTimes = new Map();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    times.set(thread, Number(text.split(" ")[0]));
  }
  return times;
}

/** What each thread took between two looks. */
export function taken(before: ThreadTimes, after: ThreadTimes): ThreadTimes {
  return new Map([...after].map(([thread, ns]) => [thread, ns - (before.get(thread) ?? 0)]));
}
