/** Observes the pipeline for a monitoring system, and for people. */
import { PipelineMetrics, type MetricsSources } from "./metrics.ts";
import { LiveReader } from "./reading.ts";

export function observe(sources: MetricsSources) {
  return { metrics: new PipelineMetrics(sources), live: new LiveReader(sources) };
}
