import type { RealtimeStats } from "../realtime/stats.ts";

/** One value of a metric. */
export interface Point {
  readonly value: number;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** What is measured: the same for every way to look at it. */
export interface Metric {
  /** By the rules of OpenTelemetry. Prometheus has it with underscores, its unit, and `_total` behind what only rises. */
  readonly name: string;
  /** What rises until the process ends, or what goes up and down. */
  readonly kind: "counter" | "gauge";
  /** As OpenTelemetry writes units: `By` are bytes, what is in braces is counted. */
  readonly unit: string;
  readonly help: string;
  /** The conventions of OpenTelemetry have another name for it, under which it is told there. */
  readonly conventional?: string | undefined;
  read(stats: RealtimeStats): readonly Point[];
}

/** Every metric that is made of `stats()`. docs/guides/monitoring.md has the same table, and a test compares them. */
export const METRICS: readonly Metric[] = [
  {
    ...{ name: "tidings.streams", kind: "gauge", unit: "{stream}" },
    help: "Streams that are open.",
    read: ({ streams }) => [{ value: streams }],
  },
  {
    ...{ name: "tidings.pages", kind: "gauge", unit: "{request}" },
    help: "Requests for a page that wait for an answer.",
    read: ({ pages }) => [{ value: pages }],
  },
  {
    ...{ name: "tidings.subscriptions", kind: "gauge", unit: "{subscription}" },
    help: "Server-side subscriptions that are open.",
    read: ({ subscriptions }) => [{ value: subscriptions }],
  },
  {
    ...{ name: "tidings.channels", kind: "gauge", unit: "{channel}" },
    help: "Channels that are listened to.",
    read: ({ channels }) => [{ value: channels }],
  },
  {
    ...{ name: "tidings.lagging", kind: "gauge", unit: "{reader}" },
    help: "Readers that were up to date and are behind.",
    read: ({ lagging }) => [{ value: lagging }],
  },
  {
    ...{ name: "tidings.emits", kind: "counter", unit: "{event}", conventional: "messaging.client.sent.messages" },
    help: "Emits that the broker has settled, by outcome.",
    read: ({ emits: { stored, failed } }) => [
      { value: stored, attributes: { outcome: "stored" } },
      { value: failed, attributes: { outcome: "failed" } },
    ],
  },
  {
    ...{ name: "tidings.deliveries", kind: "counter", unit: "{event}" },
    help: "Events, each as often as there were readers to whom it was given.",
    read: ({ deliveries }) => [{ value: deliveries }],
  },
  {
    ...{ name: "tidings.sent", kind: "counter", unit: "By" },
    help: "Bytes that were written to streams, and of pages.",
    read: ({ bytesSent }) => [{ value: bytesSent }],
  },
  {
    ...{ name: "tidings.replays", kind: "counter", unit: "{replay}" },
    help: "Readers that asked for what was before them and have caught up, by where it was.",
    read: ({ replays: { memory, log } }) => [
      { value: memory, attributes: { source: "memory" } },
      { value: log, attributes: { source: "log" } },
    ],
  },
  {
    ...{ name: "tidings.gaps", kind: "counter", unit: "{gap}" },
    help: "Gaps that readers were told of, by reason.",
    read: ({ gaps }) => Object.entries(gaps).map(([reason, value]) => ({ value, attributes: { reason } })),
  },
  {
    ...{ name: "tidings.refusals", kind: "counter", unit: "{request}" },
    help: "Requests that got neither a stream nor a page, by code.",
    read: ({ refusals }) => Object.entries(refusals).map(([code, value]) => ({ value, attributes: { code } })),
  },
  {
    ...{ name: "tidings.log.reads", kind: "counter", unit: "{read}" },
    help: "Times that the log was asked for what readers need.",
    read: ({ logReads }) => [{ value: logReads }],
  },
  {
    ...{ name: "tidings.broker.connected", kind: "gauge", unit: "1" },
    help: "Whether the broker can be reached: 1, or 0. Absent until it was asked for something.",
    // Nobody knows while it is idle, and 0 would raise an alarm over a process that nobody uses.
    read: ({ broker: { name, state } }) =>
      state === "idle" ? [] : [{ value: state === "connected" ? 1 : 0, attributes: { broker: name } }],
  },
];
