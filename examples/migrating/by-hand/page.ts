import { createRealtimeClient } from "tidings/client/core";
import type { InferRealtimeEvents } from "tidings";
import type { realtime } from "./realtime.js"; // a type: no server code comes with it

type Order = InferRealtimeEvents<typeof realtime>["order"]["changed"];

export function followOrder(id: string, show: (order: Order) => void, reload: () => void): () => void {
  const client = createRealtimeClient({ api: { url: "/api/realtime" } });
  client.subscribe({
    channels: [`order:${id}`],
    onData: ({ data }) => show(data as Order),
    onGap: reload, // events may be missing: fetch the current state
  });
  return () => client.destroy();
}
