// Preloaded into every thread of a server (node --require): where that is a UDP worker, it writes once a second what the
// thread's heap holds and how many collections it has had, to the file that STEERD_HEAP_PROBE names.
const { appendFileSync } = require("node:fs");
const { PerformanceObserver, constants } = require("node:perf_hooks");
const { getHeapStatistics } = require("node:v8");
const { isMainThread } = require("node:worker_threads");

const file = process.env.STEERD_HEAP_PROBE;

function watchHeap() {
  let minor = 0;
  let major = 0;
  new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries()) {
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++;
      else minor++;
    }
  }).observe({ entryTypes: ["gc"] });
  setInterval(() => {
    const { used_heap_size: used } = getHeapStatistics();
    appendFileSync(file, `${JSON.stringify({ used, minor, major })}\n`);
  }, 1000);
}

// Preloaded code does not yet know which file the thread will run.
if (!isMainThread && file !== undefined) {
  setTimeout(() => {
    if (/udp-worker/.test(process.argv[1] ?? "")) watchHeap();
  }, 100);
}
