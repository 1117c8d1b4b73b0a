import { realtime } from "./realtime.js";

export async function placeOrder(item: string, quantity: number) {
  await realtime.emit("order.placed", { item, quantity });
}
