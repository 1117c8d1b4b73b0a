/**
 * tidings for Svelte 4 and 5.
 *
 * @module
 */
export { getRealtimeContext, provideRealtime } from "./svelte/context.ts";
export type { MaybeReactive } from "./svelte/reactive.ts";
export {
  createRealtimeState,
  useRealtimeState,
  type TypedRealtimeState,
  type UseRealtimeState,
} from "./svelte/use-realtime-state.ts";
export {
  createRealtime,
  useRealtime,
  type TypedRealtime,
  type UseRealtime,
  type UseRealtimeResult,
} from "./svelte/use-realtime.ts";
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
