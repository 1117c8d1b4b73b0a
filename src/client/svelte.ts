/**
 * tidings for Svelte 4 and 5.
 *
 * @module
 */
export { getRealtimeContext, provideRealtime } from "./svelte/context.ts";
export {
  createRealtime,
  useRealtime,
  type MaybeReactive,
  type UseRealtime,
  type UseRealtimeResult,
} from "./svelte/use-realtime.ts";
export type { ProvideRealtimeOptions, UseRealtimeOptions } from "./bindings/options.ts";
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
