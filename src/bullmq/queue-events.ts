/** What is used of BullMQ's `QueueEvents`, of every version that has event ids. */
export interface QueueEventsLike {
  /** The name of the queue. */
  readonly name: string;
  on(event: QueueEventKind, listener: QueueEventListener): unknown;
  off(event: QueueEventKind, listener: QueueEventListener): unknown;
}

/** A listener of one kind of event: what happened, and the id of the event in the queue's stream. */
export type QueueEventListener = (told: never, id: string) => void;

/** Kinds of events that can be told of, each as BullMQ calls it. */
export type QueueEventKind = "waiting" | "active" | "progress" | "stalled" | "completed" | "failed";

/** What happened to a job, as BullMQ says it. */
export interface QueueEvent {
  readonly kind: QueueEventKind;
  readonly jobId: string;
  /** The id of the event in the queue's stream. */
  readonly id: string;
  /** Of `progress`. */
  readonly progress?: unknown;
  /** Of `completed`: what the processor returned. */
  readonly result?: unknown;
  /** Of `failed`: the message of the error. It may say what visitors should not read. */
  readonly failedReason?: string;
}

/** An event as BullMQ tells of it. */
export interface ToldByBullMQ {
  readonly jobId: string;
  readonly data?: unknown;
  readonly returnvalue?: unknown;
  readonly failedReason?: string;
}

/** Ids of emits are remembered for five minutes. One less, so that clocks may differ. */
const REMEMBERED_MS = 240_000;

/**
 * The `lastEventId` with which a `QueueEvents` begins four minutes ago. A bridge that was away for less misses nothing, and what was
 * stored by then is not stored again. One that begins earlier would repeat.
 */
export function recentEvents(): string {
  return `${Date.now() - REMEMBERED_MS}-0`;
}
