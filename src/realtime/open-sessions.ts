import type { PageSession } from "../hub/page-session.ts";
import type { SessionOwner, StreamSession } from "../hub/stream-session.ts";

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

  /** Owns one stream, from its beginning to its end. */
  ownerOfStream(reader: Reader): SessionOwner<StreamSession> {
    return ownerIn(this.#streams, reader);
  }

  /** Owns one page, from its beginning to its end. */
  ownerOfPage(reader: Reader): SessionOwner<PageSession> {
    return ownerIn(this.#pages, reader);
  }

  get streams(): ReadonlyMap<StreamSession, Reader> {
    return this.#streams;
  }

  /** Ends them all. */
  close(): void {
    for (const session of [...this.#streams.keys(), ...this.#pages.keys()]) session.end();
  }
}

function ownerIn<S>(sessions: Map<S, Reader>, reader: Reader): SessionOwner<S> {
  return {
    add: (session) => void sessions.set(session, reader),
    delete: (session) => void sessions.delete(session),
  };
}
