/**
 * tidings for Node's `http`, Express and Fastify: streams are written straight to the `ServerResponse`.
 *
 * @module
 */
export type { AuthorizeContext, HandleLimits, HandleOptions, MiddlewareContext } from "./transports/handle-options.ts";
export { handle } from "./transports/node.ts";
