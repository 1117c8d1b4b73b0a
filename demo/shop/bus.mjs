// @ts-check
/** What phone 3 hangs on: publish and subscribe with nothing behind it. Redis when there is one, so that both processes hear. */
import { EventEmitter } from "node:events";
import { Redis } from "ioredis";
import { redis } from "./redis.mjs";

const CHANNEL = `${process.env.DEMO_PREFIX ?? ""}plain`;
const local = new EventEmitter();

if (redis instanceof Redis) {
  const listener = redis.duplicate();
  listener.on("error", () => {});
  listener.on("message", (_channel, text) => local.emit("message", text));
  await listener.subscribe(CHANNEL);
}

export const bus = {
  /** @param {string} text */
  publish(text) {
    if (redis instanceof Redis) redis.publish(CHANNEL, text).catch(() => {});
    else local.emit("message", text);
  },
  /** @param {(text: string) => void} hear */
  listen(hear) {
    local.on("message", hear);
  },
};
