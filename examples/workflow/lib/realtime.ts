import { Realtime } from "tidings";
import { z } from "zod";

export const realtime = new Realtime({
  schema: {
    workflow: {
      stepStart: z.object({ stepName: z.string() }),
      stepFinish: z.object({ stepName: z.string(), result: z.unknown().optional() }),
      waitingForInput: z.object({ question: z.string() }),
      inputResolved: z.object({ approved: z.boolean() }),
      runFinish: z.object({}),
    },
  },
  // In this process's memory, until there is a Redis.
  redis: process.env.REDIS_URL,
});
