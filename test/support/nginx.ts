import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type Child, hasCommand, startChild } from "./child.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Where Debian installs it, which is not in everybody's path. */
const NGINX = existsSync("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";

export const hasNginx = (): boolean => hasCommand(NGINX, ["-v"]);

export interface Nginx {
  child: Child;
  ports: number[];
}

/**
 * Starts nginx on all addresses of loopback. `servers` get a port each and return the inside of their `server` block.
 * Needs neither root nor the system's configuration.
 */
export async function startNginx(
  servers: ((port: number, folder: string) => string)[],
  lifetimeMs = 60_000,
): Promise<Nginx> {
  for (let attempt = 0; ; attempt++) {
    const started = await tryNginx(servers, lifetimeMs);
    if (started !== null) return started;
    if (attempt === 7) throw new Error("nginx found no free ports");
  }
}

/** Below the ports that the system gives to connections, of which there are tens of thousands here. */
const drawPort = (): number => 20_000 + Math.floor(Math.random() * 12_000);

/** Null: one of the ports was taken. */
async function tryNginx(
  servers: ((port: number, folder: string) => string)[],
  lifetimeMs: number,
): Promise<Nginx | null> {
  const ports = servers.map(drawPort);
  const folder = temporaryFolder("nginx");
  const blocks = servers.map((inside, index) => `server {\n${inside(ports[index]!, folder)}\n}`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const configuration = `daemon off; ${user} worker_processes 1; worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
events { worker_connections 16384; }
http {
log_format connections '$connection $connection_requests'; access_log off; keepalive_requests 1000000; keepalive_timeout 75s; ${paths.join(" ")}
${blocks.join("\n")}
}
`;
  writeFileSync(join(folder, "nginx.conf"), configuration);
  const args = ["-p", folder, "-e", "stderr", "-c", join(folder, "nginx.conf")];
  const child = startChild(NGINX, args, { lifetimeMs, guarded: true });
  const ready = Promise.all(ports.map((port) => untilListening(port, child))).then(() => true);
  const failed = child.waitFor(/emerg.*bind|still could not bind/).then(
    () => false,
    () => true,
  );
  if (await Promise.race([ready, failed])) return { child, ports };
  await child.stop();
  return null;
}

async function untilListening(port: number, child: Child): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("connect", () => socket.end(() => resolve(true)));
      socket.once("error", () => resolve(false));
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx does not listen on ${port}\n${child.stderr()}`);
}
