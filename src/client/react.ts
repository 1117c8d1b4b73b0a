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
export {
  createRealtimeClient,
  type ApiOptions,
  type ClientSubscribeOptions,
  type ConnectionStatus,
  type HistoryOption,
  type RealtimeClient,
  type RealtimeClientOptions,
} from "./client.ts";
export type { ClientMessage } from "./listener.ts";
export type { RealtimeCursor } from "../protocol/cursor.ts";
export type { Gap } from "../protocol/frames.ts";
