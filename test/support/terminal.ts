import type { Terminal } from "../../src/cli/terminal.ts";

/** A terminal that remembers, without colours. */
export interface RecordedTerminal extends Terminal {
  /** Everything written to standard output, and to standard error. */
  stdout: string;
  stderr: string;
}

export function recordedTerminal(colours = false): RecordedTerminal {
  const terminal: RecordedTerminal = {
    stdout: "",
    stderr: "",
    out: (text) => {
      terminal.stdout += `${text}\n`;
    },
    err: (text) => {
      terminal.stderr += `${text}\n`;
    },
    line: null,
    colours,
    mark: "",
    columns: 110,
    keys: null,
  };
  return terminal;
}
