import type { Clock, Timer } from "../protocol/clock.ts";
import { compareCursors, isRealtimeCursor, ORIGIN } from "../protocol/cursor.ts";
import { createListener, type Coverage, type Listener } from "./listener.ts";
import { INITIAL, transition, type Effect, type MachineEvent, type Need } from "./machine.ts";
import { mergeRequests } from "./merge-requests.ts";
import type { ConnectionStatus, RealtimeClient, RealtimeClientOptions } from "./options.ts";
import { guarded, warn } from "./report.ts";
import { openStream, type Stream } from "./stream.ts";
import type { MovingFrame, WireFrame } from "./wire.ts";

/** A stream and what it has said so far. */
interface OpenStream {
  readonly stream: Stream;
  /** Those whose wishes are in the request, with what they asked for by channel. */
  readonly audience: Map<Listener, ReadonlyMap<string, string>>;
  /** What it was asked for, by channel. */
  readonly asked: ReadonlyMap<string, string>;
  /** What it has said of each channel; `false` for one that the server would not join. */
  readonly coverage: Map<string, Coverage | false>;
  /** It does not last, or one of its channels was not to be had: it needs a successor when its time comes. */
  leaving?: boolean;
}

/** Time to gather more changes before a stream is opened. */
const GATHER_MS = 25;
/** A stream that was silent for so long when the page comes back is not trusted. */
const STALE_MS = 20_000;
/** A channel that could not be joined for now is asked for again after this time. */
const RETRY_CHANNEL_MS = 10_000;
const WAKING = ["online", "pageshow", "visibilitychange", "resume"] as const;

/** Time and chance of the page. In Node its timers keep the process alive: someone waits for events. */
const pageClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) as unknown as Timer,
  clearTimeout: (timer) => clearTimeout(timer as unknown as number),
  random: () => Math.random(),
};

function close(opened: OpenStream | undefined): undefined {
  opened?.stream.close();
}

/** A client that also takes listeners made elsewhere. */
export interface InnerClient extends RealtimeClient {
  /** @returns ends the subscription. Safe to call twice, and from a handler. */
  attach(listener: Listener): () => void;
  /** Somebody looks: what waits for its time is tried now, and a stream that was silent for long is not trusted. */
  refresh(): void;
}

/** {@link createRealtimeClient}, for this package alone. */
function createInnerClient(options: RealtimeClientOptions = {}): InnerClient {
  const { clock = pageClock, maxReconnectAttempts = Infinity } = options;
  const transportOptions = { ...options, clock, route: { cuts: 0 }, createClient: createInnerClient };
  const listeners = new Set<Listener>();
  const statusListeners = new Set<() => void>();
  let state = INITIAL;
  let status: ConnectionStatus = "disconnected";
  let current: OpenStream | undefined;
  let next: OpenStream | undefined;
  let timer: Timer | undefined;
  /** The channels that the server refused. */
  let refused: string | undefined;

  function dispatch(event: MachineEvent): void {
    const world = { now: clock.now(), random: clock.random(), maxAttempts: maxReconnectAttempts };
    const { state: after, effects } = transition(state, event, world);
    state = after;
    for (const effect of effects) perform(effect);
    refused = state.name === "refused" ? (refused ?? wanted().join()) : undefined;
    refreshStatus();
  }

  function perform(effect: Effect): void {
    if (effect === "open") {
      close(next);
      next = open();
    } else if (effect === "dropNext") {
      next = close(next);
    } else if (effect === "dropCurrent") {
      current = close(current);
    } else if (effect === "promote") {
      current = next;
      next = undefined;
    } else {
      clock.clearTimeout(timer);
      if (effect.armMs < Infinity) timer = clock.setTimeout(ring, effect.armMs);
    }
  }

  const ring = (): void => dispatch({ type: "due", need: need(true) });

  /** Asks for another stream beside, or in place of, those that there are. */
  const change = (delayMs = GATHER_MS): void => dispatch({ type: "change", delayMs });

  const listenersOf = (channel: string): Listener[] => [...listeners].filter(({ channels }) => channels.includes(channel));
  /** The channels of all listeners. */
  const wanted = (): string[] => [...new Set([...listeners].flatMap(({ channels }) => channels))].sort();

  /** What the newest stream that spoke of a channel has said. */
  const saidOf = (channel: string): Coverage | false | undefined =>
    next?.coverage.get(channel) ?? current?.coverage.get(channel);

  /** Whether the stream that there is, or that is opening, gives every listener what it asks for. */
  function need(isDue = false): Need {
    const newest = next ?? current;
    const names = wanted();
    if (names.length === 0) return state === INITIAL ? "same" : "none";
    if (!newest || (isDue && newest.leaving) || names.join() !== [...newest.asked.keys()].join()) return "stream";
    const isMet = (listener: Listener): boolean =>
      newest.audience.has(listener) ||
      listener.channels.every((channel) => {
        const request = listener.request(channel);
        const said = newest.coverage.get(channel);
        // Anywhere else than where the stream stands is for the server to say.
        return request === "" || said === false || said?.position === request;
      });
    return [...listeners].every(isMet) ? "same" : "stream";
  }

  function open(): OpenStream {
    const audience = new Map(
      [...listeners].map((each) => [each, new Map(each.channels.map((channel) => [channel, each.request(channel)]))]),
    );
    const asked = new Map(
      wanted().map((channel) => [
        channel,
        mergeRequests([...audience.values()].flatMap((wishes) => wishes.get(channel) ?? [])),
      ]),
    );
    const handlers = {
      onFrame: (frame: WireFrame) => hear(opened, frame),
      onEnd: (retryAfterMs: number) => ended(opened, retryAfterMs),
    };
    const stream = openStream(asked, transportOptions, handlers);
    const opened: OpenStream = { audience, asked, coverage: new Map(), stream };
    return opened;
  }

  function ended(opened: OpenStream, retryAfterMs: number): void {
    if (opened === current) {
      current = undefined;
      for (const each of listeners) each.troubled?.();
      dispatch({ type: "currentLost" });
    } else {
      next = undefined;
      dispatch({ type: "nextLost", retryAfterMs });
    }
  }

  function hear(opened: OpenStream, frame: WireFrame): void {
    const { coverage, asked, audience } = opened;
    if (frame.type === "reconnect") {
      leave(opened, frame.delayMs);
      return;
    }
    const { channel = "" } = frame;
    if (frame.type === "problem") {
      warn(() => `the server has a problem with ${channel ? `channel "${channel}"` : "the stream"}: ${frame.code}.`);
      coverage.set(channel, false);
      for (const each of listenersOf(channel)) each.troubled?.(frame);
      if (frame.retry) leave(opened, RETRY_CHANNEL_MS);
    } else if (frame.type !== "connected") {
      bring(opened, frame);
      return;
    } else if (!coverage.has(channel)) {
      const joined = { position: frame.cursor, tail: frame.tail };
      coverage.set(channel, joined);
      for (const listener of listenersOf(channel)) {
        const request = listener.request(channel);
        const wish = audience.get(listener)?.get(channel);
        const isAsked = wish === request;
        if (isAsked || !request || request === frame.cursor || isRealtimeCursor(wish))
          listener.joined(channel, joined, isAsked && wish !== asked.get(channel));
        // It came later, or got a cursor meanwhile which this stream was not asked about: it waits for the next.
        else audience.delete(listener);
      }
    }
    if (opened === next && [...asked.keys()].every((name) => coverage.has(name))) {
      dispatch({ type: "joined" });
      if (opened.leaving) leave(opened, RETRY_CHANNEL_MS);
      // What changed while it was opening.
      check();
    } else refreshStatus();
  }

  /** Opens a successor while the stream goes on. */
  function leave(opened: OpenStream, delayMs: number): void {
    opened.leaving = true;
    if (opened === current && !next && !refused) change(delayMs);
  }

  /** Gives what moves a channel to its listeners. */
  function bring(opened: OpenStream, frame: MovingFrame): void {
    const { type, channel, cursor } = frame;
    const coverage = opened.coverage.get(channel);
    const isReset = type === "gap" && frame.reason === "reset";
    if (!coverage || (!isReset && compareCursors(cursor, coverage.position) <= 0)) return;
    const from = coverage.position;
    // First, so that who subscribes in a handler begins after it.
    coverage.position = cursor;
    for (const listener of listenersOf(channel)) listener.take(frame, from, coverage);
    if (!isReset) return;
    coverage.tail = ORIGIN;
    // Of two streams, the one that has not heard of the new log must not speak any more.
    const other = opened === current ? next : current;
    if (!other) return;
    close(other);
    ended(other, 0);
  }

  function refreshStatus(): void {
    const said = wanted().map(saidOf);
    const before = status;
    if (said.length === 0) status = "disconnected";
    else if (refused || said.every((each) => each === false)) status = "error";
    else if (!said.includes(undefined)) status = "connected";
    else status = state.name === "waiting" ? "disconnected" : "connecting";
    if (status === before) return;
    for (const tell of [...statusListeners]) tell();
  }

  function refresh(staleMs = STALE_MS): void {
    dispatch({ type: "wake" });
    if (current && current.stream.silentMs() >= staleMs) leave(current, 0);
  }

  function wake({ type }: Event): void {
    // What Chromium has frozen gets nothing more from a stream that was open before, and is not told.
    if (type === "resume") refresh(0);
    else if (!document.hidden) refresh();
  }

  /** Listeners came or went. */
  function check(): void {
    // The same function is listened with once, however often it is added.
    for (const name of WAKING) globalThis.window?.[listeners.size > 0 ? "addEventListener" : "removeEventListener"](name, wake);
    if (refused ? refused !== wanted().join() : need() !== "same") change();
    else refreshStatus();
  }

  function remove(listener: Listener): void {
    listener.active = false;
    listeners.delete(listener);
  }

  function attach(listener: Listener): () => void {
    // What a stream brings from now on is for this listener too, unless it asks for more.
    for (const channel of listener.channels) {
      const coverage = saidOf(channel);
      const request = listener.request(channel);
      if (coverage && (!request || request === coverage.position))
        listener.joined(channel, { ...coverage, tail: coverage.position });
    }
    listeners.add(listener);
    check();
    return () => {
      remove(listener);
      check();
    };
  }

  return {
    attach,
    refresh,

    subscribe: (given) => attach(createListener(given)),

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
      ring();
      check();
    },
  };
}

/** A client for the endpoint of `handle`: any number of subscriptions over one connection. Opens nothing until there is one. */
export const createRealtimeClient: (options?: RealtimeClientOptions) => RealtimeClient = createInnerClient;
