import { dev } from "$app/environment";
import { realtime } from "$lib/server/realtime";

/** Called once, when the server starts. */
export function init() {
  // Browsers move to other servers, one after the other.
  if (!dev) process.once("SIGTERM", () => void realtime.drain({ graceSecs: 20 }));
}
