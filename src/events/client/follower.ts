import type { ClientMessage, ConnectionStatus, Gap, RealtimeCursor } from "../../client/core.ts";
import { channelOf } from "../logs.ts";
import { noticeIn, SeenNotices } from "../notice.ts";
import type { RealtimeEvent } from "../types.ts";
import type { Connection } from "./connection.ts";

/** Events may be missing. */
export interface EventGap {
  /** Of which channel; none where it is the user's own events. */
  readonly channel: string | undefined;
  /** Why: the log no longer holds them, was replaced, cannot tell, or holds more than is replayed. */
  readonly reason: Gap["reason"];
}

/** What a hook is told; of each function the newest is called. */
export interface Callbacks {
  readonly onEvent?: ((event: RealtimeEvent) => unknown) | undefined;
  readonly onGap?: ((gap: EventGap) => unknown) | undefined;
}

/** What a hook shows. Another object only when something has changed. */
export interface FollowerState {
  /** The connection's. One of its channels may have been refused: the client does not tell which. */
  readonly status: ConnectionStatus;
  readonly lastEvent: RealtimeEvent | null;
}

/** Before anything is known: on the server, and while a page hydrates. */
export const UNKNOWN: FollowerState = { status: "disconnected", lastEvent: null };

/** One hook's events, over a connection that it shares. */
export interface Follower {
  /** From now on these are its logs and functions. Only other logs subscribe anew. */
  follow(logs: readonly string[], callbacks: Callbacks): void;
  /** Ends it. `follow` then goes on where it stood. */
  stop(): void;
  /** @returns ends it */
  subscribe(onChange: () => void): () => void;
  get(): FollowerState;
}

/** @param connection none for who is below no provider, and never connected */
export function createFollower(connection: Connection | undefined): Follower {
  let latest: Callbacks = {};
  let state = UNKNOWN;
  let followed: string | undefined;
  let end: (() => void) | undefined;
  const listeners = new Set<() => void>();
  const cursors = new Map<string, RealtimeCursor>();
  const seen = new SeenNotices();

  function change(next: Partial<FollowerState>): void {
    state = { ...state, ...next };
    for (const tell of listeners) tell();
  }

  function take({ channel, event: type, data }: ClientMessage): void {
    const notice = noticeIn(type, data);
    if (notice && !seen.add(notice.id, channel)) return;
    // Of who emits without `createEvents`, the data is the event.
    const event = notice?.event ?? data;
    if (typeof event !== "object" || event === null)
      return console.error(`tidings: an event of type ${JSON.stringify(type)} is no object, and is left out.`, event);
    const typed: RealtimeEvent = { type, ...event };
    change({ lastEvent: typed });
    latest.onEvent?.(typed);
  }

  function subscribeTo(logs: readonly string[], client: ReturnType<Connection>): () => void {
    for (const log of cursors.keys()) if (!logs.includes(log)) cursors.delete(log);
    const unsubscribe = client.subscribe({
      ...{ channels: logs, cursors, onData: take },
      // Asked for at each gap: without one, the client warns.
      get onGap() {
        const { onGap } = latest;
        return onGap && (({ channel, reason }: Gap) => onGap({ channel: channelOf(channel), reason }));
      },
    });
    /** Whether these logs were all there, or refused beside others that were, which they stay while others of the page come and go: the connection is open then. */
    let isJoined = false;
    const unwatch = client.subscribeStatus((status) => {
      if (status !== "connecting") isJoined = status === "connected";
      const next = isJoined ? "connected" : status;
      if (next !== state.status) change({ status: next });
    });
    return () => {
      unwatch();
      unsubscribe();
    };
  }

  return {
    follow(logs, callbacks) {
      latest = callbacks;
      const wanted = JSON.stringify(logs);
      if (!connection || wanted === followed) return;
      followed = wanted;
      const endBefore = end;
      end = subscribeTo(logs, connection());
      // Last: a client that nobody listens to for a moment would say that it is disconnected.
      endBefore?.();
    },
    stop() {
      end?.();
      end = followed = undefined;
      if (state.status !== "disconnected") change({ status: "disconnected" });
    },
    subscribe(onChange) {
      listeners.add(onChange);
      return () => void listeners.delete(onChange);
    },
    get: () => state,
  };
}
