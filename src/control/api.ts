import fastify from "fastify";
import type { Listener } from "../serve/listener.ts";

/** What the API shows; asked on every request. */
export interface ApiSources {
  metrics(): Promise<string>;
  metricsContentType: string;
  /** Null: ready; else why not. */
  unreadyReason(): string | null;
}

export interface Api {
  /** With the port that the kernel picked where 0 was asked for. */
  listener: Listener;
  close(): Promise<void>;
}

/** Requests have no body yet. */
const MAX_BODY_OCTETS = 64 * 1024;
/** From the connection's start to the request's last octet. */
const REQUEST_MS = 10_000;

/** Opens the control API. Rejects when the listener cannot be had. */
export async function openApi(listener: Listener, sources: ApiSources): Promise<Api> {
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY_OCTETS,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: true,
  });
  server.get("/metrics", async (_request, reply) => {
    reply.type(sources.metricsContentType);
    return await sources.metrics();
  });
  server.get("/healthz", async () => ({ alive: true }));
  server.get("/readyz", async (_request, reply) => {
    const reason = sources.unreadyReason();
    if (reason === null) return { ready: true };
    reply.code(503);
    return { ready: false, reason };
  });
  await server.listen({ host: listener.host, port: listener.port, ipv6Only: listener.family === 6 });
  const address = server.server.address();
  const port = typeof address === "object" && address !== null ? address.port : listener.port;
  return { listener: { ...listener, port }, close: () => server.close() };
}
