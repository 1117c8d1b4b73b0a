import { env } from "$env/dynamic/private";
import { Realtime } from "tidings";
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
  // In this process's memory, until there is a Redis: npm i ioredis, and set REDIS_URL.
  redis: env.REDIS_URL,
});

export const room = realtime.channel("room:lobby");
