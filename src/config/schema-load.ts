import * as z from "zod";
import { HEADER_NAME } from "../health/request-text.ts";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { keysRow } from "./schema-http.ts";
import { durationRow } from "./schema-rows.ts";

/** Where the answers of a check say how busy the endpoint is. */

const HEADER = "the name of a header";
const LOAD = "true, or a mapping, as {path: metrics, expire: 30s}";

export const loadOptions = mapping(
  {
    path: keysRow
      .optional()
      .describe(
        "Where the JSON answer has the figures: keys with dots between them. Absent: beside the status, at its top",
      ),
    header: z
      .string({ error: HEADER })
      .regex(HEADER_NAME, { error: HEADER })
      .max(64, { error: HEADER })
      .optional()
      .describe("Header that has them instead, as `active_connections=40, capacity=200`"),
    expire: durationRow("1s", "24h")
      .optional()
      .describe(
        "Time after which a figure that is reported no more is forgotten. Absent: 30s, or three intervals",
      ),
  },
  LOAD,
).refine(({ path, header }) => path === undefined || header === undefined, {
  path: ["path"],
  error: "nothing, because header is given",
});
export type LoadInput = z.output<typeof loadOptions>;
const loadTrue = z.literal(true, { error: LOAD }).transform((): LoadInput => loadOptions.parse({}));

export const loadRow = chosen<LoadInput>([loadTrue, loadOptions], (value) =>
  isMapping(value) ? loadOptions : loadTrue,
)
  .optional()
  .describe(
    "Read how busy the endpoint is: active_connections, capacity, p99_ms and error_rate, in the JSON answer or in a header. What is not there is no failure. true, or where it stands",
  );

interface Reporting {
  interval: number;
  method: string;
  load?: LoadInput | undefined;
}

/** Reports must outlive the time to the next one, and the answer to a HEAD has no body. */
export function loadFits({ interval, method, load }: Reporting, context: z.RefinementCtx): void {
  if (load?.expire !== undefined && load.expire < interval)
    context.addIssue({ code: "custom", path: ["load", "expire"], message: "at least what interval says" });
  if (load !== undefined && load.header === undefined && method === "HEAD")
    context.addIssue({ code: "custom", path: ["method"], message: "GET, because load wants a body" });
}
