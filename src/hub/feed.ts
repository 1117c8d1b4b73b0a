import type { WireCode } from "../protocol/codes.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Batch } from "./frame.ts";
import type { SessionReader } from "./observer.ts";
import type { OpenReplay } from "./watch.ts";

/** Where a subscriber wants to start on a channel (PROTOCOL.md, "Request"). */
export type FeedStart = StartingPoint & {
  /**
   * Another listener of the same subscriber stands here already. It is joined once our tail has reached this, or the log was seen
   * to end below: a server that lags must not look like a log that was replaced.
   */
  readonly level?: RealtimeCursor | undefined;
};

type StartingPoint =
  /** From now on. */
  | { readonly kind: "live" }
  /** After a position, exclusive; a gap when the log cannot prove what follows it. */
  | { readonly kind: "after"; readonly cursor: RealtimeCursor }
  /** Whatever the log holds, never a gap. */
  | { readonly kind: "held" }
  /** The newest `count` entries, of those between `from` and `to` where these are given (inclusive). */
  | {
      readonly kind: "newest";
      readonly count: number;
      readonly from?: RealtimeCursor | undefined;
      readonly to?: RealtimeCursor | undefined;
    };

/** A start as requests write it. */
export function formatStart(start: FeedStart): string {
  return start.level === undefined ? formatPoint(start) : `${formatPoint(start)}~${start.level}`;
}

function formatPoint(start: StartingPoint): string {
  if (start.kind === "after") return start.cursor;
  if (start.kind === "newest") return `-${start.count}`;
  return start.kind === "held" ? "-" : "";
}

/** One subscriber as its topics see it: a stream or a page to a browser, or a server-side subscription. */
export interface Session {
  /** It takes nothing for now; its feeds wait until it calls `resume` on them. */
  readonly blocked: boolean;
  /** Bytes of one channel that it catches up on; above that it goes on at the tail. Without it, all that there is. */
  readonly maxReplayBytes?: number;
  /** Whose it is, if anybody wants to know. */
  readonly reader?: SessionReader | undefined;
  /** The feed is joined: `feed.cursor` is where it starts, `tail` the log's last id. Called once, before anything else. */
  joined(feed: Feed, tail: RealtimeCursor): void;
  /** Frames in log order. May make the session blocked, in which case it calls `lag` on each of its live feeds. */
  deliver(feed: Feed, batch: Batch): void;
  /** The channel cannot be had; the feed is gone. */
  failed(feed: Feed, code: WireCode): void;
}

/** What a feed needs of its topic. */
export interface FeedSource {
  /** The position up to which live feeds have been given everything. */
  readonly flushed: RealtimeCursor;
  /** For how long nothing was heard before the last read that proved the tail; 0 where the subscription was whole. */
  readonly deafMs: number;
  lag(feed: Feed): void;
  resume(feed: Feed): void;
  detach(feed: Feed): void;
}

/**
 * One session on one channel. `replaying` until it has caught up for the first time, then `live`; `lagging` after its session
 * was blocked, until it has caught up again. A live feed has no position of its own: it stands where its topic stands.
 */
export class Feed {
  readonly channel: string;
  readonly session: Session;
  readonly source: FeedSource;
  state: "replaying" | "live" | "lagging" = "replaying";
  /** Set while the feed has not been joined. */
  start: FeedStart | undefined;
  /** Where a feed that is not live stands. */
  position: RealtimeCursor | undefined;
  /** Of who asks: where another listener of the same subscriber stands, when that is before the first entry of all. */
  sawNoLog: RealtimeCursor | undefined;
  /** The log's last id as the session was told when it was joined, until the feed has gone live. */
  toldTail: RealtimeCursor | undefined;
  /** The number of the topic's last read when the feed began to wait: an older page can lie behind its position. */
  waitsSince = 0;
  /** What the topic had flushed when the feed went live. */
  levelledAt: RealtimeCursor | undefined;
  /** Whether a gap was delivered since the feed was last live. */
  gapped = false;
  /** Bytes that were delivered since the feed was last live. */
  replayed = 0;
  /** Set for a reader that asked for what was before it, until it has caught up. */
  replay: OpenReplay | undefined;
  /** Since when it has been behind, after it was up to date. */
  laggingSince: number | undefined;

  constructor(channel: string, session: Session, source: FeedSource, start: FeedStart) {
    this.channel = channel;
    this.session = session;
    this.source = source;
    this.start = start;
  }

  /** Everything up to here was handed to the session; `undefined` before the feed is joined. */
  get cursor(): RealtimeCursor | undefined {
    if (this.state !== "live") return this.start ? undefined : this.position;
    // Of a log that is gone the topic keeps the end, and who was told of it stands at the origin until something follows.
    return this.source.flushed === this.levelledAt ? this.position : this.source.flushed;
  }

  /** A request that goes on where this feed stands: its cursor, or what it asked for while it is not joined. */
  get resumption(): string {
    return this.cursor ?? (this.start ? formatStart(this.start) : "");
  }

  lag(): void {
    this.source.lag(this);
  }

  resume(): void {
    this.source.resume(this);
  }

  detach(): void {
    this.source.detach(this);
  }
}
