import { NO_NAMES } from "./file-names.ts";
import type { Finding } from "./findings.ts";
import { joinImports, type ResolvedFragment } from "./imports.ts";
import type { LoadedFragment } from "./includes.ts";
import { type LoadedYaml, reporterOn } from "./load-yaml.ts";
import { type Basis, isSame, resolveFragment } from "./resolve-fragment.ts";
import { type ResolvedZone, resolveZone } from "./resolve-zone.ts";
import type { ZoneInput } from "./schema-zone.ts";
import type { LoadedZone } from "./zones-folder.ts";

interface Resolution extends Basis {
  zone: ResolvedZone;
  findings: Finding[];
}

/** What was made of a file that did not change is the same again; planPool gives its pools the rows that they had. */
const resolutions = new WeakMap<LoadedYaml<ZoneInput>, Resolution>();

export function resolveDynamic(
  { name, apex, dynamic, latency, includes }: LoadedZone,
  fragments: Map<LoadedFragment, ResolvedFragment>,
  findings: Finding[],
): ResolvedZone {
  if (dynamic === null || dynamic.rest === null) return NOTHING_RESOLVED;
  const files = includes.files.map((file) => resolveFragment(file, fragments));
  const { isComplete } = includes;
  let resolution = resolutions.get(dynamic);
  if (resolution === undefined || !isSame(resolution, { latency, imports: files, isComplete })) {
    const found: Finding[] = [];
    const reporter = reporterOn(dynamic, found);
    const imports = joinImports(files, isComplete, reporter);
    const zone = resolveZone(name, apex, dynamic.rest, reporter, latency, imports, dynamic.damage);
    resolution = { latency, imports: files, isComplete, zone, findings: found };
    resolutions.set(dynamic, resolution);
  }
  findings.push(...resolution.findings);
  return resolution.zone;
}

const NOTHING_RESOLVED: ResolvedZone = {
  owners: [],
  records: [],
  pools: [],
  names: NO_NAMES,
  databaseUses: [],
};
