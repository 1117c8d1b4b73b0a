/** `tidings/testing`: what authors of brokers and of tests need. Imports no test runner. */
export { adapterConformance, type AdapterConformanceOptions, type AdapterStore } from "./testing/adapter-conformance.ts";
export {
  brokerConformance,
  type BrokerConformanceOptions,
  type BrokerStore,
  type ConformanceCase,
  type SkippedCase,
} from "./testing/broker-conformance.ts";
export { fakeClock, type FakeClock } from "./testing/fake-clock.ts";
export type { Clock, Timer } from "./protocol/clock.ts";
export type {
  Broker,
  Draft,
  Entry,
  Listener,
  ListenerHandlers,
  LocateRange,
  Location,
  Page,
  ReadOptions,
  Retention,
} from "./brokers/broker.ts";
export type {
  RedisAdapter,
  StreamEntry,
  XAddOptions,
  XRangeArgs,
  XReadArgs,
  XReadResult,
} from "./brokers/four-method/adapter.ts";
export type { RealtimeCursor } from "./protocol/cursor.ts";
