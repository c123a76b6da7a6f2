import { type Origin, originCommand } from "./origins.ts";
import { paint, type Terminal } from "./terminal.ts";

/** Networks whose country the embedded database knows: one for each continent that the example zone tells apart. */
export const DEMO_CLIENTS = [
  { prefix: "193.0.6.0/24", place: "Amsterdam" },
  { prefix: "128.112.0.0/24", place: "New Jersey" },
  { prefix: "133.11.0.0/24", place: "Tokyo" },
] as const;

/** The name of zones/gslb.example.yaml that the demo asks for. */
export const DEMO_NAME = "www.gslb.example";

export interface DemoScene {
  /** Address and port that dig is to ask. */
  host: string;
  port: number;
  /** Folder of the zones, for people. */
  zones: string;
  origins: Origin[];
  /** Longest time from an origin's end to its withdrawal: fall x interval + timeout. */
  withdrawalMs: number;
}

/** What `npm start` prints: what runs, what to type, how to stop a region. */
export function demoScreen(scene: DemoScene, terminal: Terminal): string[] {
  const { host, port, origins } = scene;
  const bold = (text: string): string => paint(terminal, "bold", text);
  const command = (text: string): string => `  ${paint(terminal, "cyan", text)}`;
  const nameWidth = Math.max(0, ...origins.map((origin) => origin.name.length));
  const placeWidth = Math.max(...DEMO_CLIENTS.map((client) => client.prefix.length));
  const first = origins[0];
  const stop = first?.child?.pid === undefined ? "kill PID" : `kill ${first.child.pid}`;
  return [
    `${bold("steerd demo")}: ${scene.zones} on ${host}:${port}`,
    paint(terminal, "dim", "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"),
    "",
    bold("One local web server for each region"),
    ...origins.map((origin, i) => {
      const state = origin.child === null ? "stopped" : `process ${origin.child.pid}`;
      return `  ${i + 1}  ${origin.name.padEnd(nameWidth)}  ${origin.address}:${origin.port}  ${state}`;
    }),
    "",
    bold("Ask as a client elsewhere"),
    ...DEMO_CLIENTS.map(({ prefix, place }) =>
      command(`dig @${host} -p ${port} ${DEMO_NAME} A +subnet=${prefix.padEnd(placeWidth)}  # ${place}`),
    ),
    "Without dig, and why:",
    command(`bin/steerd query ${DEMO_NAME} A --server ${host}#${port} --subnet ${DEMO_CLIENTS[0].prefix}`),
    command(`bin/steerd explain ${DEMO_NAME} A --client ${DEMO_CLIENTS[0].prefix} --down region:frankfurt`),
    "",
    bold("Stop a region, and its clients get the next one"),
    `Its answers change within ${seconds(scene.withdrawalMs)}; started again, its clients return.`,
    ...(terminal.keys === null
      ? []
      : [`Press ${origins.map((_, i) => i + 1).join(", ")} to stop and to start one. Or in another window:`]),
    command(stop),
    ...(first === undefined ? [] : [command(originCommand(first))]),
    "",
    "Ctrl-C ends everything.",
    "",
  ];
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1).replace(/\.0$/, "")} s`;
}
