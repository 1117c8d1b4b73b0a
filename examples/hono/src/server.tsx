import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { handle, isTidingsError } from "tidings";
import { Page } from "./page.tsx";
import { realtime, room } from "./realtime.ts";

const app = new Hono();

// Nobody listens to anything but these two.
const stream = handle({ realtime, authorize: ({ channel }) => channel === room.name || channel === "default" });
app.get("/api/realtime", (c) => stream(c.req.raw));

app.get("/", async (c) => {
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const entries = await room.history({ limit: 50 });
  const messages = entries.flatMap(({ id, event, data }) => (event === "chat.message" ? { id, ...data } : []));
  return c.html(`<!doctype html>${<Page messages={messages} after={entries.at(-1)?.id ?? cursor} />}`);
});

app.post("/api/messages", async (c) => {
  const { name, text } = await c.req.parseBody<{ name: string; text: string }>();
  await room.emit("chat.message", { name, text });
  return c.body(null, 204);
});

// To everybody, in whatever room. In your app, only those who are signed in as somebody who may.
app.post("/api/alerts", async (c) => {
  await realtime.emit("notification.alert", await c.req.text());
  return c.body(null, 204);
});

app.onError((error, c) => {
  // The schema refuses it: that is no fault of the server.
  if (isTidingsError(error) && error.issues) return c.text(error.issues.map(({ message }) => message).join(" "), 400);
  console.error(error);
  return c.text("Something went wrong.", 500);
});

app.use(serveStatic({ root: "dist" }));

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://localhost:${port}`),
);

// While developing, `tsx watch` starts it anew with each edit, and waits for nobody.
if (process.env.NODE_ENV === "production")
  process.once("SIGTERM", async () => {
    await realtime.drain({ graceSecs: 20 }); // browsers move to other servers, one after the other
    server.close();
  });
