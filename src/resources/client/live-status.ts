import type { ConnectionStatus } from "../../client/core.ts";

/**
 * How a subscription stands, as far as the connection tells, which the hooks of a page share: a channel that the server refused beside
 * others that it did not is `live`, as they are, and hears nothing. The console says so in development.
 * - `idle`: nothing is wanted.
 * - `connecting`: it was never live yet.
 * - `live`: what changes from now on will be heard, unless the channel was refused beside others.
 * - `reconnecting`: the connection was lost, or never came about; the next attempt waits for its time.
 * - `offline`: the browser has no network, or the server refused the page, or every channel of it.
 */
export type LiveStatus = "idle" | "connecting" | "live" | "reconnecting" | "offline";

/** What becomes of a status when that of the connection is another one. */
export function foldStatus(before: LiveStatus, connection: ConnectionStatus, isOnline: boolean): LiveStatus {
  if (connection === "connected") return "live";
  if (connection === "error") return "offline";
  if (connection === "disconnected") return isOnline ? "reconnecting" : "offline";
  // Somebody else's channel came, or a stream is opened in place of another: nothing was lost.
  if (before === "live") return before;
  return before === "idle" || before === "connecting" ? "connecting" : "reconnecting";
}
