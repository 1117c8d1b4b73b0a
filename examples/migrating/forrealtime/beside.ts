import { handle, Realtime } from "tidings";
import { Redis } from "ioredis";
import { z } from "zod";

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

export const realtime = new Realtime({
  schema: { chat: { message: z.object({ user: z.string(), text: z.string() }) } },
  redis,
  interop: "forrealtime",
});

export const GET = handle({
  realtime,
  authorize: ({ channel }) => channel.startsWith("room:"),
});
