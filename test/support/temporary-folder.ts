import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();
let watching = false;

/** A new empty folder, removed when the process ends or by `removeFolder`. */
export function temporaryFolder(name = "test"): string {
  if (!watching) {
    watching = true;
    process.once("exit", () => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
  }
  const folder = mkdtempSync(join(tmpdir(), `steerd-${name}-`));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  if (!folders.delete(folder)) throw new Error(`${folder} is not a temporary folder of this process`);
  rmSync(folder, { recursive: true, force: true });
}
