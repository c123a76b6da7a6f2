import type { RecordColumns } from "../zone/record-columns.ts";
import { withApexRecords } from "./generated-records.ts";
import type { LoadedFragment } from "./includes.ts";
import type { LoadedConfig } from "./load.ts";
import type { LoadedZone } from "./zones-folder.ts";

/** Of all YAML files that the zone is made of. */
function textOf({ dynamic, includes }: LoadedZone): string {
  const files = new Set<LoadedFragment>();
  const waiting = [...includes.files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    waiting.push(...file.includes.files);
  }
  return [dynamic?.text ?? "", ...[...files].map(({ yaml }) => yaml.text)].join("\n");
}

/** The records to check and build; null when the master file has errors, which have been reported. */
export function columnsOf(zone: LoadedZone, loaded: LoadedConfig): RecordColumns | null {
  const { master, dynamic, apex } = zone;
  if (
    master !== null &&
    (master.columns === null || master.findings.some(({ severity }) => severity === "error"))
  )
    return null;
  const { nameserverLines: lines } = loaded;
  const { nameservers } = loaded.server;
  const from = {
    apex,
    nameservers,
    lines,
    ttlMaxSeconds: dynamic?.rest?.ttl.max ?? Number.POSITIVE_INFINITY,
    text: textOf(zone),
    file: loaded.configFile,
  };
  return withApexRecords(master?.columns ?? null, from);
}
