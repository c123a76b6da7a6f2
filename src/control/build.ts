import { createConfigCache } from "../config/cache.ts";
import { type CompiledConfig, compileConfig } from "../config/compile.ts";
import { loadConfig } from "../config/load.ts";
import { createRowRegistry } from "../config/rows.ts";
import { type SharedBlocks, WORD_GENERATION } from "../serve/blocks.ts";
import type { Attempt } from "./control.ts";

/**
 * Makes what reads the files of one server, again and again: it keeps what did not change from one time to the next,
 * and gives endpoints the health rows that they had, even when the control worker before this one gave them out.
 */
export function createBuild(
  configPath: string | null,
  blocks: SharedBlocks,
): (generation: number) => Attempt {
  const cache = createConfigCache();
  const rows = createRowRegistry(blocks.rows, Atomics.load(blocks.control, WORD_GENERATION));
  let previous: CompiledConfig | null = null;
  return (generation) => {
    const loaded = loadConfig({ configFile: configPath, cache });
    const { zones } = loaded.server;
    const watched = { files: loaded.watched.filter((path) => path !== zones), folders: [zones] };
    const compiled = compileConfig(loaded, { rows, previous, generation });
    if (!("snapshot" in compiled)) return { findings: compiled.findings, built: null, watched };
    previous = compiled;
    const { snapshot, plan, server, report, findings } = compiled;
    const settings = { listeners: server.listen, udpWorkers: server.workers };
    return {
      findings,
      built: { snapshot, plan, settings, indexes: report.tables, api: server.api.listen },
      watched,
    };
  };
}
