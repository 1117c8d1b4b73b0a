import type { BrokerState, Entry } from "../brokers/broker.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";

/** Whose a session is. */
export interface SessionReader {
  readonly kind: "stream" | "page" | "subscription";
  /** As `identify` named them. */
  readonly user?: string | undefined;
  readonly channels: readonly string[];
  /** Who wants to hear what happens to it. */
  readonly observer: HubObserver;
}

/** A reader that came back, or asked for what was before it, and has caught up. */
export interface Replay {
  readonly channel: string;
  /** Events that it was given on the way. */
  readonly events: number;
  /** Where they were: in this process's memory, or also in the log. */
  readonly from: "memory" | "log";
  readonly durationMs: number;
}

/** A reader that has fallen behind on one of its channels, or has caught up again. */
export interface Lag {
  readonly channel: string;
  /** `false`: it has caught up. */
  readonly isBehind: boolean;
  /** For how long it was behind; 0 when it has just fallen behind. */
  readonly durationMs: number;
}

/** An event that somebody traces, and that was given to those who were up to date. */
export interface TracedDelivery {
  readonly channel: string;
  readonly id: RealtimeCursor;
  readonly event: string;
  /** The trace context of the emit. */
  readonly trace: string;
  readonly readers: number;
  readonly durationMs: number;
}

/** Whether the broker of a hub can be reached. */
export interface BrokerStatus {
  /** What it is and where, without a password. */
  readonly name: string;
  readonly state: BrokerState;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
}

/** What one user of a hub hears of it. Handlers do not throw. */
export interface HubObserver {
  replayed(reader: SessionReader, replay: Replay): void;
  /** @param readers who were told. @param reader the one that was told, if it was one alone */
  gap(gap: Gap, readers: number, reader?: SessionReader): void;
  lag(reader: SessionReader, lag: Lag): void;
  delivered(delivery: TracedDelivery): void;
  /** @param durationMs how long it was in the state before */
  broker(status: BrokerStatus, durationMs: number): void;
}

/** An entry that somebody traces. */
export type TracedEntry = Entry & { readonly trace: string };
