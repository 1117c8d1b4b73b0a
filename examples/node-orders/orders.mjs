import { realtime } from "./realtime.mjs";

export const placeOrder = () => realtime.emit("order.placed", { item: "tea", quantity: 1 });
