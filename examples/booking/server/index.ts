import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { bookings } from "./bookings.ts";
import { events, notifyBookingUpdate } from "./events.ts";
import { signIn, userOf } from "./sessions.ts";

const app = new Hono();

app.get("/api/events/stream", (c) => events.GET(c.req.raw));

app.get("/api/session", async (c) => c.json({ user: (await userOf(c.req.raw)) ?? null }));
app.post("/api/session", async (c) => {
  const { user } = await c.req.json<{ user: string }>();
  if (user !== "guest" && user !== "host") return c.text("Who is that?", 400);
  c.header("set-cookie", await signIn(user));
  return c.body(null, 204);
});

app.get("/api/bookings", async (c) => {
  const user = await userOf(c.req.raw);
  return c.json([...bookings.values()].filter(({ guestId, hostId }) => guestId === user || hostId === user));
});

app.post("/api/bookings/:id/status", async (c) => {
  const booking = bookings.get(c.req.param("id"));
  if (!booking || booking.hostId !== (await userOf(c.req.raw))) return c.text("Only the host decides.", 403);
  const { status } = await c.req.json<{ status: string }>();
  if (status !== "confirmed" && status !== "declined" && status !== "pending") return c.text("No such status.", 400);
  booking.status = status;
  await notifyBookingUpdate(booking.id, booking.guestId, booking.hostId, status);
  return c.body(null, 204);
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
