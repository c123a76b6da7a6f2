import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { packageVersion } from "../cli/version.ts";
import { collectNow } from "../serve/collect.ts";
import type { ControlInit } from "../serve/messages.ts";
import { createBuild } from "./build.ts";
import { gatherSnapshot } from "./huge-pages.ts";
import { runControlWorker } from "./run-control.ts";

/** Entry of the worker that compiles the configuration and shows what goes on. */
if (parentPort !== null) {
  const init = workerData as ControlInit;
  yieldToAnswers();
  runControlWorker(init, parentPort, {
    build: createBuild(init.configPath, init.blocks, init.discovered),
    collect: collectNow,
    settle: (snapshot) => void gatherSnapshot(snapshot),
    openApi: async (listener, status) => {
      const [{ openApi }, { createApiSources }] = await Promise.all([
        import("./api.ts"),
        import("./api-sources.ts"),
      ]);
      const { blocks, startedMs } = init;
      return openApi(listener, createApiSources({ blocks, status, startedMs, version: packageVersion() }));
    },
  });
}

/** On Linux a priority is a thread's own: compiling takes the time that answering leaves. */
function yieldToAnswers(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(5);
  } catch {
    // Not allowed here: compiling competes as an equal.
  }
}
