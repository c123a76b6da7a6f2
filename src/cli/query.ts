import { randomInt } from "node:crypto";
import { loadServer } from "../config/load.ts";
import type { Listener } from "../serve/listener.ts";
import { decodeMessage, encodeQuery, type Question } from "../wire/message.ts";
import { prefixOption, type ServerAddress, serverOption } from "./arguments.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, UsageError } from "./command.ts";
import { exchangeTcp, exchangeUdp } from "./exchange.ts";
import { countFindings, findingLines } from "./finding-lines.ts";
import { messageAsJson, messageAsText } from "./message-text.ts";
import { nameArgument, typeArgument } from "./names.ts";
import type { Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {
    name: { type: "string", describe: "Name to ask for, with or without the final dot" },
    type: { type: "string", describe: "Record type: a name as AAAA, or TYPE65", default: "A" },
  },
  options: {
    server: {
      type: "string",
      requiresArg: true,
      defaultDescription: "the first of listen in steerd.yaml, else 127.0.0.1:5300",
      describe: "ADDR, ADDR:PORT, ADDR#PORT; without a port 53",
    },
    subnet: {
      type: "string",
      requiresArg: true,
      describe: "Client subnet to ask for (RFC 7871), as 192.0.2.0/24",
    },
    tcp: { type: "boolean", describe: "Ask over TCP; else UDP first, and TCP when the reply was cut" },
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [
    ["query www.gslb.example", "The addresses that this host is answered"],
    ["query www.gslb.example AAAA --subnet 193.0.6.0/24", "What a client in that network is answered"],
    ["query . NS --server 192.0.2.53 --tcp", "Another server, over TCP"],
  ],
  async run(given, terminal) {
    const server =
      given.server === undefined ? listenerOf(given.config, terminal) : serverOption(given.server);
    if (server === null) return EXIT_FINDINGS;
    const question: Question = {
      id: randomInt(0x10000),
      name: nameArgument(given.name ?? ""),
      type: typeArgument(given.type),
      subnet: given.subnet === undefined ? null : prefixOption("subnet", given.subnet),
    };
    return await ask(question, server, given.tcp === true, given.json === true, terminal);
  },
});

/** The server of this configuration; null: its files have errors, which were told. */
function listenerOf(configPath: string | undefined, terminal: Terminal): ServerAddress | null {
  const { server, findings } = loadServer(configPath ?? null);
  if (server === null) {
    for (const line of findingLines(findings, terminal)) terminal.err(line);
    terminal.err(`${countFindings(findings)}; --server asks a server whatever the files say`);
    return null;
  }
  const [{ host, port }] = server.listen as [Listener, ...Listener[]];
  if (port === 0)
    throw new UsageError("--server is missing: listen in steerd.yaml leaves the port to the kernel");
  // Any address of this host is asked on its loopback.
  return { host: host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host, port };
}

async function ask(
  question: Question,
  server: ServerAddress,
  overTcp: boolean,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  const query = encodeQuery(question);
  const place = `${server.host}#${server.port}`;
  const startedMs = performance.now();
  let transport = overTcp ? "TCP" : "UDP";
  let octets: Uint8Array | null;
  try {
    octets = overTcp ? await exchangeTcp(query, server) : await exchangeUdp(query, server);
    if (octets !== null && !overTcp && isCut(octets)) {
      transport = "TCP, after the UDP reply was cut";
      octets = await exchangeTcp(query, server);
    }
  } catch (error) {
    terminal.err(`${place}: ${reasonOf(error)}`);
    return EXIT_FINDINGS;
  }
  const message = octets === null ? null : decodeMessage(octets);
  if (octets === null || message === null) {
    terminal.err(`${place}: ${octets === null ? "no reply" : "the reply is not a DNS message"}`);
    return EXIT_FINDINGS;
  }
  const tookMs = Math.round(performance.now() - startedMs);
  if (json) terminal.out(JSON.stringify({ ...messageAsJson(message), server: place, transport, tookMs }));
  else {
    for (const line of messageAsText(message, terminal)) terminal.out(line);
    terminal.out(`\n;; ${place} (${transport}), ${tookMs} ms, ${octets.length} octets`);
  }
  return EXIT_OK;
}

/** The TC bit (RFC 1035 section 4.1.1). */
function isCut(octets: Uint8Array): boolean {
  return ((octets[2] ?? 0) & 0x02) !== 0;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "connection refused: no server listens there";
  return message;
}
