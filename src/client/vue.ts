/**
 * tidings for Vue 3.
 *
 * @module
 */
export { createRealtimePlugin, provideRealtime, useRealtimeContext } from "./vue/context.ts";
export {
  createRealtimeState,
  useRealtimeState,
  type TypedRealtimeState,
  type UseRealtimeState,
} from "./vue/use-realtime-state.ts";
export {
  createRealtime,
  useRealtime,
  type TypedRealtime,
  type UseRealtime,
  type UseRealtimeResult,
} from "./vue/use-realtime.ts";
export type { ProvideRealtimeOptions, UseRealtimeOptions } from "./bindings/options.ts";
export type { ConnectionCallbacks } from "./bindings/watch-connection.ts";
export type { RealtimeSnapshot, Resynced, UseRealtimeStateOptions } from "./bindings/state-options.ts";
export { createRealtimeClient } from "./client.ts";
export type {
  ApiOptions,
  ClientMessage,
  ClientSubscribeOptions,
  ConnectionStatus,
  HistoryOption,
  RealtimeClient,
  RealtimeClientOptions,
} from "./options.ts";
export type { RealtimeCursor } from "../protocol/cursor.ts";
export type { Gap } from "../protocol/frames.ts";
export type { EventDataMap } from "../schema/schema.ts";
