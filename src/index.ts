/**
 * tidings, the server side: typed events from server code to every browser that should see them.
 *
 * @module
 */
export type {
  Broker,
  BrokerState,
  Draft,
  Entry,
  Listener,
  ListenerHandlers,
  Location,
  LocateRange,
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
export type { BrokerStatus } from "./hub/observer.ts";
export type { ErrorCode, GapReason, WireCode } from "./protocol/codes.ts";
export { isRealtimeCursor, type RealtimeCursor } from "./protocol/cursor.ts";
export { CursorUnavailableError, isTidingsError, TidingsError, type Issue } from "./protocol/error.ts";
export type { Gap } from "./protocol/frames.ts";
export type { Channel, EmitOptions } from "./realtime/channel.ts";
export type { DisconnectOptions, DrainOptions } from "./realtime/farewell-options.ts";
export type { RealtimeHealth } from "./realtime/health.ts";
export type { HistoryQuery } from "./realtime/history.ts";
export type {
  BrokerInfo,
  ConnectInfo,
  DisconnectInfo,
  EmitInfo,
  GapInfo,
  LagInfo,
  ReaderInfo,
  RealtimeHooks,
  ReplayInfo,
} from "./realtime/hooks.ts";
export type { RealtimeLogger } from "./realtime/internals.ts";
export type { HistoryOptions, RealtimeLimits, RealtimeOptions } from "./realtime/options.ts";
export type { RealtimePlugin, RealtimePluginContext } from "./realtime/plugins.ts";
export { Realtime, type ChannelOptions, type RealtimeConstructor } from "./realtime/realtime.ts";
export type { DriverInput, RedisInput } from "./realtime/resolve-broker.ts";
export type { RealtimeStats } from "./realtime/stats.ts";
export type { SubscribeOptions } from "./realtime/subscribe.ts";
export type { InferRealtimeEvents } from "./schema/infer.ts";
export type { HistoryMessage, Message } from "./schema/message.ts";
export type { EventData, EventInput, EventName, Schema } from "./schema/schema.ts";
export type { CorsOptions } from "./transports/cors.ts";
export { handle } from "./transports/fetch.ts";
export type { HandleLimits } from "./transports/handle-limits.ts";
export type { AuthorizeContext, HandleOptions, MiddlewareContext } from "./transports/handle-options.ts";
