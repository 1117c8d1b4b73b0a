import { realtime } from "./realtime.js";

export const closeKitchen = await realtime.subscribe({
  events: ["order.placed"],
  onData: ({ data }) => console.log(`kitchen: ${data.quantity} × ${data.item}`),
  onGap: () => console.warn("kitchen: orders may be missing, look into the book"),
});
