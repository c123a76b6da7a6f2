import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { allowRow, endpointOptions } from "./schema-endpoint.ts";
import { integerRow, pathRow } from "./schema-rows.ts";

/** `endpoints_file` of a pool, and what such files hold. */

export interface EndpointsFileInput {
  file: string;
  /** Of 1. */
  least: number;
  max: number;
  allow: string[];
}

const LEAST = 'a percentage from "0%" to "100%"';
const MOST_ENDPOINTS = 10_000;

export const endpointsFileOptions = mapping(
  {
    file: pathRow.describe(
      "YAML or JSON file with a list of endpoints, relative to the zones folder; it lies in that folder, or in one of `endpoint_folders` of steerd.yaml",
    ),
    least: z
      .string({ error: LEAST })
      .regex(/^(?:\d\d?|100)%$/, { error: LEAST })
      .meta({ title: "percentage" })
      .prefault("50%")
      .transform((text) => Number.parseInt(text, 10) / 100)
      .describe("Least share of the endpoints in use that a new version must have; else those in use stay"),
    max: integerRow(1, MOST_ENDPOINTS, "a number of endpoints")
      .default(1000)
      .describe("Most endpoints that it may have; with more of them those in use stay"),
    allow: allowRow,
  },
  "a path, or {file: eu.json, least: 50%}",
).transform(({ allow = [], ...options }): EndpointsFileInput => ({ ...options, allow }));

const shorthand = pathRow.transform((file): EndpointsFileInput => endpointsFileOptions.parse({ file }));

export const endpointsFileRow = chosen<EndpointsFileInput>([shorthand, endpointsFileOptions], (value) =>
  typeof value === "string" ? shorthand : endpointsFileOptions,
);

/** One endpoint as a file has it; addresses are not read yet. */
export interface FileEntry {
  name: string | undefined;
  weight: number | undefined;
  addresses: { text: string; path: (string | number)[] }[];
}

const FILE = "a list of endpoints, as [192.0.2.1, {address: 192.0.2.2, weight: 3}]";
const address = z.string({ error: "an IPv4 or IPv6 address" });
const { name, address: addresses, weight } = endpointOptions.shape;
const ownOptions = mapping(
  { name, address: addresses, weight },
  "an address, or {name: NAME, address: ADDRESS}",
);
type OwnEntry = string | z.output<typeof ownOptions>;
const entry = chosen<OwnEntry>([address, ownOptions], (value) => (isMapping(value) ? ownOptions : address));
const list = z.array(entry, { error: FILE });
const listIn = mapping({ endpoints: list }, FILE);

/** Prometheus' file_sd: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config */
const TARGETS = 'a list of hosts with ports, as ["192.0.2.1:80"]';
const fileSd = z.array(z.looseObject({ targets: z.array(z.string({ error: TARGETS }), { error: TARGETS }) }));

/** Consul's /v1/health/service/NAME: https://developer.hashicorp.com/consul/api-docs/health */
const SERVICE = "a service as Consul lists it, with Node.Address or Service.Address";
const consul = z.array(
  z.looseObject(
    {
      Node: z.looseObject({ Address: address.optional() }, { error: SERVICE }).optional(),
      Service: z.looseObject(
        {
          Address: address.optional(),
          Weights: z.looseObject({ Passing: integerRow(1, 65_535, "a weight").optional() }).optional(),
        },
        { error: SERVICE },
      ),
    },
    { error: SERVICE },
  ),
);

/** Kubernetes' EndpointSlice, one or a list: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ */
const SLICE = "an EndpointSlice, or a list of them";
const slice = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(address),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
      }),
      { error: SLICE },
    )
    .nullish(),
});
const slices = z.looseObject({ items: z.array(slice, { error: SLICE }) });

type Slice = z.output<typeof slice>;

const entriesOf = {
  nothing: z.strictObject({}).transform((): FileEntry[] => []),
  list: list.transform((entries) => entries.map((each, index) => ownEntry(each, [index]))),
  listIn: listIn.transform(({ endpoints }) =>
    endpoints.map((each, index) => ownEntry(each, ["endpoints", index])),
  ),
  fileSd: fileSd.transform((groups) =>
    groups.flatMap(({ targets }, group) =>
      targets.map((text, index) => plainEntry(withoutPort(text), [group, "targets", index])),
    ),
  ),
  consul: consul.transform((services) => services.map(consulEntry)),
  slice: slice.transform((each) => sliceEntries(each, [])),
  slices: slices.transform(({ items }) =>
    items.flatMap((each, index) => sliceEntries(each, ["items", index])),
  ),
};

/** What a file holds, whichever of these forms it has: chosen by the keys that are found. */
export const endpointsFileSchema = chosen<FileEntry[]>(Object.values(entriesOf), (value) => {
  if (isMapping(value)) {
    if (Object.keys(value).length === 0) return entriesOf.nothing;
    if (Array.isArray(value.items)) return entriesOf.slices;
    return value.kind === "EndpointSlice" ? entriesOf.slice : entriesOf.listIn;
  }
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  if (!isMapping(first)) return entriesOf.list;
  if ("targets" in first) return entriesOf.fileSd;
  return "Service" in first ? entriesOf.consul : entriesOf.list;
});

function plainEntry(text: string, path: (string | number)[]): FileEntry {
  return { name: undefined, weight: undefined, addresses: [{ text, path }] };
}

function ownEntry(each: OwnEntry, path: (string | number)[]): FileEntry {
  if (typeof each === "string") return plainEntry(each, path);
  const { name, weight } = each;
  const addresses = each.address.map((text, index) => ({
    text,
    path: each.address.length === 1 ? [...path, "address"] : [...path, "address", index],
  }));
  return { name, weight, addresses };
}

/** Weights of 1 alone say nothing. */
function consulEntry({ Node, Service }: z.output<typeof consul>[number], index: number): FileEntry {
  const weight = Service.Weights?.Passing;
  const [text, path] =
    Service.Address === undefined || Service.Address === ""
      ? [Node?.Address ?? "", [index, "Node", "Address"]]
      : [Service.Address, [index, "Service", "Address"]];
  return { ...plainEntry(text, path), weight: weight === 1 ? undefined : weight };
}

/** The registry says of some that they are not ready: they are none. */
function sliceEntries({ endpoints }: Slice, path: (string | number)[]): FileEntry[] {
  return (endpoints ?? []).flatMap(({ addresses, conditions }, index) => {
    if (conditions?.ready === false || addresses.length === 0) return [];
    const at = [...path, "endpoints", index, "addresses"];
    const found = addresses.map((text, place) => ({ text, path: [...at, place] }));
    return [{ name: undefined, weight: undefined, addresses: found }];
  });
}

function withoutPort(text: string): string {
  return /^\[(.*)\]:\d+$/.exec(text)?.[1] ?? /^([^:]*):\d+$/.exec(text)?.[1] ?? text;
}
