// @ts-check
/** The server code that the page shows: what stands between the two marks, read from this file while it runs. */
import { Realtime } from "tidings";
import { handle } from "tidings/node";
import { z } from "zod";
import { redis } from "./redis.mjs";

/** @import { EventInput } from "tidings" */
/** @typedef {EventInput<{ readonly schema: typeof schema }, "order.placed">} NewOrder */

// #region shown
export const order = z.object({
  n: z.int(), // what the ledgers count
  at: z.number(), // when it was placed
  item: z.enum(["tea", "mocha", "cake"]),
  quantity: z.int().min(1).max(20),
});
const schema = { order: { placed: order } };
export const realtime = new Realtime({ schema, redis });
export const stream = handle({ realtime });
export const placeOrder = (/** @type {NewOrder} */ input) => realtime.emit("order.placed", input);
// #endregion
