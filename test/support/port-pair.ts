import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Server } from "node:net";

/** Ports tried before the test fails. */
const MAX_PICKS = 16;

/** Binds a new UDP socket and `tcp` to one port of 127.0.0.1 that is free for both. */
export async function bindPair(tcp: Server): Promise<{ udp: Socket; port: number }> {
  for (let pick = 1; ; pick++) {
    const udp = createSocket("udp4");
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    const { port } = udp.address();
    try {
      tcp.listen(port, "127.0.0.1");
      await once(tcp, "listening");
      return { udp, port };
    } catch (error) {
      udp.close();
      if (pick === MAX_PICKS) throw error;
    }
  }
}
