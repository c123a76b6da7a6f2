import { join } from "node:path";
import type { Generator } from "./generator.ts";
import { type Setting, startSteerd } from "./peers.ts";
import { type Measured, measureRun } from "./target.ts";
import { faultOf, WINDOW } from "./throughput.ts";
import { makeNamesWorkload } from "./workloads.ts";

export interface NamesResult {
  names: number[];
  /** Microseconds of processor time a query, by round: of the small zone, of the large one. */
  perQueryUs: [number, number][];
  ratios: number[];
  leftOut: string[];
}

/** Zones of one name and of a million, in servers of their own that take turns. */
export async function measureNames(
  generator: Generator,
  setting: Setting,
  options: { rounds: number; durationMs: number; warmUpMs: number; busy: number; many: number },
): Promise<NamesResult> {
  const names = [1, options.many];
  const targets = await Promise.all(
    names.map(async (count) => {
      const folder = join(setting.folder, `names-${count}`);
      const server = await startSteerd({ ...setting, folder, workers: 1, names: count, embedded: true });
      return { target: { server, resolverAddress: 0 }, workload: makeNamesWorkload(count) };
    }),
  );
  // Snapshots are gathered into huge pages beside the first answers.
  await new Promise((done) => setTimeout(done, 3_000));
  const result: NamesResult = { names, perQueryUs: [], ratios: [], leftOut: [] };
  // The first round warms the code up.
  for (let round = 0; round <= options.rounds; round++) {
    const runs = targets.map(
      ({ target, workload }): Measured =>
        measureRun(generator, target, workload, options, (each) => generator.saturate(each, WINDOW)),
    );
    const faults = runs.flatMap((run) => faultOf(run, options.busy) ?? []);
    if (round === 0) continue;
    if (faults.length > 0) {
      result.leftOut.push(faults[0]!);
      continue;
    }
    const [few, many] = [runs[0]!.totalUs, runs[1]!.totalUs];
    result.perQueryUs.push([few, many]);
    result.ratios.push(many / few);
  }
  await Promise.all(targets.map(({ target }) => target.server.child.stop()));
  return result;
}
