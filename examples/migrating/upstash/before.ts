import { handle, Realtime, type InferRealtimeEvents } from "@upstash/realtime";
import { Redis } from "@upstash/redis";
import { z } from "zod";

export const realtime = new Realtime({
  schema: { chat: { message: z.object({ user: z.string(), text: z.string() }) } },
  redis: Redis.fromEnv(),
  history: { maxLength: 500 },
});

export type RealtimeEvents = InferRealtimeEvents<typeof realtime>;
export type ChatMessage = z.infer<RealtimeEvents["chat"]["message"]>;

export const GET = handle({
  realtime,
});
