import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Child, startChild } from "../../test/support/child.ts";
import { ELSEWHERE, ORIGIN, REGIONS, STATIC_NAMES, staticAddress, staticName } from "./workloads.ts";

/** A server that is answering. */
export interface Server {
  name: string;
  version: string;
  pid: number;
  port: number;
  child: Child;
}

/** What to start a server with. */
export interface Setting {
  /** A folder for its files alone. */
  folder: string;
  /** City database of the nested schema. */
  database: string;
  /** Cores that it may use, as `taskset -c` takes them. */
  cores: string;
}

/** No server lives longer than this, whatever becomes of the benchmark. */
const LIFETIME_MS = 900_000;

const HEAD = `$ORIGIN ${ORIGIN}
@ 300 SOA ns1 hostmaster 1 3600 600 86400 60
@ 300 NS ns1
ns1 300 A 192.0.2.53
`;

function staticLines(names = STATIC_NAMES): string {
  const lines: string[] = [];
  for (let index = 0; index < names; index++)
    lines.push(`${staticName(index)} 300 A ${staticAddress(index)}\n`);
  return lines.join("");
}

/** A port of loopback that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

/** A guard that is killed does not take its server along. */
const pids = new Set<number>();
process.once("exit", () => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
});

/** `timeout` ends it even when the benchmark was killed; the pid is that of the server itself. */
async function launch(
  name: string,
  version: string,
  port: number,
  cores: string,
  command: string[],
): Promise<Server> {
  const child = startChild("taskset", ["-c", cores, ...command], { lifetimeMs: LIFETIME_MS, guarded: true });
  let pid = 0;
  for (let wait = 0; wait < 100 && pid === 0; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    try {
      pid = Number(
        readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0],
      );
    } catch {
      break;
    }
  }
  if (!(pid > 0)) throw new Error(`${name} does not start: ${child.stderr()}`);
  pids.add(pid);
  void child.exited.then(() => pids.delete(pid));
  return { name, version, pid, port, child };
}

/** What a program says of its version, or null: it is not installed. */
function versionOf(command: string, args: string[], pattern: RegExp): string | null {
  const { stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 5_000 });
  if (error !== undefined) return null;
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "of unknown version";
}

function write(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The zone's dynamic half for steerd: nothing is probed, as with the peers. */
function steerdPolicy(): string {
  const entries = Object.entries(REGIONS);
  const lists = entries.map(([code], index) => {
    const order = [...entries.slice(index), ...entries.slice(0, index)].map(([other]) => other.toLowerCase());
    return `        ${code}: {failover: [${order.join(", ")}]}\n`;
  });
  return [
    "ttl: 30\npools:\n",
    ...entries.map(([code, address]) => `  ${code.toLowerCase()}: {endpoints: [${address}]}\n`),
    `  elsewhere: {endpoints: [${ELSEWHERE}]}\n`,
    "records:\n  www:\n    policy:\n      geo:\n",
    ...lists,
    "        default: elsewhere\n",
  ].join("");
}

export interface SteerdSetting extends Setting {
  workers: number;
  /** Names of the static zone; 1,000 as with the peers. */
  names?: number;
  /** A folder of zones instead of the benchmark's own. */
  zones?: string;
  /** Without the city database: with the embedded one. */
  embedded?: boolean;
  nodeFlags?: string[];
  /** A checkout with dist/; this one. */
  root?: string;
}

export async function startSteerd(setting: SteerdSetting): Promise<Server> {
  const {
    folder,
    database,
    cores,
    workers,
    names,
    zones,
    embedded = false,
    nodeFlags = [],
    root = ".",
  } = setting;
  const port = await freePort();
  const zonesFolder = zones ?? join(folder, "zones");
  if (zones === undefined) {
    write(zonesFolder, "bench.test.zone", HEAD + staticLines(names));
    write(zonesFolder, "bench.test.yaml", steerdPolicy());
  }
  const lines = [
    `listen: ["127.0.0.1:${port}"]`,
    `zones: ${zonesFolder}`,
    `workers: ${workers}`,
    'api: {listen: "127.0.0.1:0"}',
    ...(embedded ? [] : [`geo: {city: ${database}}`]),
  ];
  const config = write(folder, "steerd.yaml", `${lines.join("\n")}\n`);
  const command = [process.execPath, ...nodeFlags, join(root, "bin/steerd"), "serve", "--config", config];
  const version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version as string;
  const server = await launch(root === "." ? "steerd" : basename(root), version, port, cores, command);
  await server.child.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 60_000);
  return server;
}

async function startGdnsd({ folder, database, cores }: Setting): Promise<Server | string> {
  const version = versionOf("gdnsd", ["-h"], /version (\S+)/);
  if (version === null) return "gdnsd is not installed";
  const port = await freePort();
  const codes = Object.keys(REGIONS);
  const lists = codes.map(
    (code, index) => `${code} => [${[...codes.slice(index), ...codes.slice(0, index)]}]`,
  );
  const addresses = Object.entries(REGIONS).map(([code, address]) => `${code} => ${address}`);
  write(
    folder,
    "config",
    `options => { listen => 127.0.0.1:${port}, udp_threads = 1, tcp_threads = 1, run_dir = ${folder}/run, state_dir = ${folder}/state }
plugins => { geoip => {
  maps => { world => {
    geoip2_db => ${database},
    datacenters => [elsewhere, ${codes}],
    map => { ${lists.join(", ")}, default => [elsewhere, ${codes}] }
  } },
  resources => { www => { map => world, service_types => up, dcmap => { elsewhere => ${ELSEWHERE}, ${addresses.join(", ")} } } }
} }
`,
  );
  write(
    join(folder, "zones"),
    "bench.test",
    `${HEAD.replace(/^\$ORIGIN.*\n/, "")}www 30 DYNA geoip!www\n${staticLines()}`,
  );
  mkdirSync(join(folder, "run"));
  mkdirSync(join(folder, "state"));
  return await launch("gdnsd", version, port, cores, ["gdnsd", "-c", folder, "start"]);
}

async function startKnot({ folder, database, cores }: Setting): Promise<Server | string> {
  const version = versionOf("knotd", ["--version"], /version (\S+)/);
  if (version === null) return "knotd is not installed";
  if (!existsSync("/usr/lib/x86_64-linux-gnu/knot") && !existsSync("/usr/lib/aarch64-linux-gnu/knot"))
    return "Knot's module geoip is not installed";
  const port = await freePort();
  const regions = Object.entries(REGIONS).map(([code, address]) => `  - geo: "${code}"\n    A: ${address}\n`);
  const geo = write(folder, "geo.conf", `www.${ORIGIN}:\n${regions.join("")}`);
  write(folder, "bench.test.zone", `${HEAD}www 30 A ${ELSEWHERE}\n${staticLines()}`);
  const config = write(
    folder,
    "knot.conf",
    `server:
    rundir: "${folder}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: "${folder}"
log:
  - target: stderr
    any: warning
mod-geoip:
  - id: world
    config-file: "${geo}"
    ttl: 30
    mode: geodb
    geodb-file: "${database}"
    geodb-key: [ continent/code ]
template:
  - id: default
    storage: "${folder}"
    file: "%s.zone"
zone:
  - domain: bench.test
    module: mod-geoip/world
`,
  );
  return await launch("Knot", version, port, cores, ["knotd", "-c", config]);
}

async function startPowerDns({ folder, database, cores }: Setting): Promise<Server | string> {
  const version = versionOf("pdns_server", ["--version"], /Server (\S+)/);
  if (version === null) return "pdns_server is not installed";
  const port = await freePort();
  const records: [string, string][] = [];
  for (const [code, address] of Object.entries(REGIONS)) records.push([`${code.toLowerCase()}.geo`, address]);
  records.push(["elsewhere.geo", ELSEWHERE], ["ns1", "192.0.2.53"]);
  for (let index = 0; index < STATIC_NAMES; index++) records.push([staticName(index), staticAddress(index)]);
  const zones = write(
    folder,
    "zones.yaml",
    `domains:
- domain: bench.test
  ttl: 30
  records:
    bench.test:
      - soa: ns1.bench.test hostmaster.bench.test 1 3600 600 86400 60
      - ns: ns1.bench.test
${records.map(([label, address]) => `    ${label}.bench.test:\n      - a: ${address}\n`).join("")}
  services:
    www.bench.test: ['%cn.geo.bench.test', 'elsewhere.geo.bench.test']
`,
  );
  const options = {
    daemon: "no",
    guardian: "no",
    "config-dir": folder,
    "socket-dir": folder,
    launch: "geoip",
    "local-address": "127.0.0.1",
    "local-port": String(port),
    "receiver-threads": "1",
    "distributor-threads": "1",
    "edns-subnet-processing": "yes",
    "geoip-database-files": `mmdb:${database}`,
    "geoip-zones-file": zones,
    "security-poll-suffix": "",
    loglevel: "3",
  };
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return await launch("PowerDNS", version, port, cores, ["pdns_server", ...flags]);
}

/** What to measure beside steerd. Each resolves to why it is left out where it cannot be had. */
export const PEERS: Record<string, (setting: Setting) => Promise<Server | string>> = {
  gdnsd: startGdnsd,
  Knot: startKnot,
  PowerDNS: startPowerDns,
};
