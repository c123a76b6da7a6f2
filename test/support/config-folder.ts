import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { type ConfigCache, createConfigCache } from "../../src/config/cache.ts";
import { type CompiledConfig, compileConfig, type RejectedConfig } from "../../src/config/compile.ts";
import { type Finding, formatFinding } from "../../src/config/findings.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { loadYaml, reporterOn } from "../../src/config/load-yaml.ts";
import { resolveZone } from "../../src/config/resolve-zone.ts";
import { createRowRegistry } from "../../src/config/rows.ts";
import { type ServerOptions, serverSchema } from "../../src/config/schema-server.ts";
import { zoneSchema } from "../../src/config/schema-zone.ts";
import { allocateHealthRows } from "../../src/health/rows.ts";
import { makeMmdb } from "./geo-fixtures.ts";
import { nameOctets } from "./packet.ts";
import { removeFolder, temporaryFolder } from "./temporary-folder.ts";

/** A folder with the files of one server, removed when the test ends. */
export interface ConfigFolder {
  root: string;
  cache: ConfigCache;
  write(path: string, content: string | Uint8Array): void;
  load(): LoadedConfig;
  /** Makes all files look older than the kernel's tick, so that their stamps are trusted, and loads them. */
  age(): void;
  compile(): CompiledConfig | RejectedConfig;
  /** Findings of `compile` as lines, with paths relative to the folder; warnings begin with `warning`. */
  findings(): string[];
}

/** Countries of the folder's own small database. */
const COUNTRIES = makeMmdb({
  "81.2.69.0/24": { country_code: "GB" },
  "50.0.0.0/8": { country_code: "US" },
  "2a00::/16": { country_code: "DE" },
});

const SERVER = "geo: {country: countries.mmdb}\nnameservers: [ns1.example.net., ns2.example.net.]\n";

/** `files` by path, as `zones/example.com.zone`. steerd.yaml names a small database unless it is given. */
export function configFolder(files: Record<string, string | Uint8Array> = {}): ConfigFolder {
  const root = temporaryFolder("config");
  onTestFinished(() => removeFolder(root));
  const cache = createConfigCache();
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  mkdirSync(join(root, "zones"));
  const all = { "countries.mmdb": COUNTRIES, "steerd.yaml": SERVER, ...files };
  for (const [path, content] of Object.entries(all)) write(path, content);
  const load = () => loadConfig({ configFile: join(root, "steerd.yaml"), cache });
  const age = () => {
    vi.useFakeTimers({ now: Date.now() + 10_000, toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    load();
  };
  const rows = createRowRegistry(allocateHealthRows(256, 64), 0);
  const compile = () => compileConfig(load(), { rows, previous: null, generation: 1 });
  const findings = () => compile().findings.map((finding) => findingLine(finding).replaceAll(`${root}/`, ""));
  return { root, cache, write, load, age, compile, findings };
}

function findingLine(finding: Finding): string {
  return `${finding.severity === "warning" ? "warning " : ""}${formatFinding(finding)}`;
}

/** Findings of one zones/<origin>.yaml for example.com, as `line:column CODE what: expected ...`. */
export function zoneFindings(text: string): string[] {
  const findings: Finding[] = [];
  const yaml = loadYaml(new TextEncoder().encode(text), "z", zoneSchema);
  if (yaml.input !== null)
    resolveZone(
      "example.com",
      Uint8Array.from(nameOctets("example.com.")),
      yaml.input,
      reporterOn(yaml, findings),
    );
  return [...yaml.findings, ...findings].map((finding) => findingLine(finding).replace("z:", ""));
}

/** Findings of a steerd.yaml, or what it says. */
export function serverOptions(text: string): { findings: string[]; options: ServerOptions | null } {
  const { findings, input } = loadYaml(new TextEncoder().encode(text), "s", serverSchema);
  return { findings: findings.map((finding) => findingLine(finding).replace("s:", "")), options: input };
}
