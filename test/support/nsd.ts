import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./dns-client.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { type GeneratedZone, zoneText } from "./zone-universe.ts";

export interface Nsd {
  port: number;
  /** Lines of the log that complain about a zone. */
  complaints(): string[];
  stop(): Promise<number>;
}

/** Starts Debian's nsd on a loopback port with its own configuration; needs neither root nor a system configuration. */
export async function startNsd(zones: GeneratedZone[]): Promise<Nsd> {
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const folder = temporaryFolder("nsd");
    const child = startChild("nsd", ["-d", "-c", writeConfiguration(folder, port, zones)], {
      lifetimeMs: 120_000,
      guarded: true,
    });
    try {
      await child.waitFor(/nsd started/, 30_000);
    } catch (failure) {
      await child.stop();
      if (attempt === 3 || !/bind|in use/i.test(child.stderr())) throw failure;
      continue;
    }
    return { port, complaints: () => complaintsOf(child), stop: () => child.stop() };
  }
}

function complaintsOf(child: Child): string[] {
  return child
    .stderr()
    .split("\n")
    .filter((line) => /error|warning|fail/i.test(line) && !/setrlimit|chroot|rlimit/i.test(line));
}

function writeConfiguration(folder: string, port: number, zones: GeneratedZone[]): string {
  const lines = [
    "server:",
    `  ip-address: 127.0.0.1@${port}`,
    `  zonesdir: "${folder}"`,
    '  username: ""',
    '  database: ""',
    `  pidfile: ""`,
    `  xfrdfile: "${join(folder, "xfrd.state")}"`,
    `  zonelistfile: "${join(folder, "zone.list")}"`,
    `  xfrdir: "${folder}"`,
    "  server-count: 1",
    "  minimal-responses: yes",
    "  tcp-query-count: 0",
    "  tcp-timeout: 60",
    "  verbosity: 1",
    "remote-control:",
    "  control-enable: no",
  ];
  zones.forEach((zone, index) => {
    writeFileSync(join(folder, `${index}.zone`), zoneText(zone));
    lines.push("zone:", `  name: "${zone.origin}"`, `  zonefile: "${index}.zone"`);
  });
  const path = join(folder, "nsd.conf");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}
