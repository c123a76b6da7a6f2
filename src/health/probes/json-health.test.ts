import { expect, it } from "vitest";
import { reasonText } from "../reasons.ts";
import { judgeJson, parseJson } from "./json-health.ts";

const usual = { statusPath: ["status"], checksPath: ["checks"], healthy: ["healthy", "ok", "up", "true"] };
const actuator = { statusPath: ["data", "status"], checksPath: ["data", "components"], healthy: ["up"] };

it.each([
  ['{"status":"healthy","checks":{"database":"ok"}}', usual, "ok"],
  ['{"status":"healthy"}', usual, "ok"],
  ['{"status":true,"checks":{}}', usual, "ok"],
  ['{"status":"healthy","checks":null}', usual, "ok"],
  ['{"status":"degraded","checks":{"database":"ok"}}', usual, "json-status"],
  ['{"status":"healthy","checks":{"database":"ok","queue":"full"}}', usual, "json-check"],
  ['{"status":"healthy","checks":{"database":false}}', usual, "json-check"],
  ['{"status":"healthy","checks":{"database":null}}', usual, "json-check"],
  ['{"status":"healthy","checks":{"database":{"status":"ok","ms":3}}}', usual, "ok"],
  ['{"status":"healthy","checks":{"database":{"ms":3}}}', usual, "json-check"],
  ['{"status":"ok","checks":{"db:time":[{"status":"ok"},{"status":"fail"}]}}', usual, "json-check"],
  ['{"status":"ok","checks":[{"status":"ok"},"ok"]}', usual, "ok"],
  ['{"status":"ok","checks":"all broken"}', usual, "json-check"],
  ['{"data":{"status":"UP","components":{"db":{"status":"UP"}}}}', actuator, "ok"],
  ['{"data":{"status":"UP","components":{"db":{"status":"DOWN"}}}}', actuator, "json-check"],
  ['{"status":"UP"}', actuator, "json-status"],
  ['{"checks":{"database":"ok"}}', usual, "json-status"],
  ['{"status":{"status":"ok"}}', usual, "json-status"],
  ['{"__proto__":{"status":"ok"}}', usual, "json-status"],
  ['["ok"]', usual, "json-status"],
  ["null", usual, "json-status"],
  ['{"status":"healthy"', usual, "json-malformed"],
  ["", usual, "json-malformed"],
  ["[".repeat(5_120), usual, "json-malformed"],
  [`{"status":"ok","checks":${"[".repeat(2_500)}${"]".repeat(2_500)}}`, usual, "ok"],
])("%.60s", (text, expectation, reason) => {
  expect(reasonText(judgeJson(parseJson(text), expectation))).toBe(reason);
});
