import { type CompileReport, hasErrors } from "../config/compile.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK } from "./command.ts";
import { compileFiles } from "./configuration.ts";
import { countFindings, findingLines, plural } from "./finding-lines.ts";

export const command = defineCommand({
  positionals: {},
  options: {
    strict: { type: "boolean", describe: "Warnings count as errors" },
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
    const compiled = compileFiles(given.config);
    const { findings } = compiled;
    const report = "report" in compiled ? compiled.report : null;
    const isGood = !hasErrors(findings) && !(given.strict === true && findings.length > 0);
    if (given.json === true) {
      const size = report === null ? {} : { contents: { ...report, tables: report.tables.length } };
      terminal.out(JSON.stringify({ ok: isGood, ...size, findings }));
    } else {
      for (const line of findingLines(findings, terminal)) terminal.out(line);
      terminal.out(summary(findings.length === 0 ? null : countFindings(findings), report));
    }
    return isGood ? EXIT_OK : EXIT_FINDINGS;
  },
});

/** `2 errors in 1 file; nothing was changed`, or what the files hold. */
function summary(counted: string | null, report: CompileReport | null): string {
  if (report === null) return `${counted}; nothing was changed`;
  const contents = [
    plural(report.zones, "zone"),
    plural(report.staticRecords, "static record"),
    plural(report.dynamicRecords, "steered name"),
    plural(report.pools, "pool"),
    plural(report.targets, "checked address", "checked addresses"),
  ].join(", ");
  return `${contents}: ${counted ?? "no errors"}`;
}
