import { isCursorText, type RealtimeCursor } from "../../protocol/cursor.ts";
import { createListener, type Listener } from "../listener.ts";
import type { WireFrame } from "../wire.ts";
import { tune, type Call, type LeaderRoute, type News } from "./tab-channel.ts";
import type { TransportOptions } from "./transport.ts";

/** Told to the tabs, which hear of the leader more often than that. */
const HEARTBEAT_MS = 15_000;

/** Passes on to one stream of a tab what continues it. */
interface Relay extends Listener {
  /** What was said last of whether a channel is joined. */
  readonly said: ReadonlyMap<string, WireFrame>;
  problem(frame?: WireFrame): void;
}

/** Leads the tabs until the signal is aborted. */
export function lead(name: string, options: TransportOptions & { route: LeaderRoute }, signal: AbortSignal): Promise<void> {
  const leader = crypto.randomUUID();
  const relays = new Map<string, Relay>();
  let frames: Array<readonly [WireFrame | undefined, string[]]> = [];

  function say(): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has but one
    if (!signal.aborted) channel.postMessage({ leader, route: options.route, frames } satisfies News);
    frames = [];
  }

  /** What is told in one turn is one message, and a frame stands in it once. */
  function tell(id: string, frame?: WireFrame): void {
    const newest = frames.at(-1);
    if (newest && newest[0] === frame) newest[1].push(id);
    else if (frames.push([frame, [id]]) === 1) queueMicrotask(say);
  }

  /** When the server refuses: whoever is not served yet was too much, and may ask on its own. The others go on. */
  function part(): void {
    if (client.getStatus() !== "error") return;
    for (const [id, { said, channels }] of relays) if (said.size < channels.length) tell(id);
  }

  const client = options.createClient(options);
  client.subscribeStatus(part);
  const channel = tune<Call>(name, ({ id, asked }) => {
    if (!relays.has(id)) {
      const relay = createRelay(asked, (frame) => tell(id, frame));
      const leave = client.attach(relay);
      relays.set(id, relay);
      part();
      void navigator.locks.request(id, () => {
        relays.delete(id);
        // The client has gone with its leader.
        if (!signal.aborted) leave();
      });
    }
    // Timers of a tab in the background may come once a minute: so the others keep watch.
    client.refresh();
    say();
  });
  say();
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
function createRelay(asked: ReadonlyMap<string, string>, tell: (frame?: WireFrame) => void): Relay {
  const cursors = new Map([...asked].filter(([, start]) => isCursorText(start)) as Array<[string, RealtimeCursor]>);
  const said = new Map<string, WireFrame>();
  const listener = createListener({
    channels: [...asked.keys()],
    cursors,
    onGap: (gap) => tell({ ...gap, type: "gap", cursor: gap.cursor }),
  });
  const relay: Relay = {
    ...listener,
    said,
    request: (channel) => cursors.get(channel) ?? (asked.get(channel) as string),
    // A tab asks for the least of its cursors. Whether the log reaches as far as the others is for the server to say, once.
    suits: (channel, position) =>
      said.has(channel) ? position === cursors.get(channel) : position !== false && asked.get(channel) === "",
    joined(channel, coverage, isUnasked) {
      const { tail, cursor: position } = coverage;
      // Also for who wants what is new: which of what follows that is, the tab sees by the tail.
      const cursor = cursors.get(channel) ?? position;
      cursors.set(channel, cursor);
      relay.problem({ type: "connected", channel, cursor, tail, heartbeatMs: HEARTBEAT_MS });
      listener.joined(channel, coverage, isUnasked);
    },
    take(frame, from, coverage) {
      // The tab would not know where it stands.
      if (!said.has(frame.channel)) return;
      const before = cursors.get(frame.channel);
      listener.take(frame, from, coverage);
      if (frame.type !== "gap" && cursors.get(frame.channel) !== before) tell(frame);
    },
    problem(frame) {
      if (frame) said.set((frame as { readonly channel: string }).channel, frame);
      tell(frame);
    },
  };
  return relay;
}
