import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { removeFolder, temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createWatch, type Watch, type WatchedPaths } from "./watch.ts";

let folder = "";
let watch: Watch | null = null;

afterEach(() => {
  watch?.close();
  watch = null;
  if (folder !== "") removeFolder(folder);
  folder = "";
});

interface Watched {
  changes: () => number;
  /** Resolves with the number of reports once there is one more; -1 after `timeoutMs`. */
  next: (timeoutMs?: number) => Promise<number>;
  watch: Watch;
}

function start(paths: WatchedPaths, pollMs = 60_000, quietMs = 30): Watched {
  let changes = 0;
  let wake: () => void = () => undefined;
  const created = createWatch({
    quietMs,
    patienceMs: 200,
    pollMs,
    onChange: () => {
      changes++;
      created.mark(paths);
      wake();
    },
  });
  watch = created;
  created.mark(paths);
  return {
    watch: created,
    changes: () => changes,
    next: (timeoutMs = 3000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(-1), timeoutMs);
        wake = () => {
          clearTimeout(timer);
          resolve(changes);
        };
      }),
  };
}

function prepare(): WatchedPaths {
  folder = temporaryFolder("watch");
  mkdirSync(join(folder, "zones", "parts"), { recursive: true });
  writeFileSync(join(folder, "steerd.yaml"), "{}");
  writeFileSync(join(folder, "zones", "a.zone"), "1");
  writeFileSync(join(folder, "zones", "parts", "b.inc"), "1");
  return { files: [join(folder, "steerd.yaml")], folders: [join(folder, "zones")] };
}

describe("watch", () => {
  it.each<[string, (folder: string) => void]>([
    ["a zone file that is rewritten", (at) => writeFileSync(join(at, "zones/a.zone"), "22")],
    ["a new file", (at) => writeFileSync(join(at, "zones/c.yaml"), "1")],
    ["a file that goes", (at) => rmSync(join(at, "zones/a.zone"))],
    ["a file below a sub-folder", (at) => writeFileSync(join(at, "zones/parts/b.inc"), "22")],
    ["steerd.yaml", (at) => writeFileSync(join(at, "steerd.yaml"), "{ }")],
    [
      "a file that is renamed into place",
      (at) => {
        writeFileSync(join(at, "next"), "333");
        renameSync(join(at, "next"), join(at, "zones/a.zone"));
      },
    ],
  ])("reports %s, once", async (_what, change) => {
    const watched = start(prepare());
    change(folder);
    expect(await watched.next()).toBe(1);
    expect(await watched.next(150)).toBe(-1);
  });

  it("reports what appears where nothing was", async () => {
    folder = temporaryFolder("watch");
    const watched = start({ files: [], folders: [join(folder, "zones")] }, 50);
    mkdirSync(join(folder, "zones"));
    writeFileSync(join(folder, "zones/a.zone"), "1");
    expect(await watched.next()).toBe(1);
  });

  it("reports a ConfigMap's swap: the link turns, no file is written", async () => {
    folder = temporaryFolder("watch");
    for (const version of ["..1", "..2"]) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "a.zone"), version);
    }
    symlinkSync("..1", join(folder, "..data"));
    symlinkSync("..data/a.zone", join(folder, "a.zone"));
    const watched = start({ files: [], folders: [folder] });
    symlinkSync("..2", join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    expect(await watched.next()).toBe(1);
  });

  it("other files beside steerd.yaml, and events without a change, are nothing", async () => {
    const watched = start(prepare());
    writeFileSync(join(folder, "server.log"), "noise");
    writeFileSync(join(folder, "zones", ".a.zone.swp"), "noise");
    expect(await watched.next(200)).toBe(-1);
  });

  it("looks by itself where no events come: a parent that is a link", async () => {
    const real = prepare();
    symlinkSync(join(folder, "zones"), join(folder, "current"));
    const watched = start({ files: real.files, folders: [join(folder, "current")] }, 50);
    mkdirSync(join(folder, "next"));
    writeFileSync(join(folder, "next", "a.zone"), "other");
    symlinkSync(join(folder, "next"), join(folder, "link"));
    renameSync(join(folder, "link"), join(folder, "current"));
    expect(await watched.next()).toBe(1);
    // The folder that took the place is watched from now on.
    writeFileSync(join(folder, "next", "a.zone"), "again, longer");
    expect(await watched.next()).toBe(2);
  });

  it("reports in the middle of events that never cease", async () => {
    const watched = start(prepare(), 60_000, 100);
    let size = 0;
    const writer = setInterval(() => writeFileSync(join(folder, "zones/a.zone"), "x".repeat(++size)), 20);
    try {
      expect(await watched.next(2000)).toBe(1);
    } finally {
      clearInterval(writer);
    }
  });

  it("what changed after the files were read, and before they were watched, is reported", async () => {
    const paths = prepare();
    const watched = start(paths);
    watched.watch.mark(paths, Date.now() + 60_000);
    expect(await watched.next(100)).toBe(-1);
    watched.watch.mark(paths, Date.now() - 60_000);
    expect(await watched.next()).toBe(1);
    expect(await watched.next(100)).toBe(-1);
  });

  it("links in a circle end", () => {
    const paths = prepare();
    symlinkSync("..", join(folder, "zones", "parts", "up"));
    symlinkSync("loop", join(folder, "zones", "loop"));
    expect(start(paths).changes()).toBe(0);
  });

  it("a link out of the folder is not followed", async () => {
    const paths = prepare();
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), join(folder, "zones", "out"));
    const watched = start(paths, 20);
    writeFileSync(join(folder, "elsewhere", "c.zone"), "1");
    expect(await watched.next(150)).toBe(-1);
    writeFileSync(join(folder, "zones", "parts", "b.inc"), "22");
    expect(await watched.next()).toBe(1);
  });

  it("a closed watch reports nothing more", async () => {
    const watched = start(prepare());
    watched.watch.close();
    writeFileSync(join(folder, "zones/a.zone"), "22");
    expect(await watched.next(150)).toBe(-1);
  });
});
