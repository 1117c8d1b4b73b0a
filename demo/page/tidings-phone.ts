import { createRealtimeClient } from "tidings/client/core";
import type { realtime } from "../shop/shop.mjs";
import type { ListedOrder } from "./order.ts";
import type { Phone } from "./phone.ts";
import { getJson } from "./state.ts";

/** Connects a phone through tidings. @returns hangs up */
export function connectTidings(phone: Phone): () => void {
  const client = createRealtimeClient<typeof realtime>({ api: { url: `/phones/${phone.name}/api/realtime` } });
  client.subscribeStatus((status) => phone.online(status === "connected"));
  client.subscribe({
    events: ["order.placed"],
    onData: ({ data, replayed }) => phone.show(data, replayed ? "replayed" : "live"),
    onGap: ({ reason }) => phone.gap(reason, () => getJson<ListedOrder[]>("/orders")),
  });
  return () => client.destroy();
}
