// @ts-check
/**
 * A server that is watched by OpenTelemetry, on the built package: one process that a test can have emit, read and tell what it saw.
 * Environment: REDIS_URL, OBSERVABILITY (where the SDK is installed), SAMPLE (`none`: no trace is), PROPAGATE
 * (`w3c`, `b3`, or none of them).
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { Realtime } from "tidings";
import { handle } from "tidings/node";
import { instrument } from "tidings/opentelemetry";

const { REDIS_URL = "", OBSERVABILITY = "", SAMPLE, PROPAGATE } = process.env;
const sdk = createRequire(path.join(OBSERVABILITY, "package.json"));
const { context, createTraceState, metrics, propagation, ROOT_CONTEXT, trace } = sdk("@opentelemetry/api");
const { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } = sdk("@opentelemetry/core");
const { B3Propagator } = sdk("@opentelemetry/propagator-b3");
const { AsyncLocalStorageContextManager } = sdk("@opentelemetry/context-async-hooks");
const { AlwaysOffSampler, AlwaysOnSampler, BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } =
  sdk("@opentelemetry/sdk-trace-base");
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  sdk("@opentelemetry/sdk-metrics");

const spans = new InMemorySpanExporter();
const sampler = SAMPLE === "none" ? new AlwaysOffSampler() : new AlwaysOnSampler();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
/** Notes on each span what baggage it began with, as those do who bill by it. */
const baggage = {
  onStart(/** @type {any} */ span, /** @type {any} */ begunIn) {
    for (const [name, { value }] of propagation.getBaggage(begunIn)?.getAllEntries() ?? [])
      span.setAttribute(`baggage.${name}`, value);
  },
  onEnd() {},
  forceFlush: async () => {},
  shutdown: async () => {},
};
trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler, spanProcessors: [baggage, new SimpleSpanProcessor(spans)] }));
if (PROPAGATE === "b3") propagation.setGlobalPropagator(new B3Propagator());
if (PROPAGATE === "w3c") {
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
}
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 2 ** 30 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

const realtime = new Realtime({ redis: REDIS_URL });
const end = instrument(realtime);
const server = createServer(handle({ realtime }));

/**
 * Emits as a request would: within a span of the server's own, in a trace that came from elsewhere if it has a state or baggage.
 * @param {[string, string, unknown]} event
 * @param {{ state?: string, baggage?: Record<string, string> }} [came]
 */
function emit([channel, event, data], came) {
  let begunIn = came ? ROOT_CONTEXT : context.active();
  if (came?.state !== undefined) {
    const traceState = createTraceState(came.state);
    const caller = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1, isRemote: true, traceState };
    begunIn = trace.setSpanContext(begunIn, caller);
  }
  if (came?.baggage) {
    const entries = Object.entries(came.baggage).map(([name, value]) => [name, { value }]);
    begunIn = propagation.setBaggage(begunIn, propagation.createBaggage(Object.fromEntries(entries)));
  }
  return trace.getTracer("app").startActiveSpan("POST /orders", {}, begunIn, async (/** @type {{ end(): void }} */ span) => {
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
  const { traceId, spanId, traceState } = span.spanContext();
  const state = traceState?.serialize();
  return { name, kind, attributes, status, traceId, spanId, state, parentSpanId: parent?.spanId, isRemote: parent?.isRemote };
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

/** @param {{ id: number, emit?: [string, string, unknown], came?: { state?: string, baggage?: Record<string, string> }, spans?: true, metrics?: true, end?: true }} message */
async function obey(message) {
  /** @type {unknown} */
  let answer;
  if (message.emit) answer = await emit(message.emit, message.came);
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
