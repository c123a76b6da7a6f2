import { type SharedBlocks, WORD_OPEN } from "../serve/blocks.ts";
import { formatListener, formatListenFailure, type Listener } from "../serve/listener.ts";
import type { Log } from "../serve/messages.ts";
import { restartDelayMs } from "../serve/supervised.ts";
import type { Api } from "./api.ts";

export interface ApiKeeper {
  /** Opens the API there, in place of where it was. */
  listenOn(listener: Listener): void;
  close(): Promise<void>;
}

/** Keeps the API open on one listener: when it cannot be had, that is an alarm, tried again, and nothing else. */
export function keepApiOpen(
  blocks: SharedBlocks,
  log: Log,
  openApi: (listener: Listener) => Promise<Api>,
): ApiKeeper {
  let wanted: Listener | null = null;
  let api: Api | null = null;
  let retry: NodeJS.Timeout | null = null;
  let failures = 0;
  /** Opening and closing follow each other, whatever order they are asked for in. */
  let work: Promise<void> = Promise.resolve();

  const close = async (): Promise<void> => {
    Atomics.store(blocks.control, WORD_OPEN, 0);
    if (retry !== null) clearTimeout(retry);
    retry = null;
    const closing = api;
    api = null;
    await closing?.close();
  };
  const open = async (listener: Listener): Promise<void> => {
    if (listener !== wanted) return;
    try {
      const opened = await openApi(listener);
      if (listener !== wanted) {
        await opened.close();
        return;
      }
      api = opened;
      failures = 0;
      Atomics.store(blocks.control, WORD_OPEN, 1);
      log("info", `metrics and health on http://${formatListener(api.listener)}`);
    } catch (error) {
      failures++;
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = formatListenFailure({ listener, transport: "tcp", code: code ?? message });
      log("error", `no metrics and no API: ${reason}; trying again`, { failures });
      retry = setTimeout(
        () => {
          work = work.then(() => open(listener));
        },
        restartDelayMs(failures + 3),
      );
    }
  };
  return {
    listenOn: (listener) => {
      if (wanted !== null && formatListener(wanted) === formatListener(listener)) return;
      wanted = listener;
      work = work.then(close).then(() => open(listener));
    },
    close: async () => {
      wanted = null;
      work = work.then(close);
      await work;
    },
  };
}
