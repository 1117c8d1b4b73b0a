"use client";
/**
 * The hooks of `tidings/events` for React.
 *
 * @module
 */
export type { ConnectionOptions } from "./client/connection.ts";
export { createEventHooks, type EventHooks } from "./client/create-event-hooks.ts";
export type { EventGap } from "./client/follower.ts";
export type { RealtimeContext } from "./client/provider-context.ts";
export { RealtimeProvider, useRealtimeContext, type RealtimeProviderProps } from "./client/provider.tsx";
export { useEventStream, type EventStream, type EventStreamOptions, type StreamState } from "./client/use-event-stream.ts";
export { useRealtimeChannel, type RealtimeChannelOptions } from "./client/use-realtime-channel.ts";
export type { AnyEvents, EventOf, EventsIn, RealtimeEvent } from "./types.ts";
