/**
 * tidings for SWR.
 *
 * @module
 */
export { revalidateKeys, type SwrFilter, type SwrKey, type SwrMutate } from "./caches/swr.ts";
export type { CacheHandlers, CacheOptions, KeysByEvent, OneOrMore } from "./caches/handlers.ts";
