import { parseAddress } from "../geo/prefix.ts";
import type { AddressModel, EndpointModel, LookupModel } from "../policy/model.ts";
import { formatName } from "../wire/name-text.ts";
import { type ParsedAddress, readAddress } from "./addresses.ts";
import { isCut } from "./cut.ts";
import { readName } from "./owner.ts";
import { pathText, type Reporter } from "./problem.ts";
import { DEFAULT_INTERVAL_MS, DEFAULT_MAX, type EndpointInput } from "./schema-endpoint.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Null: something is wrong, and reported. */
export function resolveEndpoints(
  inputs: EndpointInput[],
  hasFile: boolean,
  path: YamlPath,
  reporter: Reporter,
): EndpointModel[] | null {
  if (inputs.length === 0 && !hasFile) {
    const what = `${pathText(path.slice(0, -1))}: the pool is empty`;
    reporter.error(path, "value", "CFG_POOL_EMPTY", what, "at least one endpoint");
    return null;
  }
  const seen: Seen = { addresses: new Map(), names: new Map() };
  let sound = true;
  const endpoints: EndpointModel[] = [];
  for (const [index, input] of inputs.entries()) {
    const endpoint = isCut(input) ? null : resolveEndpoint(input, [...path, index], seen, reporter);
    if (endpoint === null) sound = false;
    else endpoints.push(endpoint);
  }
  return sound ? endpoints : null;
}

/** Where each address and name of the pool stood first. */
interface Seen {
  addresses: Map<string, YamlPath>;
  names: Map<string, YamlPath>;
}

function resolveEndpoint(
  input: EndpointInput,
  path: YamlPath,
  seen: Seen,
  reporter: Reporter,
): EndpointModel | null {
  const pool = pathText(path.slice(0, 2));
  const addresses: AddressModel[] = [];
  const probes = resolveProbes(input, path, pool, reporter);
  if (probes === null) return null;
  let name = input.name;
  const hostName = input.target ?? input.resolve;
  let lookup: LookupModel | null = null;
  if (hostName !== undefined) {
    const host = resolveTarget(
      hostName,
      input.target === undefined ? "resolve" : "target",
      path,
      seen.addresses,
      pool,
      reporter,
    );
    if (host === null) return null;
    name ??= host.text;
    if (input.target !== undefined) addresses.push({ family: 0, octets: host.octets, row: -1 });
    else lookup = lookupOf(input, host.text, reporter.lineOf(path));
  }
  for (const [index, text] of input.address.entries()) {
    const at = addressPath(input, path, index);
    const address = resolveAddress(text, at, path, seen.addresses, pool, reporter);
    if (address === null) continue;
    name ??= address.text;
    const probe = probes[index];
    const { family, octets } = address;
    addresses.push({ family, octets, row: -1, ...(probe === undefined ? {} : { probe }) });
  }
  if (name !== undefined && input.name !== undefined) {
    const first = seen.names.get(name);
    if (first !== undefined) {
      const what = `${pool}: "${name}" names two endpoints, first ${pathText(first)}`;
      reporter.error([...path, "name"], "value", "CFG_ENDPOINT_DUPLICATE", what, "names that differ");
      return null;
    }
    seen.names.set(name, path);
  }
  if (hostName === undefined && addresses.length < input.address.length) return null;
  const { allow, weight = 1 } = input;
  const endpoint: EndpointModel = { name: name!, weight, addresses };
  return { ...endpoint, ...(allow === undefined ? {} : { allow }), ...(lookup === null ? {} : { lookup }) };
}

function lookupOf(input: EndpointInput, name: string, place: string): LookupModel {
  const { interval: intervalMs = DEFAULT_INTERVAL_MS, max: maxAddresses = DEFAULT_MAX } = input;
  return { name, intervalMs, maxAddresses, place };
}

/** What is probed in place of each address, none where nothing is given; null: wrong, and reported. */
function resolveProbes(
  input: EndpointInput,
  item: YamlPath,
  subject: string,
  reporter: Reporter,
): NonNullable<AddressModel["probe"]>[] | null {
  const texts = input.probe_address ?? [];
  if (texts.length !== 0 && texts.length !== input.address.length) {
    const what = `${subject}: ${texts.length} probe_address for ${input.address.length} addresses`;
    reporter.error(
      [...item, "probe_address"],
      "value",
      "CFG_PROBE_ADDRESS",
      what,
      "one for each, in their order",
    );
    return null;
  }
  const probes: NonNullable<AddressModel["probe"]>[] = [];
  for (const [index, text] of texts.entries()) {
    const path = [...item, "probe_address", ...(texts.length === 1 ? [] : [index])];
    // Two endpoints behind one address, told apart by nothing, may be probed as one.
    const probe = resolveAddress(text, path, item, new Map(), subject, reporter);
    if (probe === null) return null;
    probes.push({ family: probe.family === 6 ? 6 : 4, octets: probe.octets });
  }
  return probes;
}

/** Null: no name, or one that stands there already, and reported. */
function resolveTarget(
  text: string,
  key: "target" | "resolve",
  item: YamlPath,
  seen: Map<string, YamlPath>,
  subject: string,
  reporter: Reporter,
): { octets: Uint8Array; text: string } | null {
  const path = [...item, key];
  // What is looked up is looked up from the root; what is answered could be meant to lie in the zone.
  const octets = readName(key === "resolve" && !text.endsWith(".") ? `${text}.` : text);
  if (!(octets instanceof Uint8Array)) {
    reporter.error(
      path,
      "value",
      "CFG_TARGET_INVALID",
      `${subject}: "${text}" ${octets.what}`,
      octets.expected,
    );
    return null;
  }
  const canonical = formatName(octets, 0);
  if (parseAddress(text.replace(/\.$/, "")) !== null) {
    const what = `${subject}: "${text}" is an address`;
    reporter.error(path, "value", "CFG_TARGET_INVALID", what, `a name, or "address" in place of "${key}"`);
    return null;
  }
  const first = seen.get(canonical);
  if (first !== undefined) {
    const what = `${subject}: ${canonical} stands here again, first as ${pathText(first)}`;
    reporter.error(path, "value", "CFG_ADDRESS_DUPLICATE", what, "each name once");
    return null;
  }
  seen.set(canonical, item);
  return { octets, text: canonical };
}

/** Whatever form the endpoint has in the file: the shorter places of a place that is not there are the same. */
function addressPath(input: EndpointInput, path: YamlPath, index: number): YamlPath {
  return input.address.length === 1 ? [...path, "address"] : [...path, "address", index];
}

/** Reads one address of a list in which none may stand twice; null: wrong, and reported. `item`: what it belongs to. */
export function resolveAddress(
  text: string,
  path: YamlPath,
  item: YamlPath,
  seen: Map<string, YamlPath>,
  subject: string,
  reporter: Reporter,
): ParsedAddress | null {
  const address = readAddress(text);
  if (!("octets" in address)) {
    reporter.error(
      path,
      "value",
      "CFG_ADDRESS_INVALID",
      `${subject}: "${text}" ${address.what}`,
      address.expected,
    );
    return null;
  }
  const first = seen.get(address.text);
  if (first !== undefined) {
    const what = `${subject}: ${address.text} stands here again, first as ${pathText(first)}`;
    reporter.error(path, "value", "CFG_ADDRESS_DUPLICATE", what, "each address once");
    return null;
  }
  seen.set(address.text, item);
  return address;
}
