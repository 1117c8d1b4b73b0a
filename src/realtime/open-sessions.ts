import type { SessionReader } from "../hub/observer.ts";
import type { PageSession } from "../hub/page-session.ts";
import type { SessionOwner, StreamSession } from "../hub/stream-session.ts";
import type { Clock } from "../protocol/clock.ts";
import { readerInfo } from "./hooks.ts";
import type { Observers } from "./observers.ts";

/** Who has a stream or page open. */
export interface Reader {
  /** As `identify` named them. */
  readonly user?: string | undefined;
  /** Channels of the request that were not refused when it was admitted. */
  readonly channels: readonly string[];
}

/** The streams and pages of one `Realtime` that are open, and whose they are. */
export class OpenSessions {
  readonly #streams = new Map<StreamSession, Reader>();
  readonly #pages = new Map<PageSession, Reader>();
  readonly #clock: Clock;
  readonly #observers: Observers;

  constructor(clock: Clock, observers: Observers) {
    this.#clock = clock;
    this.#observers = observers;
  }

  /** Owns one stream, from its beginning to its end. */
  ownerOfStream(reader: Reader): SessionOwner<StreamSession> {
    return this.#owner("stream", this.#streams, reader);
  }

  /** Owns one page, from its beginning to its end. */
  ownerOfPage(reader: Reader): SessionOwner<PageSession> {
    return this.#owner("page", this.#pages, reader);
  }

  get streams(): ReadonlyMap<StreamSession, Reader> {
    return this.#streams;
  }

  /** Ends them all. */
  close(): void {
    for (const session of [...this.#streams.keys(), ...this.#pages.keys()]) session.end();
  }

  #owner<S extends StreamSession | PageSession>(
    kind: "stream" | "page",
    sessions: Map<S, Reader>,
    known: Reader,
  ): SessionOwner<S> {
    const reader = { ...known, kind, observer: this.#observers } satisfies SessionReader & Reader;
    let openedAt = 0;
    return {
      reader,
      add: (session) => {
        openedAt = this.#clock.now();
        sessions.set(session, reader);
        this.#observers.connected(readerInfo(reader));
      },
      delete: (session) => {
        if (!sessions.delete(session)) return;
        const durationMs = this.#clock.now() - openedAt;
        const bytesSent = "bytesSent" in session ? session.bytesSent : 0;
        this.#observers.disconnected({ ...readerInfo(reader), durationMs, bytesSent });
      },
    };
  }
}
