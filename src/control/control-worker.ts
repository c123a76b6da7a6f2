import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { packageVersion } from "../cli/version.ts";
import { createCollection } from "../serve/collect.ts";
import type { ControlInit } from "../serve/messages.ts";
import { createBuild } from "./build.ts";
import { gatherSnapshot } from "./huge-pages.ts";
import { runControlWorker } from "./run-control.ts";
import { trimSoon } from "./trim.ts";

/** What loading the API leaves behind is collected when that is over. */
const SETTLE_MS = 3_000;
/** What a compilation leaves behind is collected when the workers answer from what it made: the first answer goes before. */
const COLLECT_MS = 500;

/** Entry of the worker that compiles the configuration and shows what goes on. */
if (parentPort !== null) {
  const init = workerData as ControlInit;
  const settling = createCollection(SETTLE_MS);
  const collection = createCollection(COLLECT_MS);
  // Before there is a snapshot nobody answers, and nothing is to be waited for but this.
  if (init.known !== undefined) yieldToAnswers();
  runControlWorker(init, parentPort, {
    build: createBuild(init.configPath, init.blocks, init.discovered),
    collect: collection.request,
    settle: (snapshot) => {
      yieldToAnswers();
      void gatherSnapshot(snapshot);
      trimSoon();
    },
    openApi: async (listener, status) => {
      const [{ openApi }, { createApiSources }] = await Promise.all([
        import("./api.ts"),
        import("./api-sources.ts"),
      ]);
      const { blocks, startedMs } = init;
      settling.request();
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
