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
  redis: process.env.REDIS_URL,
});

export const room = realtime.channel("room:lobby");

// Browsers move to other servers, one after the other. (While developing, this file is read anew with each edit.)
if (process.env.NODE_ENV === "production") process.once("SIGTERM", () => void realtime.drain({ graceSecs: 20 }));
