import { Realtime } from "tidings";
import { z } from "zod";

export const realtime = new Realtime({
  schema: {
    order: { placed: z.object({ item: z.string().min(1), quantity: z.number().int().positive() }) },
  },
});
