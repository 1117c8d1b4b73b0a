import { createRealtimeClient } from "tidings/client/core";

const client = createRealtimeClient({ api: { url: `http://localhost:${process.env.PORT ?? 3000}/api/realtime` } });

client.subscribe({
  channels: ["default"],
  history: { limit: 20 }, // the newest 20 first
  onData: ({ event, data, replayed }) => console.log(replayed ? "replayed" : "live", event, data),
  onGap: ({ channel }) => console.log(`events of ${channel} may be missing`),
});
