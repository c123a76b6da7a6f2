import { parentPort, workerData } from "node:worker_threads";
import { TRANSPORT_UDP } from "../wire/constants.ts";
import { runDataWorker } from "./data-worker.ts";
import type { DataInit } from "./messages.ts";
import { openUdpTransport } from "./udp-transport.ts";

/** Entry of a worker that answers over UDP. */
if (parentPort !== null) runDataWorker(workerData as DataInit, parentPort, TRANSPORT_UDP, openUdpTransport);
