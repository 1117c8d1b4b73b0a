import { Realtime } from "tidings";
import { createBunRedisAdapter } from "tidings/adapters/bun";
import { z } from "zod";

export const realtime = new Realtime({
  schema: {
    chat: { message: z.object({ text: z.string().min(1), user: z.string() }) },
  },
  redis: createBunRedisAdapter(Bun.redis),
  history: { maxLength: 500 },
});
