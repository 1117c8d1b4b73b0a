"use client";
/**
 * tidings for admin pages in React: lists that refresh when a row changes.
 *
 * @module
 */
export type { LiveTarget } from "./names.ts";
export type { LiveOptions, ResourceInput } from "./client/live-options.ts";
export type { LiveStatus } from "./client/live-status.ts";
export type { ListState, PageRequest, ResourcePage } from "./client/list-store.ts";
export { useLiveChannel, type UseLiveChannelOptions } from "./client/use-live-channel.ts";
export { useLiveResource, type UseLiveResourceOptions } from "./client/use-live-resource.ts";
export { useResourceList, type ResourceList, type UseResourceListOptions } from "./client/use-resource-list.ts";
