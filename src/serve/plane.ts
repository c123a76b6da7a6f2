import { COUNTER_DROPPED_FAULT } from "../counters.ts";
import type { Client } from "../policy/client.ts";
import type { MessageBlock } from "./message-block.ts";
import type { Log } from "./messages.ts";

/** What a transport asks: one message in, the length of the reply in `out`, or 0 for none. `out` may be `packet`. */
export type Answer = (packet: DataView, length: number, out: DataView) => number;

/** What a transport needs of the worker that it runs in. */
export interface Plane {
  /** The transport fills the resolver's address in before it asks. */
  client: Client;
  /** [0]: whole seconds since 1970; the transport sets it once per event. */
  clockS: Uint32Array;
  /** COUNTER_* slots. */
  counters: Float64Array;
  answer: Answer;
  /** Given the first messages of a block that is to be answered, fetches what answering will read. */
  lookAhead?(block: MessageBlock, count: number): void;
  log: Log;
}

/** One line a minute about faults: a packet that provokes one can be sent at any rate. */
const FAULT_LOG_MS = 60_000;

/**
 * Answering never throws; should a defect make it throw all the same, the message gets no reply and is counted, so that
 * one crafted packet a second cannot keep a worker restarting.
 */
export function containFaults(answer: Answer, counters: Float64Array, log: Log, now: () => number): Answer {
  let quietUntilMs = -Infinity;
  return (packet, length, out) => {
    try {
      return answer(packet, length, out);
    } catch (error) {
      counters[COUNTER_DROPPED_FAULT]! += 1;
      const nowMs = now();
      if (nowMs >= quietUntilMs) {
        quietUntilMs = nowMs + FAULT_LOG_MS;
        const message = Buffer.from(packet.buffer, packet.byteOffset, Math.min(length, 512)).toString("hex");
        log("error", "answering failed: a defect of the server, please report it", {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          message,
        });
      }
      return 0;
    }
  };
}
