import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { agents, run } from "./agents.ts";
import { events } from "./events.ts";
import { createSession, userOf } from "./sessions.ts";

const app = new Hono();

app.get("/api/events/stream", (c) => events.GET(c.req.raw));

app.post("/api/session", async (c) => {
  if ((await userOf(c.req.raw)) === undefined) c.header("set-cookie", await createSession());
  return c.body(null, 204);
});

app.get("/api/agents", (c) => c.json([...agents.values()]));

app.post("/api/agents/:id/run", async (c) => {
  const agent = agents.get(c.req.param("id"));
  if (!agent || (await userOf(c.req.raw)) === undefined) return c.text("No such agent.", 404);
  void run(agent).catch((error: unknown) => console.error(error)); // in a real app: a job
  return c.body(null, 202);
});

app.use(serveStatic({ root: "dist" }));

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://localhost:${port}`),
);

// While developing, `tsx watch` ends the server with each edit, and it is to start again at once.
if (process.env.NODE_ENV === "production") {
  process.once("SIGTERM", async () => {
    await events.realtime.drain(); // browsers move to other servers, one after the other
    server.close();
  });
}
