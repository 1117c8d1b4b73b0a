/**
 * tidings for users and channels: a route that browsers read, and functions that publish to it.
 *
 * @module
 */
export { createEvents, type Events, type EventsOptions } from "./events/server/create-events.ts";
export type { Identity } from "./events/server/identity.ts";
export type { Publish, PublishOptions } from "./events/server/publish.ts";
export type { RouteOptions } from "./events/server/route.ts";
export type { StoreOptions } from "./events/server/resolve-realtime.ts";
export type { AnyEvents, EventOf, RealtimeEvent } from "./events/types.ts";
