import { type CompileReport, hasErrors } from "../config/compile.ts";
import { formatOctets, type IndexSize, largestIndexes } from "../config/index-memory.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK } from "./command.ts";
import { compileFor, unresolvedSentence } from "./configuration.ts";
import { countFindings, findingLines, plural } from "./finding-lines.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    strict: { type: "boolean", describe: "Warnings count as errors" },
    memory: { type: "boolean", describe: "Tell what the prefix index of each policy takes" },
    resolve: { type: "boolean", describe: "Look up the names of `resolve` endpoints" },
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [
    ["check", "./steerd.yaml, or the defaults, and every zone"],
    [
      "check --strict --json --config /etc/steerd/steerd.yaml",
      "In a pipeline, before the files are rolled out",
    ],
  ],
  async run(given, terminal) {
    const isResolved = given.resolve === true;
    const compiled = await compileFor(given.config, isResolved);
    const { findings } = compiled;
    const report = "report" in compiled ? compiled.report : null;
    const isGood = !hasErrors(findings) && !(given.strict === true && findings.length > 0);
    if (given.json === true) {
      const size =
        report === null
          ? {}
          : {
              contents: { ...report, tables: report.tables.length },
              ...(given.memory === true ? { indexes: report.tables } : {}),
            };
      terminal.out(JSON.stringify({ ok: isGood, ...size, findings }));
    } else {
      for (const line of findingLines(findings, terminal)) terminal.out(line);
      if (given.memory === true && report !== null)
        for (const line of memoryLines(report.tables)) terminal.out(line);
      terminal.out(summary(findings.length === 0 ? null : countFindings(findings), report));
      const unresolved = "snapshot" in compiled ? unresolvedSentence(compiled, isResolved) : null;
      if (unresolved !== null) terminal.out(unresolved);
    }
    return isGood ? EXIT_OK : EXIT_FINDINGS;
  },
});

/** Indexes in columns, the largest first, and their sum. */
function memoryLines(sizes: readonly IndexSize[]): string[] {
  const rows = largestIndexes(sizes, sizes.length).map(
    ({ name, records, octets, tiles4, tiles6, longest4, longest6 }) => {
      const tiles = `${tiles4} IPv4 tiles to /${longest4}, ${tiles6} IPv6 tiles to /${longest6}`;
      return [formatOctets(octets), records > 1 ? `${name} and ${records - 1} more` : name, tiles] as const;
    },
  );
  const sum = sizes.reduce((all, { octets }) => all + octets, 0);
  const nameWidth = Math.max(0, ...rows.map(([, name]) => name.length));
  return [
    ...rows.map(([octets, name, tiles]) => `${octets.padStart(10)}  ${name.padEnd(nameWidth)}  ${tiles}`),
    `${formatOctets(sum).padStart(10)}  all indexes`,
    "",
  ];
}

/** `2 errors in 1 file`, or what the files hold. */
function summary(counted: string | null, report: CompileReport | null): string {
  if (report === null) return counted ?? "no errors";
  const contents = [
    plural(report.zones, "zone"),
    plural(report.staticRecords, "static record"),
    plural(report.dynamicRecords, "steered name"),
    plural(report.pools, "pool"),
    plural(report.targets, "checked address", "checked addresses"),
  ].join(", ");
  const none = report.zones === 0 ? "; no zone is served: zones are files that end in .zone or .yaml" : "";
  return `${contents}: ${counted ?? "no errors"}${none}`;
}
