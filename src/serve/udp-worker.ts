import { parentPort, workerData } from "node:worker_threads";
import { TRANSPORT_UDP } from "../wire/constants.ts";
import { runDataWorker } from "./data-worker.ts";
import { loadKernel } from "./kernel.ts";
import type { DataInit } from "./messages.ts";
import { openUdpTransport } from "./udp-transport.ts";

/** Entry of a worker that answers over UDP. What it will open its sockets with is loaded while the files are compiled. */
if (parentPort !== null) {
  runDataWorker(workerData as DataInit, parentPort, TRANSPORT_UDP, openUdpTransport);
  void loadKernel();
}
