import { handle } from "tidings";
import { realtime } from "@/lib/realtime";

const token = process.env.STAFF_TOKEN;

export const GET = handle({
  realtime,
  middleware({ request, channels }) {
    const known = token !== undefined && request.headers.get("authorization") === `Bearer ${token}`;
    if (!known) return new Response("Unauthorized", { status: 401 });
    const allowed = channels.every((channel) => channel.startsWith("staff:"));
    return allowed ? undefined : new Response("Forbidden", { status: 403 });
  },
});
