import type { WireFrame } from "../wire.ts";
import type { Route } from "./transport.ts";

/** What tabs say to the leader: the stream is wanted for as long as its lock is held. Said again, it asks whether somebody leads. */
export interface Call {
  /** Of the stream. It also names a lock. */
  readonly id: string;
  /** By channel, what the request says. */
  readonly asked: ReadonlyMap<string, string>;
}

/** A way to the server, and how the newest stream on it ended. */
export type LeaderRoute = Route & { retryAfterMs: number };

/** What the leader says. */
export interface News {
  /** Who leads. */
  readonly leader: string;
  /** What it has found out of the way to the server. */
  readonly route: LeaderRoute;
  /**
   * Each with the streams that it is for; none ends them: the connection is lost, and the server wants to be asked again after
   * so many milliseconds; `Infinity`: it will not have these tabs together.
   */
  readonly frames: ReadonlyArray<readonly [frame: WireFrame | undefined, streams: readonly string[]]>;
}

/** Opens the channel between tabs. What is not of ours is not heard. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- each side says what it hears
export function tune<M>(name: string, hear: (message: M) => void): BroadcastChannel {
  const channel = new BroadcastChannel(name);
  channel.addEventListener("message", ({ data }: MessageEvent<M>) => {
    try {
      hear(data);
    } catch {}
  });
  return channel;
}
