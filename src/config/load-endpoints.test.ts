import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { POOL_MAX_ANSWERS, POOL_SELECT, SELECT_ALL, SELECT_HASH, SELECT_WEIGHTED } from "../policy/data.ts";
import { createConfigCache } from "./cache.ts";
import { type CompiledConfig, compileConfig } from "./compile.ts";
import { formatFinding } from "./findings.ts";
import { loadConfig } from "./load.ts";
import { parseEndpoints } from "./load-endpoints.ts";
import { createRowRegistry } from "./rows.ts";

/** Endpoints of a file as `name weight addresses`, or why there are none. */
function parsed(text: string): string | string[] {
  const file = parseEndpoints(new TextEncoder().encode(text), "f");
  if ("why" in file) return file.why;
  return file.endpoints.map(({ name, weight, addresses }) =>
    [name, ...(weight === undefined ? [] : [weight]), ...addresses.map((address) => address.text)].join(" "),
  );
}

describe("what files with endpoints look like", () => {
  test.each([
    ["a list", "- 192.0.2.1\n- {name: lb2, address: [192.0.2.2, '2001:db8::2'], weight: 3}\n"],
    [
      "a mapping with the list",
      '{"endpoints": ["192.0.2.1", {"name": "lb2", "address": ["192.0.2.2", "2001:db8::2"], "weight": 3}]}',
    ],
  ])("%s", (_what, text) => {
    expect(parsed(text)).toEqual(["192.0.2.1 192.0.2.1", "lb2 3 192.0.2.2 2001:db8::2"]);
  });

  test("Prometheus' file_sd", () => {
    const text = JSON.stringify([
      { targets: ["192.0.2.1:80", "[2001:db8::1]:80"], labels: { job: "web" } },
      { targets: ["192.0.2.2"] },
    ]);
    expect(parsed(text)).toEqual(["192.0.2.1 192.0.2.1", "2001:db8::1 2001:db8::1", "192.0.2.2 192.0.2.2"]);
  });

  test("Consul's health of a service: the service's address, else the node's, and weights", () => {
    const text = JSON.stringify([
      {
        Node: { Node: "a", Address: "192.0.2.1" },
        Service: { ID: "web-1", Address: "", Port: 80, Weights: { Passing: 1, Warning: 1 } },
        Checks: [],
      },
      { Node: { Address: "192.0.2.2" }, Service: { Address: "192.0.2.3", Weights: { Passing: 5 } } },
    ]);
    expect(parsed(text)).toEqual(["192.0.2.1 192.0.2.1", "192.0.2.3 5 192.0.2.3"]);
  });

  test("Kubernetes' EndpointSlices, without those that are not ready", () => {
    const slice = {
      kind: "EndpointSlice",
      endpoints: [
        { addresses: ["192.0.2.1"], conditions: { ready: true } },
        { addresses: ["192.0.2.2"], conditions: { ready: false } },
        { addresses: ["192.0.2.3"] },
      ],
    };
    expect(parsed(JSON.stringify(slice))).toEqual(["192.0.2.1 192.0.2.1", "192.0.2.3 192.0.2.3"]);
    const items = [slice, { endpoints: [{ addresses: ["2001:db8::1"] }] }, { endpoints: null }];
    expect(parsed(JSON.stringify({ kind: "EndpointSliceList", items }))).toEqual([
      "192.0.2.1 192.0.2.1",
      "192.0.2.3 192.0.2.3",
      "2001:db8::1 2001:db8::1",
    ]);
  });

  test("an address that stands twice counts once: registries list a host for each of its ports", () => {
    expect(parsed("[{targets: ['192.0.2.1:80', '192.0.2.1:81']}]")).toEqual(["192.0.2.1 192.0.2.1"]);
  });

  test.each([
    ["", []],
    ["# nobody there\n", []],
    ["{}", []],
    ["[]", []],
    ["endpoints: []", []],
    [
      "- 192.0.2.1\n- 192.0.2.300\n- example.net\n",
      'f:2:3 "192.0.2.300" is not an address: expected an IPv4 or IPv6 address, and 1 more',
    ],
    ["- {adress: 192.0.2.1}", 'f:1:4 [0]: "adress" is not a key: did you mean address?'],
    ["[192.0.2.1", "f:1:11"],
    ["just words", "f:1:1 the file is"],
    ["- {name: a, address: 192.0.2.1}\n- {name: a, address: 192.0.2.2}", 'f:2:22 "a" names two endpoints'],
    ["[{Service: {}}]", 'f:1:2 "" is not an address'],
    ['{"endpoints": [{"target": "cdn.example."}]}', "f:1:17"],
    [
      "[{targets: [web.internal:80]}]",
      'f:1:13 "web.internal" is not an address: expected an IPv4 or IPv6 address, not a name',
    ],
    ["{endpoints: [192.0.2.1], endpoints: [192.0.2.2]}", "f:1:26"],
  ])("%j", (text, expected) => {
    if (Array.isArray(expected)) expect(parsed(text)).toEqual(expected);
    else expect(parsed(text)).toContain(expected);
  });
});

const ZONE = (options: string): string => `
pools:
  eu: {endpoints_file: ${options}}
records:
  www: {policy: eu}
`;

/** A server over a folder: each call reads the files again, as a reload does. */
function createServer(folder: ConfigFolder): {
  reload(): CompiledConfig;
  lines(): string[];
  /** Addresses of the pool `eu` in the plan of names. */
  addresses(): string;
} {
  const cache = createConfigCache();
  const rows = createRowRegistry(allocateHealthRows(256, 64), 0);
  let previous: CompiledConfig | null = null;
  let generation = 0;
  const reload = (): CompiledConfig => {
    const loaded = loadConfig({ configFile: join(folder.root, "steerd.yaml"), cache });
    const compiled = compileConfig(loaded, { rows, previous, generation: ++generation });
    if (!("snapshot" in compiled)) throw new Error(compiled.findings.map(formatFinding).join("\n"));
    previous = compiled;
    return compiled;
  };
  return {
    reload,
    lines: () => reload().findings.map((finding) => formatFinding(finding).replaceAll(`${folder.root}/`, "")),
    addresses: () =>
      reload()
        .names.policy.addresses.map(({ text }) => text)
        .join(" "),
  };
}

const FOUR = "[192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]";
const KEPT = "zones/example.com.yaml:3:24 CFG_ENDPOINTS_KEPT pools.eu: lists/eu.yaml is not used:";

describe("a pool with a file", () => {
  const start = (options = "lists/eu.yaml", extra: Record<string, string> = {}) => {
    const folder = configFolder({
      "zones/example.com.yaml": ZONE(options),
      "zones/lists/eu.yaml": FOUR,
      ...extra,
    });
    return { folder, server: createServer(folder) };
  };

  test("has the endpoints that it lists, and those it lists next", () => {
    const { folder, server } = start();
    expect(server.addresses()).toBe("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4");
    folder.write("zones/lists/eu.yaml", "[192.0.2.3, 192.0.2.9]");
    expect(server.addresses()).toBe("192.0.2.3 192.0.2.9");
    expect(server.lines()).toEqual([]);
  });

  test("has its own endpoints as well, each address once", () => {
    const { folder, server } = start();
    const text = ZONE("lists/eu.yaml").replace(
      "eu: {",
      "eu: {endpoints: [192.0.2.9, {name: lb1, address: 192.0.2.2}], ",
    );
    folder.write("zones/example.com.yaml", text);
    folder.write("zones/lists/eu.yaml", "[192.0.2.2, {name: lb1, address: 192.0.2.1}]");
    expect(server.addresses()).toBe("192.0.2.9 192.0.2.2 192.0.2.1");
    const { endpoints } = server.reload().names.policy;
    expect(endpoints.map(({ name }) => name)).toEqual(["192.0.2.9", "lb1", "192.0.2.1"]);
  });

  test.each([
    ["gone", null, "there is no such file"],
    ["empty", "", "it lists no endpoint"],
    ["an empty list", "[]", "it lists no endpoint"],
    ["cut", FOUR.slice(0, -1), "zones/lists/eu.yaml:1:"],
    [
      "wrong in one place",
      "[192.0.2.1, 192.0.2.2, 192.0.2.3, nonsense]",
      'zones/lists/eu.yaml:1:35 "nonsense" is not an address',
    ],
    ["no text", "\0\xff", "zones/lists/eu.yaml:1:"],
    ["less than half", "[192.0.2.1]", "it lists 1 of 4, less than 50%"],
    [
      "in a private block",
      "[192.0.2.1, 10.0.0.1]",
      "10.0.0.1 lies in 10.0.0.0/8, private use, and allow does not name it",
    ],
    ["row 64: a metadata service", "[192.0.2.1, 169.254.169.254]", "169.254.169.254 lies in 169.254.0.0/16"],
    [
      "without weight",
      "[{address: 192.0.2.1, weight: 0}, {address: 192.0.2.2, weight: 0}]",
      "every weight is 0",
    ],
  ])("%s: what is in use stays, and a warning says so", (_what, text, why) => {
    const { folder, server } = start();
    server.reload();
    if (text === null) rmSync(join(folder.root, "zones/lists/eu.yaml"));
    else folder.write("zones/lists/eu.yaml", text);
    expect(server.addresses()).toBe("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4");
    const [line, ...rest] = server.lines();
    expect(rest).toEqual([]);
    expect(line).toContain(`${KEPT} ${why}`);
    expect(line).toContain("; the 4 endpoints in use stay");
    folder.write("zones/lists/eu.yaml", "[192.0.2.1, 192.0.2.2]");
    expect(server.addresses()).toBe("192.0.2.1 192.0.2.2");
    expect(server.lines()).toEqual([]);
  });

  test("half of them is enough, and least moves the share", () => {
    const { folder, server } = start("{file: lists/eu.yaml, least: 75%}");
    server.reload();
    folder.write("zones/lists/eu.yaml", "[192.0.2.1, 192.0.2.2]");
    expect(server.addresses()).toContain("192.0.2.4");
    folder.write("zones/lists/eu.yaml", "[192.0.2.1, 192.0.2.2, 192.0.2.3]");
    expect(server.addresses()).toBe("192.0.2.1 192.0.2.2 192.0.2.3");
    folder.write("zones/lists/eu.yaml", "[192.0.2.1]");
    expect(server.addresses()).toContain("192.0.2.3");
    // An operator who means it says so.
    folder.write("zones/example.com.yaml", ZONE("{file: lists/eu.yaml, least: 0%}"));
    expect(server.addresses()).toBe("192.0.2.1");
  });

  test("a file that is not there at the start: the server starts, without its endpoints", () => {
    const { folder, server } = start("lists/later.yaml");
    expect(server.lines()).toEqual([
      `${KEPT.replace("eu.yaml is", "later.yaml is")} there is no such file; none of its endpoints is known`,
    ]);
    folder.write("zones/lists/later.yaml", "[192.0.2.1]");
    expect(server.addresses()).toBe("192.0.2.1");
  });

  test("more than max, more than allowed prefixes: kept, used", () => {
    const { folder, server } = start("{file: lists/eu.yaml, max: 4, allow: [10.0.0.0/8]}");
    server.reload();
    folder.write("zones/lists/eu.yaml", "[192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5]");
    expect(server.lines()[0]).toContain(
      "it lists 5 endpoints, and at most 4 are used; the 4 endpoints in use stay",
    );
    folder.write("zones/lists/eu.yaml", "[10.0.0.1, 10.0.0.2]");
    expect(server.addresses()).toBe("10.0.0.1 10.0.0.2");
  });

  test("weights in the file decide how it picks, unless the pool says so", () => {
    const { folder, server } = start();
    const select = () => {
      const { pools } = server.reload().snapshot.policy;
      return { select: pools[POOL_SELECT], maxAnswers: pools[POOL_MAX_ANSWERS] };
    };
    expect(select()).toEqual({ select: SELECT_ALL, maxAnswers: 8 });
    folder.write("zones/lists/eu.yaml", "[{address: 192.0.2.1, weight: 3}, 192.0.2.2]");
    expect(select()).toEqual({ select: SELECT_WEIGHTED, maxAnswers: 1 });
    folder.write("zones/lists/eu.yaml", FOUR);
    expect(select()).toEqual({ select: SELECT_ALL, maxAnswers: 8 });
    folder.write("zones/example.com.yaml", ZONE("lists/eu.yaml").replace("eu: {", "eu: {select: hash, "));
    folder.write("zones/lists/eu.yaml", "[{address: 192.0.2.1, weight: 3}, 192.0.2.2]");
    expect(select()).toEqual({ select: SELECT_HASH, maxAnswers: 1 });
  });

  test("what a control worker before this one had in use stays as well", () => {
    const { folder, server } = start();
    const { discovered } = server.reload();
    rmSync(join(folder.root, "zones/lists/eu.yaml"));
    const loaded = folder.load();
    const rows = createRowRegistry(allocateHealthRows(256, 64), 0);
    const compiled = compileConfig(loaded, {
      rows,
      previous: null,
      generation: 1,
      discovered: structuredClone(discovered),
    });
    if (!("snapshot" in compiled)) throw new Error("rejected");
    expect(compiled.names.policy.endpoints).toHaveLength(4);
  });

  test("health rows of endpoints that stay are the same", () => {
    const checked = ZONE("lists/eu.yaml").replace("eu: {", "eu: {check: web, ");
    const { folder, server } = start("lists/eu.yaml", {
      "zones/example.com.yaml": `checks: {web: {type: tcp, port: 80}}\n${checked}`,
    });
    const rowOf = (address: string) =>
      server.reload().plan.targets.find((target) => target.address === address)?.row;
    const before = rowOf("192.0.2.3");
    folder.write("zones/lists/eu.yaml", "[192.0.2.7, 192.0.2.3]");
    expect(before).not.toBeUndefined();
    expect(rowOf("192.0.2.3")).toBe(before);
    expect(rowOf("192.0.2.7")).not.toBe(before);
  });

  test("a bad file stops no reload of anything else", () => {
    const { folder, server } = start();
    server.reload();
    folder.write("zones/lists/eu.yaml", "{{{");
    folder.write("zones/other.example.zone", "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns1.example.net.\n");
    expect(server.reload().report.zones).toBe(2);
  });
});

describe("where such a file may lie", () => {
  test("not outside of the zones folder, unless steerd.yaml names the folder", () => {
    const folder = configFolder({ "zones/example.com.yaml": ZONE("../run/eu.json"), "run/eu.json": FOUR });
    expect(folder.findings().filter((line) => line.includes("CFG_ENDPOINTS_FOLDER"))).toEqual([
      "zones/example.com.yaml:3:24 CFG_ENDPOINTS_FOLDER pools.eu.endpoints_file: run/eu.json lies in none of the folders for such files: expected a file below zones; endpoint_folders in steerd.yaml names more",
    ]);
    const server = readFileSync(join(folder.root, "steerd.yaml"), "utf8");
    folder.write("steerd.yaml", `${server}endpoint_folders: [./run]\n`);
    expect(folder.findings()).toEqual([]);
    expect(createServer(folder).addresses()).toBe("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4");
  });

  test("a link that is turned to lead out is not followed", () => {
    const folder = configFolder({
      "zones/example.com.yaml": ZONE("lists/eu.yaml"),
      "zones/lists/real.yaml": FOUR,
      "secret.yaml": "[192.0.2.66]",
    });
    const link = join(folder.root, "zones/lists/eu.yaml");
    symlinkSync("real.yaml", link);
    const server = createServer(folder);
    expect(server.addresses()).toContain("192.0.2.4");
    symlinkSync("../../secret.yaml", `${link}.new`);
    renameSync(`${link}.new`, link);
    expect(server.addresses()).toContain("192.0.2.4");
    expect(server.lines()[0]).toContain(`${KEPT} its symbolic links lead out of the folders for such files`);
  });

  test("every file is watched, also one that is not there", () => {
    const folder = configFolder({ "zones/example.com.yaml": ZONE("lists/later.yaml") });
    expect(folder.load().watched).toContain(join(folder.root, "zones/lists/later.yaml"));
  });

  test("no targets beside it, and a misspelt option is named", () => {
    const folder = configFolder({
      "zones/example.com.yaml": ZONE("eu.json").replace(
        "eu: {",
        "eu: {endpoints: [{target: cdn.example.}], ",
      ),
      "zones/other.example.yaml": "pools: {eu: {endpoints_file: {fiel: eu.json}}}\n",
    });
    writeFileSync(join(folder.root, "zones/eu.json"), FOUR);
    const lines = folder.findings().filter((line) => !line.startsWith("warning"));
    expect(lines.join("\n")).toContain("CFG_TARGET_MIXED pools.eu: a file of addresses beside a target");
    expect(lines.join("\n")).toContain('"fiel" is not a key: did you mean file?');
  });
});

test.each(['"a\\0b"', '{file: "a\\0b"}'])("a path with a NUL in it is an error: %s", (options) => {
  const folder = configFolder({ "zones/example.com.yaml": ZONE(options) });
  const config = folder.compile();
  expect("snapshot" in config).toBe(false);
  expect(folder.findings()).toEqual([
    expect.stringMatching(
      /CFG_VALUE_INVALID pools\.eu\.endpoints_file\S* is "a\\u0000b": expected .*no path has a NUL in it$/,
    ),
  ]);
});
