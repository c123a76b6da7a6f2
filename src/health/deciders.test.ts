import { expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { type Decider, decidersOf, deciderWords, decidingPlan } from "./deciders.ts";
import { applyOffline } from "./offline.ts";
import { everyTarget } from "./plan.ts";
import { allocateHealthRows } from "./rows.ts";

const ZONE = `
checks:
  web: {type: tcp, port: 8081}
  cache: {type: tcp, port: 6379}
  both: {all: [web, cache]}
  quorum: {at_least: 2, of: ["pool:db/a", "pool:db/b", "pool:db/c"]}
  served: {all: [both, quorum]}
  idle: {not: "pool:main"}
  uplink: {type: tcp, port: 179}
  most: {at_least: 1, of: ["pool:osl-web"]}
regions:
  oslo: {check: most}
  rome: {check: uplink, address: 203.0.113.1}
pools:
  db:
    check: cache
    endpoints: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}, {name: c, address: 192.0.2.3}]
  main: {check: served, endpoints: [192.0.2.10]}
  spare: {check: idle, endpoints: [192.0.2.20]}
  osl-web: {region: oslo, check: web, endpoints: [192.0.2.30]}
  osl-api: {region: oslo, check: web, endpoints: [192.0.2.31]}
  rom-web: {region: rome, check: web, endpoints: [192.0.2.40]}
records:
  www: {policy: {failover: [main, spare, osl-web, osl-api, rom-web]}}
`;

/** What decided over an address, while these are down: addresses, or checks of them as `cache@192.0.2.10`. */
function decide(address: string, down: string[], zone = ZONE): string[] {
  const compiled = configFolder({ "zones/a.example.yaml": zone }).compile();
  expect(compiled.findings).toEqual([]);
  if (!("plan" in compiled)) throw new Error("rejected");
  const { plan } = compiled;
  const rows = allocateHealthRows(64, 32);
  applyOffline(rows, plan, (target) =>
    down.includes(target.isPart === true ? `${target.check.name}@${target.address}` : target.address),
  );
  const found = everyTarget(plan).find(
    (target) => target.address === address && target.isPart !== true && target.check.type === "calculated",
  );
  const words = ({ operand, state, reason, count }: Decider): string =>
    [operand, state, reason, ...(count === undefined ? [] : [`${count.up}/${count.of}, ${count.needed}`])]
      .filter((word) => word !== "")
      .join(" ");
  return decidersOf(decidingPlan(plan).deciding!, rows, found!.row).map(words);
}

test("what is up has nobody to blame", () => {
  expect(decide("192.0.2.10", [])).toEqual([]);
});

test("all: the checks that fail, whichever they are nested in", () => {
  expect(decide("192.0.2.10", ["cache@192.0.2.10"])).toEqual(["cache down assumed"]);
  expect(decide("192.0.2.10", ["cache@192.0.2.10", "192.0.2.1", "192.0.2.3"])).toEqual([
    "cache down assumed",
    "at_least down 1/3, 2",
    "pool:db/a down assumed",
    "pool:db/c down assumed",
  ]);
});

test("at_least: how many are up, and those that are down, and not when there are enough", () => {
  expect(decide("192.0.2.10", ["192.0.2.1"])).toEqual([]);
  expect(decide("192.0.2.10", ["192.0.2.1", "192.0.2.2"])).toEqual([
    "at_least down 1/3, 2",
    "pool:db/a down assumed",
    "pool:db/b down assumed",
  ]);
});

test("not: the pool that is up", () => {
  expect(decide("192.0.2.20", [])).toEqual(["pool:main up"]);
  expect(decide("192.0.2.20", ["cache@192.0.2.10"])).toEqual([]);
});

test("a region: what its check comes from, and not what the address's own check says", () => {
  expect(decide("192.0.2.40", ["uplink@203.0.113.1"])).toEqual(["uplink down assumed"]);
  expect(decide("192.0.2.31", ["web@192.0.2.30"])).toEqual(["pool:osl-web down"]);
  expect(decide("192.0.2.40", ["web@192.0.2.40"])).toEqual([]);
});

test.each([
  ["one is enough", "{at_least: 1, of: [web, cache]}", ["web down assumed", "cache down assumed"]],
  ["all are needed", "{at_least: 2, of: [web, cache]}", ["web down assumed", "cache down assumed"]],
])("at_least, where %s: no count says more", (_what, rule, expected) => {
  const zone = ZONE.replace("{all: [web, cache]}", rule);
  expect(decide("192.0.2.10", ["web@192.0.2.10", "cache@192.0.2.10"], zone)).toEqual(expected);
});

test("in words", () => {
  const count = { up: 1, of: 3, needed: 2 };
  const deciders: Decider[] = [
    { operand: "at_least", state: "down", reason: "", count },
    { operand: "cache", state: "down", reason: "refused" },
    { operand: "pool:db", state: "down", reason: "" },
  ];
  expect(deciderWords(deciders)).toBe("1 of 3 up, 2 needed, cache is down: refused, pool:db is down");
});
