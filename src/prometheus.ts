/**
 * tidings for Prometheus: what a process does, as text that it scrapes.
 *
 * @module
 */
export { metrics, METRICS_CONTENT_TYPE, metricsText, type HasStats, type MetricsOptions } from "./monitoring/prometheus.ts";
export type { RealtimeStats } from "./realtime/stats.ts";
