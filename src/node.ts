/**
 * tidings for Node's `http`, Express and Fastify: streams are written straight to the `ServerResponse`.
 *
 * @module
 */
export type { HandleLimits } from "./transports/handle-limits.ts";
export type { AuthorizeContext, HandleOptions, MiddlewareContext } from "./transports/handle-options.ts";
export { handle, type NodeHandleOptions } from "./transports/node.ts";
