/**
 * tidings for admin pages: lists that refresh when a row changes. Rows never leave the database through it: what is told is the
 * resource's name, what happened and to which row.
 *
 * @module
 */
export type { AnyRow, ResourceAdapter, WriteTarget } from "./resources/adapter.ts";
export {
  defineAdmin,
  type Admin,
  type AdminOptions,
  type AdminTransaction,
  type ResourceName,
  type ResourcesInput,
} from "./resources/admin.ts";
export type { AdminAuth, AdminSession } from "./resources/auth.ts";
export { bindPublisher, publish, publishResource, subscribe, type ResourceEvent } from "./resources/binding.ts";
export {
  drizzleAdapter,
  type DrizzleAdapterOptions,
  type DrizzleDatabase,
  type DrizzleTransaction,
} from "./resources/drizzle-adapter.ts";
export type { LiveTarget } from "./resources/names.ts";
export { createPublisher, type Publisher, type PublisherOptions } from "./resources/publisher.ts";
export {
  resource,
  type NameOf,
  type NewRowOf,
  type Resource,
  type ResourceAccess,
  type ResourceOptions,
  type RowOf,
  type TableInput,
} from "./resources/resource.ts";
export type { ResourceStore } from "./resources/store.ts";
export { stream, type StreamableAdmin, type StreamOptions } from "./resources/stream.ts";
