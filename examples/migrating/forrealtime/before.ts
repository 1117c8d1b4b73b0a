import { handle, Realtime } from "forrealtime";
import { createIORedisAdapter } from "forrealtime/adapters/ioredis";
import { Redis } from "ioredis";
import { z } from "zod";

const redis = new Redis(process.env.REDIS_URL ?? "redis://localhost:6379");

export const realtime = new Realtime({
  schema: { chat: { message: z.object({ user: z.string(), text: z.string() }) } },
  redis: createIORedisAdapter(redis),
  history: { maxLength: 500 },
});

export const GET = handle({
  realtime,
});
