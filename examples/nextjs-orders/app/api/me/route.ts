import { handle } from "tidings";
import { realtime } from "@/lib/realtime";
import { userOf } from "@/lib/sessions";

export const GET = handle({
  realtime,
  identify: (request) => userOf(request.headers.get("cookie")),
  authorize: ({ channel, user }) => user !== undefined && channel === `user:${user}`,
});
