/**
 * tidings for BullMQ: the events of a queue's jobs, on a channel for each.
 *
 * @module
 */
export { bridgeQueueEvents, type Bridge, type BridgeOptions, type SchemaHasNoJobEvent } from "./bullmq/bridge.ts";
export { jobChannel, jobOfChannel } from "./bullmq/job-channel.ts";
export {
  recentEvents,
  type QueueEvent,
  type QueueEventKind,
  type QueueEventListener,
  type QueueEventsLike,
} from "./bullmq/queue-events.ts";
export type { RunChannels } from "./runs/events.ts";
