/**
 * tidings for any client: browsers without a framework, Node, Bun, Workers.
 *
 * @module
 */
export {
  createRealtimeClient,
  type ApiOptions,
  type ClientSubscribeOptions,
  type ConnectionStatus,
  type HistoryOption,
  type RealtimeClient,
  type RealtimeClientOptions,
} from "./client.ts";
export type { ClientMessage } from "./listener.ts";
export { isRealtimeCursor, type RealtimeCursor } from "../protocol/cursor.ts";
export type { Gap } from "../protocol/frames.ts";
