/**
 * Words of the grammar. Those that a later version brings are known here, so that someone who read about one is told
 * that it is not available yet, and not that it is misspelt.
 */

export const POLICY_KINDS = [
  "failover",
  "weighted",
  "geo",
  "subnets",
  "nearest",
  "round_robin",
  "all",
  "asn",
  "latency",
  "hash",
  "least_response_time",
  "least_connections",
  "p2c",
  "adaptive",
] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];

/** What a policy node may carry besides its kind. */
export const NODE_OPTIONS = ["last_resort", "location", "label"] as const;

export const LATER_POLICY_KINDS: readonly string[] = ["target"];

export const SELECTS = [
  "all",
  "weighted",
  "round_robin",
  "hash",
  "least_response_time",
  "least_connections",
  "p2c",
  "adaptive",
] as const;

export const CHECK_TYPES = [
  "tcp",
  "http",
  "https",
  "http2",
  "grpc",
  "dns",
  "tls",
  "icmp",
  "exec",
  "file",
  "static",
] as const;
export type CheckType = (typeof CHECK_TYPES)[number];
export const LATER_CHECK_TYPES: readonly string[] = ["udp"];

/** Options that a later version brings, by a key that the same mapping takes. */
export const LATER_OPTIONS: readonly { beside: string; options: readonly string[] }[] = [
  { beside: "policies", options: ["overrides"] },
  { beside: "nameservers", options: ["tls", "dot", "doh", "dnssec", "cookies", "nsid", "cluster", "state"] },
];
