import type { StaticSpec } from "../plan.ts";
import { failedResult, type StartProbe } from "../probe.ts";
import { REASON_OK, REASON_STATE_DOWN } from "../reasons.ts";

/** What the check says, and nothing is asked. */
export function prepareStatic({ up }: StaticSpec): StartProbe {
  return (done) => {
    done({ ...failedResult(up ? REASON_OK : REASON_STATE_DOWN), ok: up });
    return { expire() {}, cancel() {} };
  };
}
