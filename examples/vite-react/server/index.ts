import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { handle, isTidingsError } from "tidings";
import { realtime, room } from "./realtime.ts";

/** Where the page comes from. */
const origin = process.env.PAGE_ORIGIN ?? "http://localhost:5173";

const app = new Hono();
const stream = handle({ realtime, cors: { origin } });

// OPTIONS: what a browser asks first for a page of another origin that sends headers.
app.on(["GET", "OPTIONS"], "/api/realtime", (c) => stream(c.req.raw));

app.use("/api/messages", cors({ origin }));
app.post("/api/messages", async (c) => {
  try {
    await room.emit("chat.message", await c.req.json().catch(() => undefined));
    return c.body(null, 204);
  } catch (error) {
    if (isTidingsError(error) && error.issues) return c.text(error.issues.map(({ message }) => message).join(" "), 400);
    throw error;
  }
});

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });

// While developing, `tsx watch` ends the server with each edit, and it is to start again at once.
if (process.env.NODE_ENV === "production") {
  process.once("SIGTERM", async () => {
    await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
    server.close();
  });
}
