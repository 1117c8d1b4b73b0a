// @ts-check
/**
 * A server that is watched by OpenTelemetry, on the built package: one process that a test can have emit, read and tell what it saw.
 * Environment: REDIS_URL, OBSERVABILITY (where the SDK is installed), SAMPLE (`none`: no trace is).
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { Realtime } from "tidings";
import { handle } from "tidings/node";
import { instrument } from "tidings/opentelemetry";

const { REDIS_URL = "", OBSERVABILITY = "", SAMPLE } = process.env;
const sdk = createRequire(path.join(OBSERVABILITY, "package.json"));
const { context, metrics, trace } = sdk("@opentelemetry/api");
const { AsyncLocalStorageContextManager } = sdk("@opentelemetry/context-async-hooks");
const { AlwaysOffSampler, AlwaysOnSampler, BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } =
  sdk("@opentelemetry/sdk-trace-base");
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  sdk("@opentelemetry/sdk-metrics");

const spans = new InMemorySpanExporter();
const sampler = SAMPLE === "none" ? new AlwaysOffSampler() : new AlwaysOnSampler();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(spans)] }));
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 2 ** 30 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

const realtime = new Realtime({ redis: REDIS_URL });
const end = instrument(realtime);
const server = createServer(handle({ realtime }));

/** Emits as a request would: within a span of the server's own. @param {[string, string, unknown]} event */
function emit([channel, event, data]) {
  return trace.getTracer("app").startActiveSpan("POST /orders", async (/** @type {{ end(): void }} */ span) => {
    // The context has to come through to a validator's answer, and beyond.
    await Promise.resolve();
    const outcome = await realtime
      .channel(channel)
      .emit(event, data)
      .catch((/** @type {{ code: string }} */ { code }) => code);
    span.end();
    return outcome;
  });
}

/** @param {any} span */
function plain(span) {
  const { name, kind, attributes, status, parentSpanContext: parent } = span;
  const { traceId, spanId } = span.spanContext();
  return { name, kind, attributes, status, traceId, spanId, parentSpanId: parent?.spanId, isRemote: parent?.isRemote };
}

async function collect() {
  measured.reset();
  await reader.forceFlush();
  return measured.getMetrics().flatMap((/** @type {any} */ { scopeMetrics }) =>
    scopeMetrics.flatMap((/** @type {any} */ { scope, metrics }) =>
      metrics.map((/** @type {any} */ { descriptor, dataPoints }) => ({
        ...{ scope: scope.name, name: descriptor.name, unit: descriptor.unit },
        points: dataPoints.map((/** @type {any} */ { attributes, value }) => ({ attributes, value: value.count ?? value })),
      })),
    ),
  );
}

/** @param {{ id: number, emit?: [string, string, unknown], spans?: true, metrics?: true, end?: true }} message */
async function obey(message) {
  /** @type {unknown} */
  let answer;
  if (message.emit) answer = await emit(message.emit);
  if (message.spans) answer = spans.getFinishedSpans().map(plain);
  if (message.metrics) answer = await collect();
  if (message.end) end();
  process.send?.({ id: message.id, answer });
}

process.on("message", obey);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
