import { Realtime } from "tidings";
import { createBunRedisAdapter } from "tidings/adapters/bun";
import { z } from "zod";

export const realtime = new Realtime({
  schema: {
    chat: {
      message: z.object({
        name: z.string().trim().min(1, "Who are you?").max(40),
        text: z.string().trim().min(1, "Say something.").max(500),
      }),
    },
  },
  // In this process's memory, until there is a Redis: set REDIS_URL, which Bun.redis reads.
  redis: process.env.REDIS_URL ? createBunRedisAdapter(Bun.redis) : undefined,
  history: { maxLength: 500 },
});

export const ROOMS = ["lobby", "kitchen", "garden"];
