import type { WorkerPort } from "../../src/serve/messages.ts";

/** A worker's end of its channel, and what the other end would see. */
export interface FakePort<Incoming, Outgoing> extends WorkerPort<Incoming, Outgoing> {
  posted: Outgoing[];
  closed: boolean;
  /** What the main thread would post. */
  deliver(message: Incoming): void;
  /** The first message that `matches`, also one that comes later. */
  expect<Found extends Outgoing>(matches: (message: Outgoing) => message is Found): Promise<Found>;
}

export function createFakePort<Incoming, Outgoing>(): FakePort<Incoming, Outgoing> {
  const listeners: ((message: Incoming) => void)[] = [];
  let wake: () => void = () => undefined;
  const port: FakePort<Incoming, Outgoing> = {
    posted: [],
    closed: false,
    on: (_event, listener) => listeners.push(listener),
    postMessage: (message) => {
      port.posted.push(message);
      wake();
    },
    close: () => {
      port.closed = true;
      wake();
    },
    deliver: (message) => {
      for (const listener of listeners) listener(message);
    },
    expect: async (matches) => {
      const deadline = Date.now() + 5000;
      for (;;) {
        const found = port.posted.find(matches);
        if (found !== undefined) return found;
        if (Date.now() > deadline) throw new Error(`not posted: ${JSON.stringify(port.posted)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 50);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
  return port;
}

/** Whether a message is of that kind. */
export const isKind =
  <Message extends { kind: string }, Kind extends Message["kind"]>(kind: Kind) =>
  (message: Message): message is Extract<Message, { kind: Kind }> =>
    message.kind === kind;
