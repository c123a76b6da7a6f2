import { expect, it } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { findLosses, LEVEL_GONE, LEVEL_LIVE } from "./losses.ts";

/** More keys than that two tables of them have combinations that are looked at together. */
const KEYS = 70;

const others = (second: number): string =>
  Array.from({ length: KEYS }, (_, i) => `198.${second}.${i}.0/24: jp`).join(", ");

const ZONE = `
pools:
  gb: {endpoints: [192.0.2.1]}
  ca: {endpoints: [192.0.2.2]}
  jp: {endpoints: [192.0.2.3]}
policies:
  only-gb: {failover: [gb], last_resort: servfail}
  only-ca: {failover: [ca], last_resort: servfail}
records:
  below:
    policy:
      subnets:
        ${others(18)}
        default: {subnets: {192.88.0.0/24: only-gb, 192.88.1.0/24: only-ca, ${others(19)}, default: jp}}
  above:
    policy:
      subnets:
        192.88.0.0/24: only-gb
        192.88.1.0/24: only-ca
        ${others(18)}
        default: {subnets: {${others(19)}, default: jp}}
`.replaceAll(/^( {8}198.*)$/gm, (line) => line.replaceAll(", ", "\n        "));

it("finds the losses of a class whichever of two long tables tells it apart", () => {
  const config = configFolder({ "zones/example.com.yaml": ZONE }).compile();
  if (!("snapshot" in config)) throw new Error(JSON.stringify(config.findings));
  const { policy, tables } = config.snapshot;
  const levels = (...gone: string[]): Uint8Array =>
    Uint8Array.from(config.names.policy.addresses, ({ text }) =>
      gone.includes(text) ? LEVEL_GONE : LEVEL_LIVE,
    );
  // Without the class of ca, which has nothing already, its loss would be that of all clients together.
  const lost = findLosses(policy, tables, levels("192.0.2.2"), levels("192.0.2.1", "192.0.2.2"));
  expect(lost.map(({ record }) => config.names.policy.records[record]!.owner)).toEqual([
    "below.example.com.",
    "above.example.com.",
  ]);
});
