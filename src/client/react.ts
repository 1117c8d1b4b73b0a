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
  type UseRealtime,
  type UseRealtimeOptions,
  type UseRealtimeResult,
} from "./react/use-realtime.ts";
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
