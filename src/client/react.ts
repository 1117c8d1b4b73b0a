"use client";
/**
 * tidings for React.
 *
 * @module
 */
export { RealtimeProvider, useRealtimeContext, type RealtimeProviderProps } from "./react/provider.tsx";
export {
  createRealtime,
  useRealtime,
  type TypedRealtime,
  type UseRealtime,
  type UseRealtimeResult,
} from "./react/use-realtime.ts";
export {
  createRealtimeState,
  useRealtimeState,
  type TypedRealtimeState,
  type UseRealtimeState,
} from "./react/use-realtime-state.ts";
export type { UseRealtimeOptions } from "./bindings/options.ts";
export type { RealtimeSnapshot, Resynced, UseRealtimeStateOptions } from "./bindings/state-options.ts";
export type { ConnectionCallbacks } from "./bindings/watch-connection.ts";
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
