import { EventEmitter } from "node:events";
import type { WorkerHandle } from "../../src/serve/supervised.ts";
import type { StartWorker, WorkerInit } from "../../src/serve/threads.ts";

type Kind = keyof WorkerInit;

/** A worker thread that does only what the test says. */
export class FakeThread extends EventEmitter implements WorkerHandle {
  readonly kind: Kind;
  readonly init: unknown;
  /** What it was told, in order. */
  told: { kind: string; [key: string]: unknown }[] = [];
  private gone = false;

  constructor(kind: Kind, init: unknown) {
    super();
    this.kind = kind;
    this.init = init;
  }

  postMessage(message: unknown): void {
    this.told.push(message as { kind: string });
    if ((message as { kind: string }).kind === "stop") setImmediate(() => this.die(0));
  }

  async terminate(): Promise<void> {
    this.die(1);
  }

  /** What the worker would post. */
  say(message: unknown): void {
    this.emit("message", message);
  }

  die(code: number): void {
    if (this.gone) return;
    this.gone = true;
    this.emit("exit", code);
  }

  toldOf(kind: string): { kind: string; [key: string]: unknown }[] {
    return this.told.filter((message) => message.kind === kind);
  }
}

export interface FakeThreads {
  start: StartWorker;
  /** Every thread of the kind that was started so far, in order. */
  of(kind: Kind): FakeThread[];
  last(kind: Kind): FakeThread;
}

export function createFakeThreads(): FakeThreads {
  const threads: FakeThread[] = [];
  const of = (kind: Kind): FakeThread[] => threads.filter((thread) => thread.kind === kind);
  return {
    of,
    last: (kind) => {
      const found = of(kind).at(-1);
      if (found === undefined) throw new Error(`no ${kind} worker was started`);
      return found;
    },
    start: (kind, init) => {
      const thread = new FakeThread(kind, init);
      threads.push(thread);
      return thread;
    },
  };
}
