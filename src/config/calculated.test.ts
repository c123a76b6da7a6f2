import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import type { HealthPlan } from "../health/plan.ts";
import type { RulePlan } from "../health/rule.ts";

const CHECKS = "web: {type: tcp, port: 8081}, db: {type: tcp, port: 5432}";

function zone(parts: { checks?: string; regions?: string; pools?: string; use?: string }): string {
  return `checks: {${CHECKS}${parts.checks === undefined ? "" : `, ${parts.checks}`}}
regions: {${parts.regions ?? ""}}
pools:
  eu: {check: db, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: 192.0.2.2}]}
  us: {check: web, endpoints: [198.51.100.1]}
${parts.pools ?? ""}
records:
  www: {policy: {failover: [${parts.use ?? "eu, us"}]}}
`;
}

const folderOf = (text: string, more: Record<string, string> = {}) =>
  configFolder({ "zones/a.example.yaml": text, ...more });

function planOf(text: string, more: Record<string, string> = {}): HealthPlan {
  const config = folderOf(text, more).compile();
  expect(config.findings).toEqual([]);
  if (!("plan" in config)) throw new Error("rejected");
  return config.plan;
}

/** `2(eu/lb1:web, !us)`: rows by what they are of. */
function words(plan: HealthPlan, rule: RulePlan): string {
  switch (rule.kind) {
    case "up":
      return "up";
    case "not":
      return `!${words(plan, rule.of)}`;
    case "count":
      return `${rule.atLeast}(${rule.of.map((each) => words(plan, each)).join(", ")})`;
    case "pool":
      return plan.pools.find(({ row }) => row === rule.row)!.pool;
    case "own":
      return `own[${rule.pool.endpoints
        .flat()
        .map((row) => words(plan, { kind: "row", row }))
        .join(" ")}]`;
    case "row": {
      const targets = [...plan.targets, ...(plan.calculated ?? []).map(({ target }) => target)];
      const found = targets.find(({ row }) => row === rule.row);
      return found === undefined ? `row ${rule.row}` : `${found.pool}/${found.endpoint}:${found.check.name}`;
    }
  }
}

/** One line for each calculated state, in the order in which they are judged. */
function calculated(plan: HealthPlan): string[] {
  return (plan.calculated ?? []).map(({ target, rule, regionRow }) => {
    const region = regionRow === undefined ? "" : `, in ${words(plan, { kind: "row", row: regionRow })}`;
    return `${target.pool}/${target.endpoint}: ${words(plan, rule)}${region}`;
  });
}

describe("calculated checks", () => {
  test("over checks of the same address: each is probed, and one state is answered", () => {
    const plan = planOf(
      zone({
        checks: "both: {all: [web, db]}",
        pools: "  x: {check: both, endpoints: [203.0.113.1]}",
        use: "x, eu, us",
      }),
    );
    expect(calculated(plan)).toEqual(["x/203.0.113.1: 2(x/203.0.113.1:web, x/203.0.113.1:db)"]);
    const own = plan.targets.filter(({ pool }) => pool === "x");
    expect(own.map(({ check, isPart, address }) => [check.type, check.name, isPart, address])).toEqual([
      ["tcp", "web", true, "203.0.113.1"],
      ["tcp", "db", true, "203.0.113.1"],
    ]);
    expect(plan.pools.find(({ pool }) => pool === "x")!.endpoints).toEqual([
      [plan.calculated![0]!.target.row],
    ]);
  });

  test("over pools, endpoints, and other calculated checks", () => {
    const checks =
      'up: {any: [web, deep]}, deep: {all: ["pool:eu", "pool:a.example/us"]}, two: {at_least: 2, of: [up, "pool:eu/lb2", spare]}, spare: {not: "pool:us/198.51.100.1"}';
    const plan = planOf(
      zone({ checks, pools: "  x: {check: two, endpoints: [203.0.113.1]}", use: "x, eu, us" }),
    );
    expect(calculated(plan)).toEqual([
      "x/203.0.113.1: 2(1(x/203.0.113.1:web, 2(eu, us)), 1(eu/lb2:db), !1(us/198.51.100.1:web))",
    ]);
  });

  test("over pools of other zones, which no record has to reach", () => {
    const other =
      "checks: {web: {type: tcp, port: 8081}}\npools:\n  far: {check: web, endpoints: [203.0.113.9]}\n  eu: {endpoints: [203.0.113.8]}\nrecords:\n  www: {policy: eu}\n";
    const checks = 'far: {all: ["pool:far", "pool:b.example/eu"]}';
    const plan = planOf(
      zone({ checks, pools: "  x: {check: far, endpoints: [203.0.113.1]}", use: "x, eu, us" }),
      {
        "zones/b.example.yaml": other,
      },
    );
    expect(calculated(plan)).toEqual(["x/203.0.113.1: 2(far, up)"]);
    expect(plan.targets.some(({ zone: of, pool }) => of === "b.example" && pool === "far")).toBe(true);
  });

  test("pools whose check is calculated from others come after them", () => {
    const checks = 'x: {all: ["pool:y"]}, y: {all: ["pool:z"]}, z: {all: [web]}';
    const pools =
      "  x: {check: x, endpoints: [203.0.113.1]}\n  y: {check: y, endpoints: [203.0.113.2]}\n  z: {check: z, endpoints: [203.0.113.3]}";
    expect(calculated(planOf(zone({ checks, pools, use: "x, eu, us" })))).toEqual([
      "z/203.0.113.3: 1(z/203.0.113.3:web)",
      "y/203.0.113.2: 1(z)",
      "x/203.0.113.1: 1(y)",
    ]);
  });

  test("the same again after a reload, in the same rows", () => {
    const folder = folderOf(
      zone({
        checks: "both: {all: [web, db]}",
        pools: "  x: {check: both, endpoints: [203.0.113.1]}",
        use: "x, eu, us",
      }),
    );
    const [one, two] = [folder.compile(), folder.compile()];
    expect("plan" in one && one.plan).toEqual("plan" in two && two.plan);
  });
});

describe("checks of regions", () => {
  const pools = (check: string) =>
    `  x: {region: oslo, check: ${check}, endpoints: [203.0.113.1]}\n  y: {region: oslo, endpoints: [203.0.113.2, 203.0.113.3]}`;

  test("a probe of an address takes all pools, those without a check too", () => {
    const plan = planOf(
      zone({
        regions: 'oslo: {check: web, address: [192.0.2.9, "2001:db8::9"]}',
        pools: pools("db"),
        use: "x, y, eu, us",
      }),
    );
    expect(calculated(plan)).toEqual([
      "region:oslo/: 1(region:oslo/:web, region:oslo/:web)",
      "x/203.0.113.1: x/203.0.113.1:db, in region:oslo/:web",
      "y/203.0.113.2: up, in region:oslo/:web",
      "y/203.0.113.3: up, in region:oslo/:web",
    ]);
    expect(plan.calculated![0]).toMatchObject({
      isRegion: true,
      target: { pool: "region:oslo", address: "" },
    });
    expect(plan.targets.filter(({ pool }) => pool === "region:oslo").map(({ address }) => address)).toEqual([
      "192.0.2.9",
      "2001:db8::9",
    ]);
  });

  test("over the region's own pools, which are judged without its word", () => {
    const plan = planOf(
      zone({
        checks: 'most: {any: ["pool:x", "pool:eu"]}',
        regions: "oslo: {check: most}",
        pools: pools("db"),
        use: "x, y, eu, us",
      }),
    );
    expect(calculated(plan)).toEqual([
      "region:oslo/: 1(own[x/203.0.113.1:db], eu)",
      "x/203.0.113.1: x/203.0.113.1:db, in region:oslo/:most",
      "y/203.0.113.2: up, in region:oslo/:most",
      "y/203.0.113.3: up, in region:oslo/:most",
    ]);
  });

  test("an address that was probed keeps its row when its region gets a check", () => {
    const folder = folderOf(zone({ regions: "oslo: {}", pools: pools("db"), use: "x, y, eu, us" }));
    const before = folder.compile();
    folder.write(
      "zones/a.example.yaml",
      zone({ regions: "oslo: {check: web, address: 192.0.2.9}", pools: pools("db"), use: "x, y, eu, us" }),
    );
    const after = folder.compile();
    if (!("plan" in before) || !("plan" in after)) throw new Error("rejected");
    const row = before.plan.targets.find(({ pool }) => pool === "x")!.row;
    expect(after.plan.calculated!.find(({ target }) => target.pool === "x")!.target.row).toBe(row);
  });
});

describe("what is wrong with them", () => {
  const use = "x, eu, us";
  const pool = (check: string, more = "") => `  x: {check: ${check}, endpoints: [203.0.113.1]${more}}`;
  test.each<[string, string, string[]]>([
    [
      "a check that is not there",
      zone({ checks: "both: {all: [web, dbb]}", pools: pool("both"), use }),
      ['1:87 CFG_CHECK_UNKNOWN checks.both.all[1]: "dbb" is not a check: did you mean db?'],
    ],
    [
      "a pool or endpoint that is not there",
      zone({ checks: 'both: {all: ["pool:eu/lb3", "pool:se"]}', pools: pool("both"), use }),
      [
        '1:82 CFG_POOL_UNKNOWN checks.both.all[0]: "pool:eu/lb3" is not a pool, nor an endpoint of one: expected one of pool:eu, pool:us, pool:x',
        '1:97 CFG_POOL_UNKNOWN checks.both.all[1]: "pool:se" is not a pool, nor an endpoint of one: expected one of pool:eu, pool:us, pool:x',
      ],
    ],
    [
      "checks in a circle",
      zone({ checks: "a: {all: [b]}, b: {any: [web, c]}, c: {not: a}", pools: pool("a"), use }),
      [
        "1:69 CFG_CHECK_CYCLE checks.a: the checks lead in a circle: a -> b -> c -> a: expected checks that end in probes or pools",
        "1:84 CFG_CHECK_CYCLE checks.b: the checks lead in a circle: b -> c -> a -> b: expected checks that end in probes or pools",
        "1:104 CFG_CHECK_CYCLE checks.c: the checks lead in a circle: c -> a -> b -> c: expected checks that end in probes or pools",
      ],
    ],
    [
      "pools in a circle",
      zone({
        checks: 'a: {all: ["pool:y"]}, b: {all: ["pool:x"]}',
        pools: `${pool("a")}\n  y: {check: b, endpoints: [203.0.113.2]}`,
        use,
      }),
      [
        "6:14 CFG_CHECK_CYCLE pools.x: what it is calculated from leads in a circle: pool x -> pool y -> pool x: expected states that end in probes",
      ],
    ],
    [
      "a region in a circle",
      zone({
        checks: 'a: {all: ["pool:eu"]}, b: {all: ["pool:x"]}',
        regions: "oslo: {check: b}",
        pools: `${pool("c", ", region: oslo")}`,
        use,
      })
        .replace("b: {all", 'c: {all: ["pool:y"]}, b: {all')
        .replace("records:", "  y: {region: oslo, check: web, endpoints: [203.0.113.2]}\nrecords:"),
      [
        "6:14 CFG_CHECK_CYCLE pools.x: what it is calculated from leads in a circle: pool x alone -> pool y -> region oslo -> pool x alone: expected states that end in probes",
      ],
    ],
    [
      "two calculations in one check",
      zone({ checks: "a: {any: [web], all: [web]}, b: {not: web, at_least: 1, of: [web]}" }),
      [
        "1:73 CFG_VALUE_INVALID checks.a: all and any stand in one check: expected one of them; the other in a check of its own, whose name all can take",
        "1:102 CFG_VALUE_INVALID checks.b: at_least and not stand in one check: expected one of them; the other in a check of its own, whose name at_least can take",
      ],
    ],
    [
      "a region without an address to probe",
      zone({ regions: "oslo: {check: web}", pools: pool("db", ", region: oslo"), use }),
      [
        '2:25 CFG_REGION_ADDRESS regions.oslo: "web" probes, and the region has no address: expected address: ADDRESS beside it, or a check of pools alone',
      ],
    ],
    [
      "an address that nothing probes",
      zone({
        checks: 'p: {all: ["pool:eu"]}',
        regions: "oslo: {check: p, address: 192.0.2.9}",
        pools: pool("db", ", region: oslo"),
        use,
      }),
      [
        '2:28 CFG_REGION_ADDRESS regions.oslo: "p" is calculated from pools alone, and nothing would be probed at the address: expected a check that probes, or no address',
      ],
    ],
    [
      "an address of a region that must not be probed",
      zone({
        regions: "oslo: {check: web, address: 169.254.169.254}",
        pools: pool("db", ", region: oslo"),
        use,
      }),
      [
        "2:30 CFG_PROBE_TARGET regions.oslo: 169.254.169.254 lies in 169.254.0.0/16, link local, with metadata services: expected an address that may be probed, or its prefix among probes.allow in steerd.yaml",
      ],
    ],
    [
      "a part that must not be probed",
      zone({
        checks: "both: {all: [web, db]}",
        pools: "  x: {check: both, endpoints: [169.254.169.254]}",
        use,
      }),
      [
        "6:32 CFG_PROBE_TARGET pools.x.endpoints[0]: 169.254.169.254 lies in 169.254.0.0/16, link local, with metadata services: expected an address that may be probed, or its prefix among probes.allow in steerd.yaml",
      ],
    ],
    [
      "more than there are",
      zone({ checks: "few: {at_least: 3, of: [web, db]}", pools: pool("few"), use }),
      ["1:85 CFG_VALUE_INVALID checks.few.at_least is 3: expected at most as many as `of` has"],
    ],
    [
      "operands of another shape",
      zone({ checks: 'odd: {all: [Web, "region:oslo"]}, none: {any: []}, two: {all: [web], any: [db]}' }),
      [
        '1:81 CFG_VALUE_INVALID checks.odd.all[0] is "Web": expected the name of a check, or pool:[ZONE/]POOL[/ENDPOINT]',
        '1:86 CFG_VALUE_INVALID checks.odd.all[1] is "region:oslo": expected the name of a check, or pool:[ZONE/]POOL[/ENDPOINT]',
        "1:115 CFG_VALUE_INVALID checks.none.any is an empty list: expected a list of 1 to 64, as [web, pool:db]",
        "1:138 CFG_VALUE_INVALID checks.two: all and any stand in one check: expected one of them; the other in a check of its own, whose name all can take",
      ],
    ],
  ])("%s", (_what, text, findings) => {
    expect(
      folderOf(text)
        .findings()
        .filter((line) => !line.startsWith("warning")),
    ).toEqual(findings.map((line) => `zones/a.example.yaml:${line}`));
  });

  test("a chain of thousands of checks is refused at once, whatever their order", () => {
    const chain = Array.from({ length: 4000 }, (_, i) => `c${i}: {not: ${i === 0 ? "web" : `c${i - 1}`}}`);
    for (const checks of [chain, chain.toReversed()]) {
      const findings = folderOf(zone({ checks: checks.join(", "), pools: pool("c3999"), use })).findings();
      expect(findings[1]).toMatch(/CFG_CHECK_SIZE checks.c\d+ goes through more than 32 other checks/);
    }
  });

  test("checks of checks that would grow without end", () => {
    const names = Array.from({ length: 40 }, (_, i) => `c${i}`);
    const checks = names.map(
      (name, i) => `${name}: {all: [${[...names.slice(i + 1), "web"].slice(0, 60).join(", ")}]}`,
    );
    const findings = folderOf(zone({ checks: checks.join(", "), pools: pool("c0"), use })).findings();
    expect(findings.every((line) => line.includes("CFG_CHECK_SIZE"))).toBe(true);
    expect(findings).toHaveLength(31);
    expect(findings.at(-1)).toMatch(/checks.c30 is calculated from 512 states, .* expected at most 256$/);
  });

  test("a pool in two other zones", () => {
    const other = "pools: {far: {endpoints: [203.0.113.9]}}\nrecords: {www: {policy: far}}\n";
    const text = zone({ checks: 'f: {all: ["pool:far"]}', pools: pool("f"), use });
    const folder = folderOf(text, { "zones/b.example.yaml": other, "zones/c.example.yaml": other });
    expect(folder.findings()).toEqual([
      'zones/a.example.yaml:1:79 CFG_POOL_UNKNOWN checks.f.all[0]: "pool:far" is in 2 files: expected one of pool:b.example/far, pool:c.example/far',
    ]);
  });
});

describe("min_healthy by family", () => {
  test("counts the endpoints that have such an address", () => {
    const pools =
      '  x: {check: web, min_healthy: {ipv4: 2, ipv6: 50%}, endpoints: [{address: [203.0.113.1, "2001:db8::1"]}, 203.0.113.2]}';
    const plan = planOf(zone({ pools, use: "x, eu, us" }));
    expect(plan.pools.find(({ pool }) => pool === "x")).toMatchObject({
      minHealthy: { families: { ipv4: { count: 2 }, ipv6: { percent: 50 } } },
      families: [[4, 6], [4]],
    });
  });

  test.each([
    ["{}", "6:32 CFG_MIN_HEALTHY pools.x.min_healthy names no family: expected ipv4, ipv6 or both"],
    [
      "{ipv4: 0}",
      '6:39 CFG_VALUE_INVALID pools.x.min_healthy.ipv4 is 0: expected a number of endpoints from 1, or a percentage from "1%" to "100%"',
    ],
    [
      "{ipv4: 2}",
      "6:32 CFG_MIN_HEALTHY pools.x.min_healthy.ipv4 is 2, and the pool has 1 endpoint with an IPv4 address: expected at most 1",
    ],
    [
      "{ipv6: 10%}",
      "6:32 CFG_MIN_HEALTHY pools.x.min_healthy.ipv6 is 10%, and the pool has no endpoint with an IPv6 address: expected ipv4 alone",
    ],
    ["{ipv5: 1}", '6:33 CFG_KEY_UNKNOWN pools.x.min_healthy: "ipv5" is not a key: did you mean ipv4?'],
  ])("%s", (value, finding) => {
    const pools = `  x: {check: web, min_healthy: ${value}, endpoints: [203.0.113.1]}`;
    expect(folderOf(zone({ pools, use: "x, eu, us" })).findings()).toEqual([
      `zones/a.example.yaml:${finding}`,
    ]);
  });
});
