import { createConfigCache } from "../config/cache.ts";
import { type CompiledConfig, compileConfig } from "../config/compile.ts";
import type { Discovered } from "../config/discovered.ts";
import { type LoadedConfig, loadConfig } from "../config/load.ts";
import { createRowRegistry } from "../config/rows.ts";
import { dataBlocks, type SharedBlocks, WORD_GENERATION } from "../serve/blocks.ts";
import { recallLists } from "../serve/remembered-lists.ts";
import { allocateTallies } from "../tallies.ts";
import type { ControlOptions } from "./control.ts";

/**
 * Makes what reads the files of one server, again and again: it keeps what did not change from one time to the next,
 * and gives endpoints the health rows that they had, even when the control worker before this one gave them out.
 * `inUse`: endpoints from files that such a one had accepted.
 */
export function createBuild(
  configPath: string | null,
  blocks: SharedBlocks,
  inUse?: Discovered,
): ControlOptions["build"] {
  const cache = createConfigCache();
  const rows = createRowRegistry(blocks.rows, Atomics.load(blocks.control, WORD_GENERATION));
  let previous: CompiledConfig | null = null;
  let sound: LoadedConfig | null = null;
  let recalled: Discovered | undefined;
  return (generation, known, isAgain, overrides) => {
    // What names lead to changes more often than the files: those that were sound are compiled again as they were.
    const loaded = (isAgain ? sound : null) ?? loadConfig({ configFile: configPath, cache });
    const { zones, state } = loaded.server;
    // What the process before this one had from files; a control worker before this one knew more.
    if (previous === null && inUse === undefined && state !== null && loaded.endpointsFiles.size > 0)
      recalled = recallLists(state, Math.floor(Date.now() / 1000));
    const watched = { files: loaded.watched.filter((path) => path !== zones), folders: [zones] };
    // Forced states hold whatever their file says by now, unless it is another file.
    const kept = overrides?.path === loaded.server.overrides ? { overrides } : {};
    const compiled = compileConfig(loaded, {
      rows,
      previous,
      generation,
      known,
      discovered: inUse ?? recalled,
      ...kept,
    });
    // Tables that are made later read it again; most reloads make none.
    loaded.geo.release();
    if (!("snapshot" in compiled)) return { findings: compiled.findings, built: null, watched };
    previous = compiled;
    sound = loaded;
    const { names, plan, server, report, findings, wanted } = compiled;
    const tallies = allocateTallies(compiled.snapshot, dataBlocks(blocks).length);
    const snapshot = { ...compiled.snapshot, tallies };
    const settings = { listeners: server.listen, udpWorkers: server.workers, state: server.state };
    const { resolvers } = server;
    const indexes = report.tables;
    return {
      findings,
      built: {
        snapshot,
        names,
        plan,
        settings,
        indexes,
        api: server.api.listen,
        wanted,
        resolvers,
        config: compiled,
      },
      watched,
    };
  };
}
