/**
 * tidings for Vue 3.
 *
 * @module
 */
export { createRealtimePlugin, provideRealtime, useRealtimeContext } from "./vue/context.ts";
export { createRealtime, useRealtime, type UseRealtime, type UseRealtimeResult } from "./vue/use-realtime.ts";
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
