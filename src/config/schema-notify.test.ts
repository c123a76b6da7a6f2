import { describe, expect, test } from "vitest";
import { serverOptions } from "../../test/support/config-folder.ts";
import { DEFAULT_TEMPLATE } from "../control/notify-payload.ts";

const RECEIVERS = (...receivers: string[]): string =>
  `notify:\n${receivers.map((receiver) => `  - {${receiver}}\n`).join("")}`;

describe("notify", () => {
  test("has defaults, and completes the path of Alertmanager", () => {
    const { options, findings } = serverOptions(
      RECEIVERS(
        "name: alerts, type: alertmanager, url: http://127.0.0.1:9093/",
        "name: full, type: alertmanager, url: http://am.example/prefix/api/v2/alerts, labels: {team: edge}, on: [pool]",
        "name: chat, type: webhook, url: https://hooks.example/x?y=z",
        "name: own, type: webhook, url: https://hooks.example/x, on: [latch, forced], timeout: 1s, template: {text: ['{{summary}}', 7, null]}",
      ),
    );
    expect(findings).toEqual([]);
    const common = { headers: {}, timeoutMs: 5000, on: ["endpoint", "pool", "freeze"], labels: {} };
    expect(options!.notify).toEqual([
      {
        ...common,
        name: "alerts",
        type: "alertmanager",
        url: "http://127.0.0.1:9093/api/v2/alerts",
        template: null,
      },
      {
        ...common,
        name: "full",
        type: "alertmanager",
        url: "http://am.example/prefix/api/v2/alerts",
        template: null,
        labels: { team: "edge" },
        on: ["pool"],
      },
      {
        ...common,
        name: "chat",
        type: "webhook",
        url: "https://hooks.example/x?y=z",
        template: DEFAULT_TEMPLATE,
      },
      {
        ...common,
        name: "own",
        type: "webhook",
        url: "https://hooks.example/x",
        template: { text: ["{{summary}}", 7, null] },
        on: ["latch", "forced"],
        timeoutMs: 1000,
      },
    ]);
  });

  const hook = "name: chat, type: webhook, url: https://hooks.example/x";
  test.each([
    ["name: a, type: webhook", "notify[0]: url is missing"],
    [
      "name: a, type: mail, url: http://a.example",
      "type is another one: expected one of alertmanager, webhook",
    ],
    ["name: a, url: http://a.example", "type is missing: expected one of alertmanager, webhook"],
    ["name: a, type: webhook, url: ftp://a.example", "expected a URL that begins with http:// or https://"],
    ["name: A B, type: webhook, url: http://a.example", "expected a name of lower-case letters"],
    [`${hook}, template: {text: "{{sumary}}"}`, "expected {{summary}}, not {{sumary}}"],
    [`${hook}, template: {text: "{{nonsense}}"}`, "not {{nonsense}}"],
    [`${hook}, on: [endpoints]`, "expected one of endpoint, pool, freeze, latch, forced"],
    [`${hook}, on: []`, "expected at least one kind of event"],
    [`${hook}, headers: {"X-A": "a\\r\\nB: c"}`, "expected a text without line breaks"],
    [`${hook}, headers: {Host: a.example}`, "Host"],
    [
      "name: a, type: alertmanager, url: http://a.example, on: [latch]",
      "expected one of endpoint, pool, freeze",
    ],
    ["name: a, type: alertmanager, url: http://a.example, template: {}", '"template" is not a key'],
    ["name: a, type: alertmanager, url: http://a.example, labels: {a-b: c}", "a-b"],
  ])("%s", (receiver, words) => {
    const { findings } = serverOptions(RECEIVERS(receiver));
    expect(findings.join("\n")).toContain(words);
  });

  test("two of one name", () => {
    const other = "name: b, type: webhook, url: https://hooks.example/x";
    expect(serverOptions(RECEIVERS(other, hook, other, hook)).findings).toEqual([
      '4:12 CFG_VALUE_INVALID notify[2].name is "b": expected a name of its own: notify[0] has this one',
      '5:12 CFG_VALUE_INVALID notify[3].name is "chat": expected a name of its own: notify[1] has this one',
    ]);
  });

  test.each([
    ["- {name: a, type: webhook, url: htps://hooks.example/SECRET}", "notify[0].url is not shown"],
    [`- {${hook}, headers: {Authorization: "Bearer SECRET\\n"}}`, "headers.Authorization is not shown"],
    [`- {${hook}, headers: {X: 5355608}}`, "notify[0].headers.X is not shown"],
    [`- {${hook}, headers: SECRET}`, "notify[0].headers is not shown"],
    ["- https://hooks.example/SECRET", "notify[0] is not shown"],
    ["https://hooks.example/SECRET", "notify is not shown"],
    ["- {name: a, url:https://hooks.example/SECRET}", "url has no space after its colon"],
    [`- {${hook}, timeout: 1h}`, 'notify[0].timeout is "1h"'],
  ])("a finding repeats no secret: %s", (notify, words) => {
    const findings = serverOptions(`notify:\n  ${notify}\n`).findings.join("\n");
    expect(findings).toContain(words);
    expect(findings).not.toMatch(/SECRET|5355608/);
  });
});
