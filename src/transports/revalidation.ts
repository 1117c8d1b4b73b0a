import type { SessionOwner, StreamSession } from "../hub/stream-session.ts";
import type { Clock, Timer } from "../protocol/clock.ts";
import type { RealtimeLogger } from "../realtime/internals.ts";
import { isResponse, type Rights } from "./rights.ts";

/** A stream that was let in. */
export interface Admission {
  readonly user?: string | undefined;
  /** Channels that it was let in to. */
  readonly channels: readonly string[];
  /** Asks everybody again who let it in, about these of its channels. */
  askAgain(channels: readonly string[]): Promise<Rights | Response>;
}

export interface RevalidationOptions {
  readonly clock: Clock;
  readonly logger: RealtimeLogger;
  /** Time between two questions about one stream. */
  readonly intervalMs: number;
}

/** A stream, and what is known of its rights. */
interface Watched {
  readonly stream: StreamSession;
  readonly admission: Admission;
  channels: readonly string[];
  slot: number;
  /** Whether an answer is still to come. */
  isAsking: boolean;
  /** Questions in a row without an answer. */
  failures: number;
}

/** Streams are spread over slots of about this length, so that those who decide are asked evenly. */
const SLOT_MS = 250;
const MIN_SLOTS = 8;
const MAX_SLOTS = 1_024;
/** One failure can be a hiccup of a database of users, and must not cut everybody off; two in a row leave nobody connected. */
const MAX_FAILURES = 2;

/**
 * Asks again, of each live stream of one endpoint, whether it may still have what it has. One timer for all of them, and none while
 * there is no stream. Pages are not watched: they are over within the interval, and the next one is decided at the door.
 */
export class Revalidation {
  /** Time between two questions about one stream. */
  readonly intervalMs: number;
  readonly #clock: Clock;
  readonly #logger: RealtimeLogger;
  readonly #slotMs: number;
  readonly #slots: ReadonlyArray<Set<Watched>>;
  #at = 0;
  #size = 0;
  #timer: Timer | undefined;
  /** Whether the last answer was none: that is said once, and not for each stream. */
  #isFailing = false;

  constructor({ clock, logger, intervalMs }: RevalidationOptions) {
    this.intervalMs = intervalMs;
    this.#clock = clock;
    this.#logger = logger;
    const count = Math.min(MAX_SLOTS, Math.max(MIN_SLOTS, Math.round(intervalMs / SLOT_MS)));
    this.#slotMs = intervalMs / count;
    this.#slots = Array.from({ length: count }, () => new Set());
  }

  /** Streams that are watched. */
  get size(): number {
    return this.#size;
  }

  /** Watches one stream, from its beginning to its end. */
  watcherOf(admission: Admission): SessionOwner<StreamSession> {
    let watched: Watched | undefined;
    return {
      add: (stream) => {
        const { channels } = admission;
        // By chance: thousands that came in one second are not to be asked about in one second.
        const slot = Math.floor(this.#clock.random() * this.#slots.length);
        watched = { stream, admission, channels, slot, isAsking: false, failures: 0 };
        this.#slots[slot]?.add(watched);
        if (++this.#size === 1) this.#arm();
      },
      delete: () => {
        if (!watched || !this.#slots[watched.slot]?.delete(watched) || --this.#size > 0) return;
        this.#clock.clearTimeout(this.#timer);
      },
    };
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#arm();
      this.#at = (this.#at + 1) % this.#slots.length;
      for (const watched of [...(this.#slots[this.#at] as Set<Watched>)]) void this.#ask(watched);
    }, this.#slotMs);
  }

  async #ask(watched: Watched): Promise<void> {
    // An answer that takes longer than the interval is none.
    if (watched.isAsking) return this.#fail(watched, new Error("there was no answer since the last time."));
    watched.isAsking = true;
    try {
      const rights = await watched.admission.askAgain(watched.channels);
      this.#isFailing = false;
      watched.failures = 0;
      this.#apply(watched, rights);
    } catch (error) {
      this.#fail(watched, error);
    } finally {
      watched.isAsking = false;
    }
  }

  /** The client of a stream that ends comes back at once, and gets its answer at the door. */
  #apply(watched: Watched, rights: Rights | Response): void {
    const { stream, admission, channels } = watched;
    if (isResponse(rights) || rights.user !== admission.user) return stream.end();
    watched.channels = channels.filter((channel) => !rights.refused.has(channel));
    if (watched.channels.length === 0) return stream.end();
    for (const channel of rights.refused) stream.withdraw(channel, "forbidden");
  }

  #fail(watched: Watched, error: unknown): void {
    if (!this.#isFailing) {
      this.#isFailing = true;
      this.#logger.error(
        "tidings: middleware, identify or authorize threw, or gave no answer, when it was asked again about an open stream (`revalidateSecs`). A stream about which it fails twice in a row is ended. This is said once until it answers again.",
        error,
      );
    }
    if (++watched.failures >= MAX_FAILURES) watched.stream.end();
  }
}
