import type { OpenListeners } from "./data-worker.ts";
import { loadKernel } from "./kernel.ts";
import { openUdp } from "./udp.ts";
import { openUdpBatch } from "./udp-batch.ts";

/** Opens UDP in the way that the supervisor has found to work: in batches, else through dgram. */
export const openUdpTransport: OpenListeners = async (listeners, plane, { batch, reusePort }, block) => {
  const kernel = batch ? await loadKernel() : null;
  if (kernel === null || typeof kernel === "string") return await openUdp(listeners, plane, reusePort);
  const { descriptors, words } = block;
  return await openUdpBatch(listeners, plane, { kernel, reusePort, descriptors, words });
};
