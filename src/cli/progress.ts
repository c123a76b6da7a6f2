import type { Terminal } from "./terminal.ts";

/** Shows how far something is that takes long: one line that is written over, on a terminal only. */
export interface Progress {
  /** `done` of `total`; with an unknown total (0) the share is left out. `note` stands behind it. */
  show(done: number, total: number, note: string): void;
  /** Takes the line away. */
  end(): void;
}

/** Often enough to look alive; a terminal is slower than what it shows. */
const INTERVAL_MS = 100;
const BAR_COLUMNS = 24;

export function createProgress(
  terminal: Terminal,
  label: string,
  nowMs: () => number = () => performance.now(),
): Progress {
  const { line } = terminal;
  let shownMs = Number.NEGATIVE_INFINITY;
  return {
    show(done, total, note) {
      if (line === null || nowMs() - shownMs < INTERVAL_MS) return;
      shownMs = nowMs();
      line(progressLine(label, done, total, note).slice(0, terminal.columns - 1));
    },
    end() {
      if (line !== null && shownMs > Number.NEGATIVE_INFINITY) line("");
    },
  };
}

function progressLine(label: string, done: number, total: number, note: string): string {
  if (total <= 0) return `${label}  ${note}`;
  const share = Math.min(1, Math.max(0, done / total));
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = `${"#".repeat(filled)}${"-".repeat(BAR_COLUMNS - filled)}`;
  return `${label}  [${bar}] ${String(Math.floor(share * 100)).padStart(3)}%  ${note}`;
}
