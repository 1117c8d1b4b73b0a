import { realtime, redis } from "./realtime.js";

const subscriber = redis.duplicate();

subscriber.on("pmessage", (_pattern, channel, message) => {
  realtime
    .channel(channel)
    .emit("order.changed", JSON.parse(message))
    .catch((error: unknown) => console.error(`an event of ${channel} was not passed on:`, error));
});
await subscriber.psubscribe("order:*");
