"use client";
/**
 * tidings for React.
 *
 * @module
 */
export { RealtimeProvider, useRealtimeContext, type RealtimeProviderProps } from "./react/provider.tsx";
export { createRealtime, useRealtime, type UseRealtime, type UseRealtimeResult } from "./react/use-realtime.ts";
export type { UseRealtimeOptions } from "./bindings/options.ts";
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
