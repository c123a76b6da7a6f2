import { createServer, type Server } from "node:http";

/**
 * The HTTP server of one demo region: 200 at every path, so also at the path of the health check.
 *
 * @returns the listening server; rejects when the address or the port cannot be had.
 */
export function startOrigin(name: string, address: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end(request.url === "/healthz" ? "ok\n" : `This is ${name}, on ${address}.\n`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve(server));
  });
}

/** What an origin process tells its parent, once. */
export type OriginReport = { listening: true } | { listening: false; code: string };

/** The part of `process` that an origin needs. */
export type OriginProcess = Pick<
  NodeJS.Process,
  "argv" | "connected" | "disconnect" | "kill" | "on" | "once" | "send" | "stderr"
>;

/** How soon an origin that was started by hand follows its demo. */
const FOLLOW_MS = 250;

/**
 * Runs `NAME ADDRESS PORT [DEMO]` until SIGTERM, SIGINT or, as a child process, until the parent is gone; by hand, until
 * the process DEMO is.
 */
export async function runOrigin(self: OriginProcess): Promise<void> {
  const [name = "origin", address = "127.0.0.1", port = "0", demo = ""] = self.argv.slice(2);
  const hasParent = self.connected;
  const report = (message: OriginReport): void => {
    if (hasParent) self.send?.(message);
    else self.stderr.write(`${name}: ${message.listening ? `${address}:${port}` : message.code}\n`);
  };
  try {
    const server = await startOrigin(name, address, Number(port));
    const stop = (): void => {
      clearInterval(follow);
      server.close();
      server.closeAllConnections();
      if (self.connected) self.disconnect();
    };
    const follow = setInterval(() => {
      if (hasParent || demo === "" || isRunning(self, Number(demo))) return;
      self.stderr.write(`${name}: the demo has ended\n`);
      stop();
    }, FOLLOW_MS);
    self.once("SIGTERM", stop);
    self.once("disconnect", stop);
    // Ctrl-C reaches the whole process group; the parent decides when its origins end.
    self.on("SIGINT", hasParent ? () => undefined : stop);
    report({ listening: true });
  } catch (error) {
    report({ listening: false, code: (error as NodeJS.ErrnoException).code ?? String(error) });
    if (hasParent) self.disconnect();
  }
}

function isRunning(self: OriginProcess, process: number): boolean {
  try {
    return self.kill(process, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
