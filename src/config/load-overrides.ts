import { lstatSync } from "node:fs";
import type { Finding } from "./findings.ts";
import { type LoadedYaml, loadYaml, MAX_YAML_OCTETS } from "./load-yaml.ts";
import { type OverrideInput, type OverridesInput, overridesSchema } from "./schema-overrides.ts";
import { shownPath } from "./shown-path.ts";
import { readSteadyFile } from "./steady-file.ts";
import { fileFinding } from "./zones-folder.ts";

/** What overrides.yaml says; without the file, nothing. */
export interface LoadedOverrides {
  /** As people are shown it. */
  file: string;
  path: string;
  /** Null: the file has errors, which are among the findings. */
  entries: OverrideInput[] | null;
  findings: Finding[];
  /** For places; null: there is no file. */
  yaml: LoadedYaml<OverridesInput> | null;
}

/** Reads the file of forced states. What it holds never makes it throw. */
export function loadOverrides(path: string): LoadedOverrides {
  const file = shownPath(path);
  // A link that leads nowhere is no absent file: whoever made it meant something.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
    return { file, path, entries: [], findings: [], yaml: null };
  const read = readSteadyFile(path, MAX_YAML_OCTETS);
  if ("octets" in read) return readOverrides(read.octets, path);
  return { file, path, entries: null, findings: [fileFinding(file, read)], yaml: null };
}

/** As loadOverrides, of octets that were read already. */
export function readOverrides(octets: Uint8Array, path: string): LoadedOverrides {
  const file = shownPath(path);
  const yaml: LoadedYaml<OverridesInput> = loadYaml(octets, file, overridesSchema);
  return { file, path, entries: yaml.input?.overrides ?? null, findings: yaml.findings, yaml };
}
