import { handle, Realtime, type InferRealtimeEvents } from "tidings";
import { Redis } from "@upstash/redis";
import { z } from "zod";

export const realtime = new Realtime({
  schema: { chat: { message: z.object({ user: z.string(), text: z.string() }) } },
  redis: Redis.fromEnv(),
  interop: "upstash",
});

export type RealtimeEvents = InferRealtimeEvents<typeof realtime>;
export type ChatMessage = RealtimeEvents["chat"]["message"];

export const GET = handle({
  realtime,
  authorize: ({ channel }) => channel.startsWith("room:"),
});
