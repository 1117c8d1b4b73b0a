import type { realtime } from "../shop/shop.mjs";
import type { InferRealtimeEvents } from "tidings";

/** An order, as the schema of the server has it. */
export type Order = InferRealtimeEvents<typeof realtime>["order"]["placed"];

/** An order as `GET /orders` lists it. */
export type ListedOrder = Omit<Order, "at">;
