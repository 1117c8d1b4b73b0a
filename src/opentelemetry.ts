/**
 * tidings for OpenTelemetry: metrics, and traces that go from an emit to its deliveries.
 *
 * @module
 */
export { instrument, type InstrumentOptions } from "./monitoring/opentelemetry.ts";
export type { HasStats } from "./monitoring/prometheus.ts";
