import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { handle, isTidingsError } from "tidings";
import { placeOrder } from "./orders.js";
import { realtime } from "./realtime.js";

const app = new Hono();
const stream = handle({ realtime });

app.get("/api/realtime", (c) => stream(c.req.raw));

app.post("/orders", async (c) => {
  const { item, quantity } = (await c.req.json().catch(() => null)) ?? {};
  try {
    await placeOrder(item, quantity);
    return c.body(null, 204);
  } catch (error) {
    // The schema refuses it: that is no fault of the server.
    if (isTidingsError(error) && error.issues) return c.json({ issues: error.issues }, 400);
    throw error;
  }
});

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });

process.once("SIGTERM", async () => {
  await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
  server.close();
});
