/**
 * tidings for TanStack Query, of any framework.
 *
 * @module
 */
export { invalidateQueries, type QueryClientLike, type QueryKeyLike } from "./caches/queries.ts";
export type { CacheHandlers, CacheOptions, KeysByEvent, OneOrMore } from "./caches/handlers.ts";
