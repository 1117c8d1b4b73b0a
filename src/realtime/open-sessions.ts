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

/** One of those that are open. */
interface OpenReader extends Reader {
  openedAt: number;
}

/** The streams and pages of one `Realtime` that are open, and whose they are. */
export class OpenSessions {
  readonly #streams = new Map<StreamSession, OpenReader>();
  readonly #pages = new Map<PageSession, OpenReader>();
  readonly #clock: Clock;
  readonly #observers: Observers;

  constructor(clock: Clock, observers: Observers) {
    this.#clock = clock;
    this.#observers = observers;
  }

  /** Owns one stream, from its beginning to its end. @param watcher who is told of both as well */
  ownerOfStream(reader: Reader, watcher?: SessionOwner<StreamSession>): SessionOwner<StreamSession> {
    return this.#owner("stream", this.#streams, { reader, watcher });
  }

  /** Owns one page, from its beginning to its end. */
  ownerOfPage(reader: Reader): SessionOwner<PageSession> {
    return this.#owner("page", this.#pages, { reader });
  }

  get streams(): ReadonlyMap<StreamSession, Reader> {
    return this.#streams;
  }

  get pages(): ReadonlyMap<PageSession, Reader> {
    return this.#pages;
  }

  /**
   * Ends the streams and pages of a user, those that have a channel, or those of a user that have it. Their clients come back, and
   * are decided anew. @returns how many
   */
  disconnect({ user, channel }: { readonly user?: string | undefined; readonly channel?: string | undefined }): number {
    return this.#end(
      (session, reader) => (user === undefined || reader.user === user) && (channel === undefined || session.has(channel)),
    );
  }

  /** Ends those that were opened so long ago, or longer. @returns how many */
  endOlderThan(ageMs: number): number {
    const latest = this.#clock.now() - ageMs;
    return this.#end((_, { openedAt }) => openedAt <= latest);
  }

  #end(isMeant: (session: StreamSession | PageSession, reader: OpenReader) => boolean): number {
    const streams = [...this.#streams].filter((open) => isMeant(...open));
    const pages = [...this.#pages].filter((open) => isMeant(...open));
    for (const [stream] of streams) stream.end();
    for (const [page] of pages) page.conclude();
    return streams.length + pages.length;
  }

  /** Answers all pages with what they have. */
  concludePages(): void {
    for (const page of [...this.#pages.keys()]) page.conclude();
  }

  /** Ends them all. */
  close(): void {
    for (const session of [...this.#streams.keys(), ...this.#pages.keys()]) session.end();
  }

  #owner<S extends StreamSession | PageSession>(
    kind: "stream" | "page",
    sessions: Map<S, OpenReader>,
    { reader: known, watcher }: { readonly reader: Reader; readonly watcher?: SessionOwner<S> | undefined },
  ): SessionOwner<S> {
    const reader = { ...known, kind, observer: this.#observers, openedAt: 0 } satisfies SessionReader & OpenReader;
    return {
      reader,
      add: (session) => {
        reader.openedAt = this.#clock.now();
        sessions.set(session, reader);
        watcher?.add(session);
        this.#observers.connected(readerInfo(reader));
      },
      delete: (session) => {
        if (!sessions.delete(session)) return;
        watcher?.delete(session);
        const durationMs = this.#clock.now() - reader.openedAt;
        this.#observers.disconnected({ ...readerInfo(reader), durationMs, bytesSent: session.bytesSent });
      },
    };
  }
}
