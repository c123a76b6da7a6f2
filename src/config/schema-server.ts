import * as z from "zod";
import type { Receiver } from "../control/notifier.ts";
import { clearHostBits, type Prefix, parseAddress, parsePrefix } from "../geo/prefix.ts";
import { MAX_UDP_WORKERS } from "../serve/blocks.ts";
import type { StateSettings } from "../serve/health-memory.ts";
import type { Listener } from "../serve/listener.ts";
import { chosen, mapping } from "./chosen.ts";
import { type CanaryInput, canariesRow, type FreezeOptions, freezeSchema } from "./schema-canaries.ts";
import { notifyRow } from "./schema-notify.ts";
import { ABSOLUTE_PATH } from "./schema-programs.ts";
import { memoryRow, pathRow, sectionOf, socketAddressRow } from "./schema-rows.ts";
import { stateRow } from "./schema-state.ts";

/** steerd.yaml: every option of the server, its default and its words for people. All keys are optional. */

const geoSchema = mapping(
  {
    city: pathRow
      .optional()
      .describe("mmdb file with cities, subdivisions and coordinates; relative to steerd.yaml"),
    country: pathRow
      .optional()
      .describe(
        "mmdb file with countries; relative to steerd.yaml. Neither city nor country given: the embedded country database",
      ),
    asn: pathRow.optional().describe("mmdb file with autonomous systems; relative to steerd.yaml"),
  },
  "a mapping, as {city: ./GeoLite2-City.mmdb}",
);
type GeoFiles = z.infer<typeof geoSchema>;

const apiSchema = mapping(
  {
    listen: socketAddressRow
      .prefault("127.0.0.1:8053")
      .describe(
        "Where /metrics, /healthz and /readyz are answered, over HTTP without a password: keep it on loopback",
      ),
  },
  "a mapping, as {listen: 127.0.0.1:8053}",
);

const NETWORKS = 'addresses and networks, as ["127.0.0.0/8", "2001:db8::/32"]';
const networkRow = z
  .string({ error: NETWORKS })
  .refine((text) => networkOf(text) !== null, { error: NETWORKS, abort: true })
  .meta({ title: "address or network" })
  .transform((text) => networkOf(text)!);

function networkOf(text: string): Prefix | null {
  const prefix = text.includes("/") ? parsePrefix(text) : parseAddress(text);
  return prefix === null ? null : clearHostBits(prefix);
}

const explainSchema = mapping(
  {
    allow: z
      .array(networkRow, { error: NETWORKS })
      .prefault([])
      .describe("Who may ask, by the address that the query comes from; empty: nobody"),
  },
  "a mapping, as {allow: [127.0.0.0/8]}",
);
type ExplainOptions = z.infer<typeof explainSchema>;

const PROGRAM = "an absolute path, or that of a folder with a slash at its end";
const programRow = z
  .string({ error: PROGRAM })
  .refine((text) => ABSOLUTE_PATH.test(text.replace(/\/$/, "")), { error: PROGRAM })
  .meta({ title: "path" });

const probesSchema = mapping(
  {
    programs: z
      .array(programRow, { error: "a list of paths" })
      .prefault([])
      .describe(
        "Programs that checks of type `exec` may run: absolute paths, or folders with a slash at their end; none: no check runs any",
      ),
    allow: z
      .array(networkRow, { error: NETWORKS })
      .prefault([])
      .describe(
        "Link-local addresses, and those of clouds' metadata services, that may be probed all the same",
      ),
  },
  "a mapping, as {programs: [/usr/lib/nagios/plugins/]}",
);

const controlSchema = mapping(
  {
    socket: pathRow
      .optional()
      .describe(
        "Unix socket that `steerd status`, `drain --wait` and others of this user ask the server on; relative to steerd.yaml. Absent: steerd.sock beside the zones folder",
      ),
  },
  "a mapping, as {socket: /run/steerd/steerd.sock}",
);

const WORKERS = `auto, or a number of workers from 1 to ${MAX_UDP_WORKERS}`;
const workersNumber = z
  .int({ error: WORKERS })
  .min(1, { error: WORKERS })
  .max(MAX_UDP_WORKERS, { error: WORKERS });
const workersAuto = z.literal("auto", { error: WORKERS });

const NAME_SERVER = "a name server's full name, as ns1.example.net.";

/** Whether a text can be a host's absolute name: letters, digits and hyphens (RFC 1123 section 2.1). */
function isHostName(text: string): boolean {
  return (
    text.length <= 254 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i.test(text)
  );
}

const nameServerRow = z
  .string({ error: NAME_SERVER })
  .refine((text) => isHostName(text) && text.includes(".") && !/\.\d+\.?$/.test(text), { error: NAME_SERVER })
  .meta({ title: "host name" })
  .transform((text) => `${text.toLowerCase().replace(/\.$/, "")}.`);

const RESOLVER = 'a resolver\'s address, as 192.0.2.53 or "[2001:db8::53]:5353"';
const resolverRow = z
  .string({ error: RESOLVER })
  .refine((text) => parseAddress(text) !== null || socketAddressRow.safeParse(text).success, {
    error: RESOLVER,
  })
  .meta({ title: "address, or address:port" });

export const serverSchema = mapping(
  {
    listen: z
      .array(socketAddressRow, { error: 'a list of addresses with ports, as ["127.0.0.1:53"]' })
      .min(1, { error: "at least one address with a port" })
      .prefault(["127.0.0.1:5300", "[::1]:5300"])
      .describe("Addresses and ports to answer on, over UDP and TCP; port 0 takes any free one"),
    zones: pathRow.default("./zones").describe("Folder of the zone files; relative to steerd.yaml"),
    overrides: pathRow
      .optional()
      .describe(
        "File of forced states; relative to steerd.yaml. Absent: overrides.yaml beside the zones folder",
      ),
    workers: chosen<"auto" | number>([workersAuto, workersNumber], (value) =>
      typeof value === "number" ? workersNumber : workersAuto,
    )
      .default("auto")
      .describe("UDP workers; auto: one for each core but one, at least one. One on Node 20"),
    state: sectionOf<StateSettings | null>(stateRow)
      .prefault({})
      .describe(
        "Where the states of endpoints outlive a restart; none: the first result of each endpoint decides again",
      ),
    endpoint_folders: z
      .array(pathRow, { error: "a list of folders" })
      .prefault([])
      .describe(
        "Folders besides the zones folder in which files with endpoints may lie (`endpoints_file` of pools); relative to steerd.yaml",
      ),
    notify: sectionOf<Receiver[]>(notifyRow)
      .prefault([])
      .describe("Who is told of changes of health: Alertmanager, or any server that takes JSON"),
    geo: sectionOf<GeoFiles>(geoSchema)
      .prefault({})
      .describe(
        "Databases that tell where a client is; neither city nor country given: the embedded country database",
      ),
    // Cells of all indexes have 27 bits of address between them: see geo/table.ts.
    index_memory: memoryRow("1 MiB", "512 MiB")
      .prefault("256 MiB")
      .describe(
        "Most that the prefix indexes of all policies may take together; a configuration that needs more is refused",
      ),
    api: sectionOf<z.infer<typeof apiSchema>>(apiSchema)
      .prefault({})
      .describe("The control plane's listener"),
    control: sectionOf<z.infer<typeof controlSchema>>(controlSchema)
      .prefault({})
      .describe("How commands on this host reach the server"),
    resolvers: z
      .array(resolverRow, { error: "a list of addresses, with ports where they are not 53" })
      .prefault([])
      .describe("Resolvers that `resolve` endpoints are looked up with; none given: the system's"),
    explain: sectionOf<ExplainOptions>(explainSchema)
      .prefault({})
      .describe("Explanations over DNS: _explain.NAME TXT says why NAME is answered as it is"),
    probes: sectionOf<z.infer<typeof probesSchema>>(probesSchema)
      .prefault({})
      .describe("What probes may do on this host and in its network"),
    canaries: sectionOf<CanaryInput[]>(canariesRow)
      .prefault([])
      .describe("Reference targets that fail only when this server's own network does"),
    freeze: sectionOf<FreezeOptions>(freezeSchema)
      .prefault({})
      .describe(
        "When failures are taken for a fault of this server's network, and states stay as last known",
      ),
    nameservers: z
      .array(nameServerRow, { error: "a list of name servers" })
      .prefault([])
      .describe(
        "Name servers of every zone that has no NS records of its own; the first is also the SOA's MNAME",
      ),
  },
  "a mapping with any of listen, zones, overrides, workers, state, endpoint_folders, notify, geo, index_memory, api, control, resolvers, explain, probes, canaries, freeze, nameservers",
).describe("Options of the server: steerd.yaml");

/** What steerd.yaml says, defaults filled in and paths resolved. */
export interface ServerOptions {
  listen: Listener[];
  /** Path of the zones folder. */
  zones: string;
  /** Path of the file of forced states. */
  overrides?: string | undefined;
  workers: "auto" | number;
  /** Null: nothing is remembered. */
  state: StateSettings | null;
  notify: Receiver[];
  /** Paths of folders. */
  endpoint_folders: string[];
  /** Paths of the databases that were asked for; all absent: the embedded one. */
  geo: GeoFiles;
  /** Octets. */
  index_memory: number;
  api: { listen: Listener };
  control: { socket?: string | undefined };
  explain: ExplainOptions;
  probes: z.infer<typeof probesSchema>;
  canaries: CanaryInput[];
  freeze: FreezeOptions;
  /** Absolute names, lower case, with the final dot. */
  nameservers: string[];
  /** Addresses, some with a port, as node:dns takes them. */
  resolvers: string[];
}
