/**
 * tidings for Svelte 4 and 5.
 *
 * @module
 */
export { getRealtimeContext, provideRealtime } from "./svelte/context.ts";
export { createRealtime, type TypedRealtime } from "./svelte/create-realtime.ts";
export type { MaybeReactive } from "./svelte/reactive.ts";
export { useRealtimeState, type UseRealtimeState } from "./svelte/use-realtime-state.ts";
export { useRealtime, type UseRealtime, type UseRealtimeResult } from "./svelte/use-realtime.ts";
export type { ProvideRealtimeOptions, UseRealtimeOptions } from "./bindings/options.ts";
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
