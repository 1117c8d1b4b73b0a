import {
  context,
  createTraceState,
  isSpanContextValid,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type MeterProvider,
  type Observable,
  type Span,
  type TracerProvider,
} from "@opentelemetry/api";
import type { TracedDelivery } from "../hub/observer.ts";
import { TidingsError } from "../protocol/error.ts";
import { fieldsOfTrace, partsOfTrace, traceOf } from "../protocol/trace.ts";
import { observersOf, type RealtimeObserver, type TracedEmit } from "../realtime/observers.ts";
import { METRICS } from "./metrics.ts";
import type { HasStats } from "./prometheus.ts";

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Where metrics go. @default the one that is registered globally */
  readonly meterProvider?: MeterProvider | undefined;
  /** Where spans go. @default the one that is registered globally */
  readonly tracerProvider?: TracerProvider | undefined;
}

/** The name of our meter and tracer. */
const SCOPE = "tidings";
/** The conventions for messaging, version 1.37 (in development there). */
const EMITTING: Attributes = {
  "messaging.system": SCOPE,
  "messaging.operation.name": "emit",
  "messaging.operation.type": "send",
};
const DELIVERING: Attributes = {
  "messaging.system": SCOPE,
  "messaging.operation.name": "deliver",
  "messaging.operation.type": "process",
};
/** What the conventions advise for durations in seconds. */
const BOUNDARIES_SECS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Tells OpenTelemetry what an instance does: its counts as metrics, each emit as a span, and, where the emit's span is sampled, each
 * delivery of its event as a span of the same trace, on whichever server: one per server, with the number of readers.
 *
 * @returns ends it
 * @throws TidingsError `bad_option` when `realtime` is none.
 */
export function instrument(realtime: HasStats, { meterProvider, tracerProvider }: InstrumentOptions = {}): () => void {
  const observers = observersOf(realtime);
  if (!observers)
    throw new TidingsError("bad_option", "`instrument` takes an instance made with `new Realtime(…)`; it got something else.");
  const meter = (meterProvider ?? metrics).getMeter(SCOPE);
  const tracer = (tracerProvider ?? trace).getTracer(SCOPE);

  const sent = meter.createCounter("messaging.client.sent.messages", {
    description: "Events that were handed to the broker, and settled.",
    unit: "{message}",
  });
  const duration = meter.createHistogram("messaging.client.operation.duration", {
    description: "How long the broker took to settle an emit.",
    unit: "s",
    advice: { explicitBucketBoundaries: BOUNDARIES_SECS },
  });
  const observables = METRICS.filter(({ conventional }) => conventional === undefined).map((metric) => {
    const options = { description: metric.help, unit: metric.unit };
    const observable: Observable =
      metric.kind === "counter"
        ? meter.createObservableCounter(metric.name, options)
        : meter.createObservableGauge(metric.name, options);
    return { metric, observable };
  });
  const instruments = observables.map(({ observable }) => observable);
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const stats = realtime.stats();
    for (const { metric, observable } of observables)
      for (const { value, attributes } of metric.read(stats)) result.observe(observable, value, attributes);
  };
  meter.addBatchObservableCallback(observe, instruments);

  const observer: RealtimeObserver = {
    onEmit: ({ durationMs, error }) => {
      const attributes = error ? { ...EMITTING, "error.type": error.code } : EMITTING;
      sent.add(1, attributes);
      duration.record(durationMs / 1_000, attributes);
    },
    emitting: (channel, event) => {
      const attributes = { ...EMITTING, "messaging.destination.name": channel, "tidings.event": event };
      return followed(tracer.startSpan(`emit ${event}`, { kind: SpanKind.PRODUCER, attributes }));
    },
    delivered: (delivery) => {
      const { channel, id, event, readers, durationMs } = delivery;
      const attributes = {
        ...DELIVERING,
        "messaging.destination.name": channel,
        "messaging.message.id": id,
        "tidings.event": event,
        "tidings.readers": readers,
      };
      const options = { kind: SpanKind.CONSUMER, attributes, startTime: Date.now() - durationMs };
      tracer.startSpan(`deliver ${event}`, options, contextOf(delivery)).end();
    },
  };
  const forget = observers.add(observer);
  return () => {
    forget();
    meter.removeBatchObservableCallback(observe, instruments);
  };
}

/** The span of an emit, and what of it goes with the event: nothing when nobody will see it. */
function followed(span: Span): TracedEmit {
  const { traceFlags } = span.spanContext();
  const isSeen = isSpanContextValid(span.spanContext()) && (traceFlags & TraceFlags.SAMPLED) !== 0;
  return {
    trace: isSeen ? carriedOf(span) : undefined,
    ended: (cursor, error) => {
      if (cursor !== undefined) span.setAttribute("messaging.message.id", cursor);
      if (error) {
        span.setAttribute("error.type", error.code);
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      }
      span.end();
    },
  };
}

/** What goes with the event of a span: where it belongs, and what the propagators of the process make of its context. */
function carriedOf(span: Span): string {
  const { traceId, spanId, traceState } = span.spanContext();
  // With no propagator registered nothing is written, and the trace is whole all the same.
  const fields: Record<string, string> = traceState ? { tracestate: traceState.serialize() } : {};
  try {
    propagation.inject(trace.setSpan(context.active(), span), fields);
  } catch {
    // A propagator of the user's own: that it fails must not cost the span.
  }
  const { traceparent: _written, ...more } = fields;
  return traceOf(`00-${traceId}-${spanId}-01`, more);
}

/** The emit, on another server perhaps, as the parent of what is done with its event. */
function contextOf({ trace: carried }: TracedDelivery): Context {
  const fields = fieldsOfTrace(carried);
  const extracted = propagation.extract(ROOT_CONTEXT, fields);
  if (trace.getSpanContext(extracted)?.isRemote) return extracted;
  // Nothing that is registered here knows where the event belongs: we do.
  const [, traceId = "", spanId = "", flags = "00"] = partsOfTrace(carried)[0].split("-");
  const { tracestate } = fields;
  return trace.setSpanContext(extracted, {
    ...{ traceId, spanId },
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}
