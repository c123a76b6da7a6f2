import type { ApiSources } from "./api.ts";
import { createMetrics, type MetricsSources } from "./metrics.ts";
import { unreadyReason } from "./readiness.ts";

/** What the API shows of this process. */
export function createApiSources(sources: MetricsSources): ApiSources {
  const registry = createMetrics(sources);
  return {
    metrics: () => registry.metrics(),
    metricsContentType: registry.contentType,
    unreadyReason: () => unreadyReason(sources.blocks),
  };
}
