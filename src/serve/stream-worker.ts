import { parentPort, workerData } from "node:worker_threads";
import { TRANSPORT_TCP } from "../wire/constants.ts";
import { runDataWorker } from "./data-worker.ts";
import type { DataInit } from "./messages.ts";
import { openStream } from "./stream.ts";

/** Entry of the worker that answers over byte streams. */
if (parentPort !== null)
  runDataWorker(workerData as DataInit, parentPort, TRANSPORT_TCP, (listeners, plane) =>
    openStream(listeners, plane),
  );
