import { createRealtimeClient } from "tidings/client/core";
import type { ListedOrder, Order } from "./order.ts";
import type { Phone } from "./phone.ts";
import { getJson } from "./state.ts";

/** Connects a phone through tidings. @returns hangs up */
export function connectTidings(phone: Phone): () => void {
  const client = createRealtimeClient({ api: { url: `/phones/${phone.name}/api/realtime` } });
  client.subscribeStatus((status) => phone.online(status === "connected", { isBackingOff: status === "disconnected" }));
  client.subscribe({
    events: ["order.placed"],
    // The server stores nothing that its schema does not let through.
    onData: ({ data, replayed }) => phone.show(data as Order, replayed ? "replayed" : "live"),
    onGap: ({ reason }) => phone.gap(reason, () => getJson<ListedOrder[]>("/orders")),
  });
  return () => client.destroy();
}
