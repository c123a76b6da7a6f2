import { packageVersion } from "../cli/version.ts";
import type { KnownNames } from "../config/known-names.ts";
import type { ControlEvent } from "../serve/messages.ts";
import { keepApiOpen } from "./api-keeper.ts";
import { createCommands } from "./commands.ts";
import type { Built, ControlOptions } from "./control.ts";
import { createEventBook } from "./event-book.ts";
import { createExpiries } from "./expiries.ts";
import type { Overrides } from "./overrides.ts";
import { keepSocketOpen } from "./socket-keeper.ts";
import type { ControlStatus } from "./status.ts";

/** What the control worker can be reached by: the API, and the control socket. */
export interface Doors {
  /** Takes over a configuration that was accepted. */
  adopt(built: Built): void;
  /** Opens both from now on. */
  open(): void;
  onEvent(event: ControlEvent): void;
  close(): Promise<void>;
}

export function createDoors(
  { blocks, log, post, startedMs, openApi }: ControlOptions,
  status: ControlStatus,
  overrides: Overrides,
  known: () => KnownNames,
): Doors {
  const events = createEventBook();
  const expiries = createExpiries(blocks, () => Date.now());
  const version = packageVersion();
  const sources = { blocks, status, overrides, expiries, events, known, post, startedMs, version };
  const socket = keepSocketOpen(createCommands(sources), log);
  const api = keepApiOpen(blocks, log, (listener) => openApi(listener, status));
  let built: Built | null = null;
  let isOpen = false;
  const listen = (): void => {
    if (!isOpen || built === null) return;
    api.listenOn(built.api);
    socket.listenOn(built.config.server.control.socket);
  };
  return {
    adopt: (next) => {
      built = next;
      expiries.adopt(next.config);
      listen();
    },
    open: () => {
      isOpen = true;
      listen();
    },
    onEvent: (event) => events.add(event),
    close: async () => {
      await Promise.all([api.close(), socket.close()]);
    },
  };
}
