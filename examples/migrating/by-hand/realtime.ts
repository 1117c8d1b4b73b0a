import { Redis } from "ioredis";
import { handle, Realtime } from "tidings";
import { z } from "zod";

export const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

export const realtime = new Realtime({
  redis,
  schema: { order: { changed: z.object({ id: z.string(), state: z.string() }) } },
});

export async function orderChanged(id: string, state: string): Promise<void> {
  await realtime.channel(`order:${id}`).emit("order.changed", { id, state });
}

export const GET = handle({
  realtime,
  authorize: ({ channel }) => channel.startsWith("order:"),
});
