import { isCursorText, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { InnerClient } from "../client.ts";
import { createListener, type Listener } from "../listener.ts";
import type { WireFrame } from "../wire.ts";
import type { TransportOptions } from "./transport.ts";

/** What tabs say to the leader. */
export interface Call {
  /** A stream is wanted. Its id also names a lock, which is free when its tab has gone. */
  readonly open?: string;
  /** With `open`: by channel, what the request says. */
  readonly asked?: ReadonlyArray<readonly [channel: string, start: string]>;
  /** A stream is not wanted any more. */
  readonly close?: string;
  /** Whoever leads shall say so. */
  readonly ping?: true;
}

/** What the leader says. */
export interface News {
  /** Who leads. */
  readonly leader: string;
  /** Each with the streams that it is for. */
  readonly frames?: ReadonlyArray<readonly [frame: WireFrame, streams: readonly string[]]>;
  /** The connection is lost; frames come when it is there again. */
  readonly isLost?: true;
  /** The server will not have us. */
  readonly isRefused?: true;
}

/** Told to the tabs, which hear of the leader more often than that. */
const HEARTBEAT_MS = 15_000;

/** Leads the tabs until the signal is aborted. */
export function lead(name: string, options: TransportOptions, signal: AbortSignal): Promise<void> {
  const leader = crypto.randomUUID();
  const channel = new BroadcastChannel(name);
  /** What ends each of the tabs' streams. */
  const streams = new Map<string, () => void>();
  let outbox: Array<readonly [WireFrame, string[]]> = [];
  let client: InnerClient;

  const say = (news: Omit<News, "leader">): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has but one
    if (!signal.aborted) channel.postMessage({ leader, ...news });
  };

  /** What is told in one turn is one message, and a frame stands in it once. */
  function tell(id: string, frame: WireFrame): void {
    const newest = outbox.at(-1);
    if (newest?.[0] === frame) newest[1].push(id);
    else if (outbox.push([frame, [id]]) === 1) {
      queueMicrotask(() => {
        say({ frames: outbox });
        outbox = [];
      });
    }
  }

  function connect(): void {
    client = options.createClient({ ...options, api: { ...options.api, shareTabs: undefined } });
    client.subscribeStatus((status) => status === "error" && say({ isRefused: true }));
  }

  function drop(id: string): void {
    streams.get(id)?.();
    streams.delete(id);
  }

  function open(id: string, asked: ReadonlyMap<string, string>): void {
    if (streams.has(id)) return;
    // A tab that comes anew may have a right that those before had not: their streams have ended.
    if (client.getStatus() === "error") {
      client.destroy();
      streams.clear();
      connect();
    }
    streams.set(id, client.attach(createRelay(asked, (frame) => (frame ? tell(id, frame) : say({ isLost: true })))));
    navigator.locks.request(id, { signal }, () => drop(id)).catch(() => {});
  }

  connect();
  channel.addEventListener("message", ({ data: { ping, close, open: id, asked } }: MessageEvent<Call>) => {
    if (ping) {
      // Timers of a tab in the background may come once a minute: so the others keep watch.
      client.refresh();
      say({});
    }
    if (close) drop(close);
    if (id) open(id, new Map(asked));
  });
  say({});
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      client.destroy();
      channel.close();
      resolve();
    });
  });
}

/**
 * A listener that passes on what continues it, as a stream of its own.
 * @param tell gets each frame; none when the connection behind it was lost
 */
function createRelay(asked: ReadonlyMap<string, string>, tell: (frame?: WireFrame) => void): Listener {
  const cursors = new Map<string, RealtimeCursor>();
  const joined = new Set<string>();
  const listener = createListener({
    channels: [...asked.keys()],
    after: Object.fromEntries([...asked].filter(([, start]) => isCursorText(start))),
    cursors,
    onGap: (gap) => tell({ ...gap, type: "gap", cursor: gap.cursor }),
  });
  return {
    ...listener,
    request: (channel) => cursors.get(channel) ?? asked.get(channel) ?? "",
    // A tab asks for the least of its cursors. Whether the log reaches as far as the others is for the server to say, once.
    suits: (channel, position) => (joined.has(channel) ? position === cursors.get(channel) : asked.get(channel) === ""),
    joined(channel, coverage, isUnasked) {
      const { tail, cursor: position } = coverage;
      const cursor = cursors.get(channel) ?? (asked.get(channel) ? position : tail);
      cursors.set(channel, cursor);
      joined.add(channel);
      tell({ type: "connected", channel, cursor, tail, heartbeatMs: HEARTBEAT_MS });
      listener.joined(channel, coverage, isUnasked);
    },
    take(frame, from, coverage) {
      // The tab would not know where it stands.
      if (!joined.has(frame.channel)) return;
      const before = cursors.get(frame.channel);
      listener.take(frame, from, coverage);
      if (frame.type !== "gap" && cursors.get(frame.channel) !== before) tell(frame);
    },
    problem: tell,
  };
}
