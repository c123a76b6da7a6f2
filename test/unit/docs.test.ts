import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { compileFiles } from "../../src/cli/configuration.ts";
import { DEMO_CLIENTS, DEMO_NAME } from "../../src/cli/demo-screen.ts";
import { runCommandLine } from "../../src/cli/program.ts";
import { type Finding, formatFinding } from "../../src/config/findings.ts";
import { loadHealthFile } from "../../src/config/health-file.ts";
import { cityRecord, makeMmdb } from "../support/geo-fixtures.ts";
import { uint32 } from "../support/mmdb-writer.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { recordedTerminal } from "../support/terminal.ts";

const root = resolve(import.meta.dirname, "../..");

function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const documents = [...readdirSync(root).filter((name) => name.endsWith(".md")), ...files("docs", ".md")];

/** Anchors that the headings of a page get on the usual hosting sites. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ +(.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("every relative link leads somewhere", () => {
  test.each(documents)("%s", (document) => {
    const broken = [...read(document).matchAll(/\[[^\]]*\]\((?!https?:)([^)\s]*)\)/g)].flatMap(([, link]) => {
      const [target = "", anchor] = link!.split("#");
      const path = target === "" ? document : join(dirname(document), target);
      if (!existsSync(join(root, path))) return [`${link}: no such file`];
      if (anchor === undefined || anchors(read(path)).includes(anchor)) return [];
      return [`${link}: no such heading`];
    });
    expect(broken).toEqual([]);
  });
});

describe("the README", () => {
  const readme = read("README.md");
  const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;

  test.each(["npm ci && npm start", "npm ci && npm test"])("writes `%s` as it is typed", (command) => {
    expect(readme).toContain(`\n\`\`\`\n${command}\n\`\`\`\n`);
  });

  test("its two commands compile inside their own script", () => {
    expect(scripts.start).toMatch(/^npm run --silent build && /);
    expect(scripts.test).toMatch(/^npm run --silent build && /);
    for (const name of ["preinstall", "install", "postinstall", "prepare", "pretest", "prestart"]) {
      expect(scripts[name]).toBeUndefined();
    }
  });

  test("its dig lines are those of the demo", () => {
    for (const { prefix } of DEMO_CLIENTS) {
      expect(readme).toContain(`$ dig @127.0.0.1 -p 5300 ${DEMO_NAME} A +subnet=${prefix} +short\n127.0.0.1`);
    }
  });

  test("shows what explain says", async () => {
    const [, line, output] = readme.match(/^\$ bin\/steerd (explain .*)\n([\s\S]*?)^```$/m)!;
    const terminal = recordedTerminal();
    expect(await runCommandLine(line!.split(" "), terminal)).toBe(0);
    expect(terminal.stdout).toBe(output);
  });

  test("lists every command and exit code of --help", async () => {
    const terminal = recordedTerminal();
    await runCommandLine(["--help"], terminal);
    for (const [, name] of terminal.stdout.matchAll(/^ {2}steerd (\w+)/gm))
      expect(readme).toContain(`\`steerd ${name}`);
    for (const words of [
      "0 done",
      "1 findings: errors in files, no reply, a server that could not start",
      "2 ",
    ]) {
      expect(readme).toContain(words);
      expect(terminal.stdout).toContain(words);
    }
  });

  test("gives credit for the embedded data", () => {
    expect(readme).toContain("[IP Geolocation by DB-IP](https://db-ip.com), under CC BY 4.0");
  });
});

describe("ARCHITECTURE.md", () => {
  const architecture = read("ARCHITECTURE.md");
  const sources = files("src", ".ts").filter((path) => !path.endsWith(".test.ts"));
  const mapped = [...architecture.matchAll(/^\| `(src\/[^`]+)` \| (.+) \|$/gm)];

  test("opens with the three paths", () => {
    const paths = architecture.indexOf("## Three paths");
    expect(paths).toBeGreaterThan(0);
    expect(architecture.indexOf("\n## ")).toBe(paths - 1);
  });

  test("its map has every source file, once, and no other", () => {
    expect(mapped.map((match) => match[1]).sort()).toEqual(sources);
  });
});

describe("decisions", () => {
  const decisions = files("docs/decisions", ".md");

  test("are numbered without a gap", () => {
    decisions.forEach((path, i) => {
      expect(path).toMatch(new RegExp(`/${String(i + 1).padStart(4, "0")}-[a-z0-9-]+\\.md$`));
      expect(read(path)).toMatch(new RegExp(`^# ${i + 1}\\. `));
    });
  });

  test.each(decisions)("%s has its four parts", (path) => {
    for (const part of ["Context", "Decision", "Consequences", "Alternatives"]) {
      expect(read(path)).toMatch(new RegExp(`^${part}[.:] `, "m"));
    }
  });
});

describe("the change log", () => {
  test("begins with what is not released yet", () => {
    expect(read("CHANGELOG.md")).toMatch(/^# Changelog\n[^#]*\n## Unreleased\n/);
  });
});

describe("configurations in the documents load without an error", () => {
  const fences = documents.flatMap((document) =>
    [...read(document).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
      ([, text], i) => [document, i + 1, text!] as const,
    ),
  );

  /** Files that zones of the same document include. */
  const included = (document: string): [path: string, text: string][] =>
    fences.flatMap(([of, , text]) => {
      const path = /^# (zones\/include\/\S+\.yaml)\n/.exec(text)?.[1];
      return of === document && path !== undefined ? [[path, text] as [string, string]] : [];
    });

  test.each(fences)("%s, number %i", (document, _number, text) => {
    const [, path] = text.match(/^# (steerd\.yaml|overrides\.yaml|health\.yaml|zones\/\S+\.yaml)\n/) ?? [];
    expect(path, "the first line names the file").toBeDefined();
    if (path === "health.yaml") {
      const found: Finding[] = [];
      const lines = loadHealthFile(new TextEncoder().encode(text), path, found);
      expect([found, lines.length > 0]).toEqual([[], true]);
      return;
    }
    const folder = temporaryFolder("docs");
    mkdirSync(join(folder, "zones/include"), { recursive: true });
    for (const [file, content] of included(document)) {
      writeFileSync(join(folder, file), content);
      writeFileSync(join(folder, "zones/includes.example.yaml"), `include: [${basename(file)}]\n`);
    }
    writeNeighbours(folder, text);
    writeFileSync(join(folder, path!), text);
    // Whether this host has ping is not the document's matter; forced states alone have no zones to be about.
    const ignored = ["CFG_PING_MISSING", ...(path === "overrides.yaml" ? ["CFG_OVERRIDE_UNMATCHED"] : [])];
    const findings = compileFiles(join(folder, "steerd.yaml")).findings.filter(
      ({ code }) => !ignored.includes(code),
    );
    expect(findings.map(formatFinding)).toEqual([]);
  });

  /** What an example names, and somebody else writes. */
  function writeNeighbours(folder: string, text: string): void {
    // A zone without a master file gets its SOA and NS from here.
    // What wants more than the countries of the package says so.
    const databases = [
      ...(text.includes("asn: {") ? ["asn: ./asn.mmdb"] : []),
      ...(text.includes("# wants a city database") ? ["city: ./city.mmdb"] : []),
    ].join(", ");
    const programs = "probes: {programs: [/usr/lib/nagios/plugins/]}\n";
    writeFileSync(
      join(folder, "steerd.yaml"),
      `nameservers: [ns1.example.net.]\n${programs}geo: {${databases}}\n`,
    );
    const made = {
      city: makeMmdb({ "81.2.69.0/24": cityRecord({ country: "GB", subdivisions: ["ENG"] }) }),
      country: makeMmdb({ "81.2.69.0/24": { country_code: "GB" } }),
      asn: makeMmdb({ "81.2.69.0/24": { autonomous_system_number: uint32(64_500) } }),
    };
    for (const [name, octets] of Object.entries(made)) writeFileSync(join(folder, `${name}.mmdb`), octets);
    mkdirSync(join(folder, "registry"));
    mkdirSync(join(folder, "zones/lists"));
    for (const [file] of text.matchAll(/lists\/\w+\.\w+/g))
      writeFileSync(join(folder, "zones", file), '["192.0.2.1"]');
    writeFileSync(join(folder, "zones/rtt.csv"), "client,region,rtt_ms\nEU,dublin,21\nEU,virginia,93\n");
    const common = join(folder, "zones/include/common.yaml");
    if (text.includes("include: [common.yaml]") && !existsSync(common)) writeFileSync(common, "pools: {}\n");
  }

  test("there are some", () => {
    expect(fences.length).toBeGreaterThanOrEqual(6);
  });
});

describe("docker/", () => {
  test("its configuration is in order", () => {
    expect(compileFiles(join(root, "docker/config/steerd.yaml")).findings.map(formatFinding)).toEqual([]);
  });

  test("the image holds what it starts, and the build what it needs", () => {
    const dockerfile = read("docker/Dockerfile");
    const ignored = read(".dockerignore").split("\n");
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap((match) =>
      match[1]!.split(" "),
    );
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(ignored).not.toContain(path);
    }
  });

  test("origins and addresses of the compose file are those of its zone", () => {
    const compose = parse(read("docker/compose.yaml"), { merge: true }) as {
      services: Record<string, { networks: { regions: { ipv4_address: string } }; entrypoint?: string[] }>;
    };
    const zone = parse(read("docker/config/zones/compose.example.yaml")) as {
      pools: Record<string, { endpoints: string[] }>;
    };
    for (const [name, { endpoints }] of Object.entries(zone.pools)) {
      const service = compose.services[name]!;
      expect([service.networks.regions.ipv4_address]).toEqual(endpoints);
      const source = service.entrypoint![1]!.replace("/opt/steerd/dist/", "src/").replace(/\.js$/, ".ts");
      expect(existsSync(join(root, source)), source).toBe(true);
    }
  });
});
