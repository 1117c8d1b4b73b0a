import type { Timer } from "../protocol/clock.ts";
import { compareCursors, isCursorText } from "../protocol/cursor.ts";
import { createListener, type Coverage, type Listener } from "./listener.ts";
import { INITIAL, transition, type Effect, type MachineEvent, type Need } from "./machine.ts";
import { mergeRequests } from "./merge-requests.ts";
import type { ClientSubscribeOptions, ConnectionStatus, RealtimeClient, RealtimeClientOptions } from "./options.ts";
import { pageClock } from "./page-clock.ts";
import { guarded, warn } from "./report.ts";
import type { EventsOf } from "../schema/infer.ts";
import { openStream, type Stream } from "./stream.ts";
import { GATHER_MS, RETRY_CHANNEL_MS, STALE_MS } from "./times.ts";
import type { MovingFrame, WireFrame } from "./wire.ts";

/** A stream and what it has said so far. */
interface OpenStream extends Stream {
  /** Those whose wishes are in the request, with what they asked for, by channel. */
  readonly wishes: ReadonlyMap<string, Map<Listener, string>>;
  /** What it was asked for, by channel. */
  readonly asked: ReadonlyMap<string, string>;
  /** What it has said of each channel; `false` for one that the server would not join. */
  readonly joined: Map<string, Coverage | false>;
  /** It does not last, or one of its channels was not to be had: it needs a successor when its time comes. */
  leaving?: boolean;
}

/** A client that also takes listeners made elsewhere. */
export interface InnerClient extends RealtimeClient {
  /** @returns ends the subscription. Safe to call twice, and from a handler. */
  attach(listener: Listener): () => void;
  /** Somebody looks: what waits for its time is tried now, and a stream that was silent for long is not trusted. */
  refresh(): void;
}

/**
 * A client for the endpoint of `handle`: any number of subscriptions over one connection. Opens nothing until there is one. It knows
 * your events as `createRealtimeClient<typeof realtime>()`, with an `import type` of the server's instance, an
 * `InferRealtimeEvents`, or a plain type `{ namespace: { event: data } }`.
 */
export function createRealtimeClient<T extends object = object>(
  options: RealtimeClientOptions = {},
): RealtimeClient<EventsOf<T>> {
  // The client of those who lead other tabs was asked before.
  void warn(async () => ("route" in options ? "" : (await import("./explain-options.ts")).explainClient(options)));
  const { clock = pageClock, maxReconnectAttempts = Infinity } = options;
  const transportOptions = {
    createClient: createRealtimeClient as (options: RealtimeClientOptions) => InnerClient,
    // Who leads the tabs has one that is known already.
    route: { cuts: 0 },
    ...options,
    clock,
  };
  let listeners: readonly Listener[] = [];
  const statusListeners = new Set<() => void>();
  let state = INITIAL;
  let status: ConnectionStatus = "disconnected";
  let current: OpenStream | undefined;
  let next: OpenStream | undefined;
  let timer: Timer | undefined;
  /** The channels that the server refused. */
  let refused: string | undefined;

  function dispatch(event: MachineEvent): void {
    let effects: Effect[];
    [state, ...effects] = transition(state, event, { now: clock.now(), random: clock.random(), maxReconnectAttempts });
    effects.forEach(perform);
    refused = state.name === "refused" ? (refused ?? wanted().join()) : undefined;
    refreshStatus();
  }

  function perform(effect: Effect): void {
    if (effect === "open") {
      open();
    } else if (effect === "drop") {
      lose();
    } else if (effect === "promote") {
      current?.close();
      current = next;
      next = undefined;
    } else {
      clock.clearTimeout(timer);
      if (effect < Infinity) timer = clock.setTimeout(ring, effect);
    }
  }

  const ring = (): void => dispatch(["due", need(true)]);

  /** Asks for another stream beside, or in place of, those that there are. */
  function change(delayMs = GATHER_MS): void {
    if (refused !== wanted().join()) dispatch(["change", delayMs]);
  }

  const listenersOf = (channel: string): Listener[] => listeners.filter((each) => each.channels.includes(channel));
  /** The channels of all listeners. */
  const wanted = (): string[] => [...new Set(listeners.flatMap((each) => each.channels))].sort();

  /** What the newest stream that spoke of a channel has said. */
  const saidOf = (channel: string): Coverage | false | undefined => next?.joined.get(channel) ?? current?.joined.get(channel);

  /** Whether the stream that there is, or that is opening, gives every listener what it asks for. */
  function need(isDue = false): Need {
    const newest = next ?? current;
    const names = wanted();
    if (names.length === 0) return "none";
    const isMet =
      newest &&
      !(isDue && newest.leaving) &&
      names.join() === [...newest.asked.keys()].join() &&
      names.every((channel) => {
        const said = newest.joined.get(channel);
        return listenersOf(channel).every(
          (each) => newest.wishes.get(channel)?.has(each) || each.suits(channel, said && said.cursor),
        );
      });
    return isMet ? "same" : "stream";
  }

  function open(): void {
    next?.close();
    const wishes = new Map(
      wanted().map((channel) => [channel, new Map(listenersOf(channel).map((each) => [each, each.request(channel)]))]),
    );
    const asked = new Map([...wishes].map(([channel, each]) => [channel, mergeRequests([...each.values()])]));
    const stream = openStream(asked, transportOptions, {
      hear: (frame) => hear(opened, frame),
      end: (retryAfterMs) => ended(opened, retryAfterMs),
    });
    const opened: OpenStream = { ...stream, wishes, asked, joined: new Map() };
    next = opened;
  }

  /** There is no current stream any more, or still none. */
  function lose(): void {
    current = current?.close();
    listeners.forEach((each) => each.problem?.());
  }

  function ended(opened: OpenStream, retryAfterMs: number): void {
    if (opened === current) {
      lose();
      dispatch(["currentLost"]);
    } else {
      next = opened.close();
      if (!current) lose();
      dispatch(["nextLost", retryAfterMs]);
    }
  }

  function hear(opened: OpenStream, frame: WireFrame): void {
    if (frame.type === "reconnect") return leave(opened, frame.delayMs);
    const { joined, asked } = opened;
    // Trouble of the whole stream has none, and that is no listener's.
    const { channel } = frame as { readonly channel: string };
    // None for a channel that the stream was not asked for: names that a server makes up are not remembered.
    const wishes = opened.wishes.get(channel);
    if (frame.type === "problem") {
      void warn(
        () => `the server has a problem with ${channel ? `channel ${JSON.stringify(channel)}` : "the stream"}: ${frame.code}.`,
      );
      if (wishes) joined.set(channel, false);
      for (const each of listenersOf(channel)) each.problem?.(frame);
      if (frame.retry) leave(opened, RETRY_CHANNEL_MS);
    } else if (frame.type !== "connected") {
      return bring(opened, frame);
    } else if (wishes && !joined.has(channel)) {
      joined.set(channel, frame);
      for (const listener of listenersOf(channel)) {
        const wish = wishes.get(listener);
        const isAsked = wish === listener.request(channel);
        if (isAsked || isCursorText(wish) || listener.suits(channel, frame.cursor))
          listener.joined(channel, frame, isAsked && wish !== asked.get(channel));
        // It came later, or got a cursor meanwhile which this stream was not asked about: it waits for the next.
        else wishes.delete(listener);
      }
    }
    if (opened === next && [...asked.keys()].every((name) => joined.has(name))) {
      dispatch(["joined"]);
      if (opened.leaving) leave(opened, RETRY_CHANNEL_MS);
      // What changed while it was opening.
      check();
    } else refreshStatus();
  }

  /** Opens a successor while the stream goes on. */
  function leave(opened: OpenStream, delayMs: number): void {
    opened.leaving = true;
    if (opened === current) change(delayMs);
  }

  /** Gives what moves a channel to its listeners. */
  function bring(opened: OpenStream, frame: MovingFrame): void {
    const { channel, cursor } = frame;
    const coverage = opened.joined.get(channel);
    const isReset = frame.reason === "reset";
    if (!coverage || (!isReset && compareCursors(cursor, coverage.cursor) <= 0)) return;
    const from = coverage.cursor;
    // Somebody has gone on since, by the other stream, perhaps into this new log: where that leads, only a stream that begins there can say.
    if (
      isReset &&
      !listenersOf(channel).every((each) => [from, opened.wishes.get(channel)?.get(each)].includes(each.request(channel)))
    )
      return ended(opened, 0);
    // First, so that who subscribes in a handler begins after it.
    coverage.cursor = cursor;
    for (const listener of listenersOf(channel)) listener.take(frame, from, coverage);
    if (!isReset) return;
    // What follows is new, however far the old log had come.
    coverage.tail = cursor;
    // Of two streams, the one that has not heard of the new log must not speak any more.
    const other = opened === current ? next : current;
    if (other) ended(other, 0);
  }

  function refreshStatus(): void {
    const said = wanted().map(saidOf);
    const before = status;
    if (said.length === 0) status = "disconnected";
    else if (refused || said.every((each) => each === false)) status = "error";
    else if (!said.includes(undefined)) status = "connected";
    else status = state.name === "waiting" ? "disconnected" : "connecting";
    if (status === before) return;
    [...statusListeners].forEach((tell) => tell());
  }

  function refresh(event?: Event): void {
    dispatch(["wake"]);
    // What Chromium has frozen gets nothing more from a stream that was open before, and is not told.
    if (current && (event?.type === "resume" || current.silentMs() >= STALE_MS)) leave(current, 0);
  }

  /** Listeners came or went. */
  function check(): void {
    // The same function is listened with once, however often it is added.
    for (const name of ["online", "visibilitychange", "resume"] as const)
      globalThis.window?.[listeners.length > 0 ? "addEventListener" : "removeEventListener"](name, refresh);
    if (refused || need() !== "same") change();
    else refreshStatus();
  }

  function remove(listener: Listener): void {
    listener.active = false;
    listeners = listeners.filter((each) => each !== listener);
  }

  function attach(listener: Listener): () => void {
    // What a stream brings from now on is for this listener too, unless it asks for more.
    for (const channel of listener.channels) {
      const coverage = saidOf(channel);
      if (coverage && listener.suits(channel, coverage.cursor)) listener.joined(channel, coverage);
    }
    listeners = [...listeners, listener];
    check();
    return () => {
      remove(listener);
      check();
    };
  }

  const client: InnerClient = {
    attach,
    refresh,

    // Which events there are is a matter of types alone.
    subscribe: (given) => attach(createListener(given as unknown as ClientSubscribeOptions)),

    subscribeStatus(onStatus) {
      // A listener may change the status: each ends with the newest. A function of our own, so that the same one can subscribe twice.
      const tell = (): unknown => guarded(() => onStatus(status));
      statusListeners.add(tell);
      tell();
      return () => void statusListeners.delete(tell);
    },

    getStatus: () => status,

    destroy() {
      listeners.forEach(remove);
      check();
      // Now, not after the time to gather.
      ring();
    },
  };
  return client;
}
