import { systemClock, type Clock, type Timer } from "../protocol/clock.ts";
import { compareCursors, isRealtimeCursor, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { DEFAULT_CHANNEL } from "../protocol/names.ts";
import { guarded, Listener, type ClientMessage, type Coverage } from "./listener.ts";
import {
  INITIAL,
  transition,
  type Effect,
  type MachineEvent,
  type MachineState,
  type StateName,
  type TimerName,
} from "./machine.ts";
import { mergeRequests } from "./merge-requests.ts";
import { openStream, type Stream, type StreamEnd } from "./stream.ts";
import type { WireFrame } from "./wire.ts";

/** `connected` only when the server has joined every channel that is asked for; `error` only when it refused. */
export type ConnectionStatus = "connecting" | "connected" | "disconnected" | "error";

/** Where the endpoint is, and what is sent along. */
export interface ApiOptions {
  /** @default "/api/realtime" */
  readonly url?: string | undefined;
  /** Whether cookies go to another origin. @default false */
  readonly withCredentials?: boolean | undefined;
  /** Headers of each request for a stream; a function is asked anew before every connect, so that a token can be fresh. */
  readonly headers?: HeadersInit | (() => HeadersInit | undefined | Promise<HeadersInit | undefined>) | undefined;
}

export interface RealtimeClientOptions {
  readonly api?: ApiOptions | undefined;
  /** Failed attempts in a row after which the status is `error`. @default Infinity */
  readonly maxReconnectAttempts?: number | undefined;
  /** @default the platform's `fetch` */
  readonly fetch?: typeof fetch | undefined;
  /** Time and chance, for tests. */
  readonly clock?: Clock | undefined;
}

/** Past events that a subscription begins with. */
export type HistoryOption = boolean | { readonly limit?: number | undefined; readonly length?: number | undefined };

export interface ClientSubscribeOptions<M = ClientMessage> {
  /** `undefined` and `""` are dropped; with none left nothing is requested. @default ["default"] */
  readonly channels?: ReadonlyArray<string | undefined> | undefined;
  /** Only these events. @default all */
  readonly events?: readonly string[] | undefined;
  /** Called for each event, once, in the order of its channel. */
  onData?: ((message: M) => unknown) | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console. */
  onGap?: ((gap: Gap) => unknown) | undefined;
  /** What the log holds comes first: all of it, or the newest `limit`. @default false */
  readonly history?: HistoryOption | undefined;
  /** Go on after this cursor, as `channel.cursor()` or an event's `id` gave it; for several channels, one for each. */
  readonly after?: string | Readonly<Record<string, string>> | undefined;
  /** Where the subscription stands; hand the same map in again to go on there. */
  readonly cursors?: Map<string, RealtimeCursor> | undefined;
}

/** One connection for any number of subscriptions. It is open only while there is one. */
export interface RealtimeClient {
  /** @returns ends the subscription. */
  subscribe(options: ClientSubscribeOptions): () => void;
  /** Calls back at once, then at each change. @returns ends it. */
  subscribeStatus(onStatus: (status: ConnectionStatus) => void): () => void;
  getStatus(): ConnectionStatus;
  /** Ends every subscription and the connection. Subscribing again opens a new one. */
  destroy(): void;
}

/** A stream and what it has said so far. */
interface OpenStream {
  readonly number: number;
  readonly stream: Stream;
  readonly channels: readonly string[];
  readonly coverage: Map<string, Coverage>;
  /** Channels that the server would not join. */
  readonly denied: Set<string>;
  /** The server ends it soon. */
  leaving: boolean;
}

const STATUS: Readonly<Record<StateName, ConnectionStatus>> = {
  idle: "disconnected",
  gathering: "connecting",
  opening: "connecting",
  open: "connected",
  moving: "connected",
  waiting: "disconnected",
  refused: "error",
};
/** A stream that was silent for so long when the page comes back is not trusted. */
const STALE_MS = 20_000;
const WAKE_EVENTS = ["online", "visibilitychange", "pageshow"] as const;

/** A client for the endpoint of `handle`: any number of subscriptions over one connection. Opens nothing until there is one. */
export function createRealtimeClient(options: RealtimeClientOptions = {}): RealtimeClient {
  return new Client(options);
}

class Client implements RealtimeClient {
  readonly #options: RealtimeClientOptions;
  readonly #clock: Clock;
  /** The number of the newest stream when each listener came: a later one is opened with it in mind. */
  readonly #listeners = new Map<Listener, number>();
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>();
  readonly #timers = new Map<TimerName, Timer>();
  #state: MachineState = INITIAL;
  #status: ConnectionStatus = "disconnected";
  #current: OpenStream | undefined;
  #next: OpenStream | undefined;
  #streams = 0;

  constructor(options: RealtimeClientOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  subscribe(options: ClientSubscribeOptions): () => void {
    const listener = createListener(options);
    if (listener.options.channels.length === 0) return () => {};
    if (this.#listeners.size === 0) this.#listenForWake(true);
    this.#listeners.set(listener, this.#streams);
    // What the stream brings from now on is for this listener too, unless it asks for more.
    for (const channel of listener.options.channels) {
      const coverage = this.#current?.coverage.get(channel);
      if (coverage && listener.request(channel) === "") listener.options.cursors.set(channel, coverage.position);
    }
    this.#dispatch({ type: "change" });
    return () => {
      if (!this.#listeners.delete(listener)) return;
      if (this.#listeners.size === 0) this.#listenForWake(false);
      this.#dispatch({ type: "change" });
    };
  }

  subscribeStatus(onStatus: (status: ConnectionStatus) => void): () => void {
    // A wrapper of its own, so that the same function can subscribe twice.
    const listener = (status: ConnectionStatus): void => onStatus(status);
    this.#statusListeners.add(listener);
    listener(this.#status);
    return () => void this.#statusListeners.delete(listener);
  }

  getStatus(): ConnectionStatus {
    return this.#status;
  }

  destroy(): void {
    if (this.#listeners.size > 0) this.#listenForWake(false);
    this.#listeners.clear();
    this.#dispatch({ type: "close" });
  }

  #dispatch(event: MachineEvent): void {
    const { random } = this.#clock;
    const { state, effects } = transition(this.#state, event, {
      random,
      maxAttempts: this.#options.maxReconnectAttempts ?? Number.POSITIVE_INFINITY,
    });
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    const status = STATUS[this.#state.name];
    if (status === this.#status) return;
    this.#status = status;
    for (const listener of [...this.#statusListeners]) guarded(() => listener(status));
  }

  #perform(effect: Effect): void {
    if (effect.type === "open") this.#next = this.#open();
    else if (effect.type === "promote") {
      this.#current?.stream.close();
      this.#current = this.#next;
      this.#next = undefined;
    } else if (effect.type === "drop") {
      if (effect.stream === "next") {
        this.#next?.stream.close();
        this.#next = undefined;
      } else {
        this.#current?.stream.close();
        this.#current = undefined;
      }
    } else {
      this.#clock.clearTimeout(this.#timers.get(effect.timer));
      this.#timers.delete(effect.timer);
      if (effect.type === "stop") return;
      const { timer } = effect;
      this.#timers.set(
        timer,
        this.#clock.setTimeout(() => {
          this.#timers.delete(timer);
          this.#dispatch(timer === "connect" ? { type: "due", need: this.#need() } : { type: timer });
        }, effect.delayMs),
      );
    }
  }

  #channels(): readonly string[] {
    return [...new Set([...this.#listeners.keys()].flatMap(({ options }) => options.channels))].sort();
  }

  /** Whether the stream that there is, or that is opening, gives every listener what it asks for. */
  #need(): "none" | "same" | "stream" {
    const channels = this.#channels();
    if (channels.length === 0) return "none";
    const newest = this.#next ?? this.#current;
    if (!newest || newest.leaving || newest.channels.join() !== channels.join()) return "stream";
    for (const [listener, since] of this.#listeners) {
      if (since < newest.number) continue;
      for (const channel of listener.options.channels) {
        const request = listener.request(channel);
        if (request === "" || newest.denied.has(channel)) continue;
        const coverage = newest.coverage.get(channel);
        if (!coverage || !isRealtimeCursor(request) || compareCursors(request, coverage.position) < 0) return "stream";
      }
    }
    return "same";
  }

  #open(): OpenStream {
    const { url = "/api/realtime", withCredentials, headers } = this.#options.api ?? {};
    const channels = this.#channels();
    const at = channels.map((channel) =>
      mergeRequests(
        [...this.#listeners.keys()]
          .filter(({ options }) => options.channels.includes(channel))
          .map((listener) => listener.request(channel)),
      ),
    );
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    query.set("v", "1");
    if (at.some((cursor) => cursor !== "")) query.set("at", at.join());
    const number = ++this.#streams;
    const opened: OpenStream = {
      number,
      channels,
      coverage: new Map(),
      denied: new Set(),
      leaving: false,
      stream: openStream({
        url: `${url}${url.includes("?") ? "&" : "?"}${query}`,
        fetch: this.#options.fetch ?? ((input, init) => fetch(input, init)),
        clock: this.#clock,
        credentials: withCredentials ? "include" : "same-origin",
        headers: async () => (typeof headers === "function" ? await headers() : headers),
        onFrame: (frame) => this.#hear(opened, frame),
        onEnd: (end) => this.#ended(opened, end),
        onMalformed: () =>
          console.error(
            "tidings: a frame could not be read, and was skipped. Is something between this page and the server changing the stream?",
          ),
      }),
    };
    return opened;
  }

  #ended(opened: OpenStream, end: StreamEnd): void {
    if (end.type === "refused")
      console.error(`tidings: the server refused the stream with status ${end.status}. ${end.message}`);
    if (opened === this.#current) this.#dispatch({ type: "currentLost" });
    else if (opened !== this.#next) return;
    else
      this.#dispatch(end.type === "refused" ? { type: "nextRefused" } : { type: "nextLost", retryAfterMs: end.retryAfterMs });
  }

  #hear(opened: OpenStream, { type, frame }: WireFrame): void {
    if (type === "reconnect") {
      opened.leaving = true;
      if (opened === this.#current) this.#dispatch({ type, delayMs: frame.delayMs });
      return;
    }
    const { channel } = frame;
    if (type === "problem") {
      console.warn(`tidings: ${channel === undefined ? "the stream" : `channel "${channel}"`} has a problem: ${frame.code}.`);
      if (channel !== undefined) opened.denied.add(channel);
    } else if (type === "connected") {
      const { cursor, tail } = frame;
      if (opened.coverage.has(frame.channel)) return;
      opened.coverage.set(frame.channel, { position: cursor, tail });
      for (const [listener, since] of this.#listenersOf(frame.channel)) {
        if (since < opened.number || listener.request(frame.channel) === "") listener.joined(frame.channel, cursor, tail);
      }
    } else {
      const coverage = channel === undefined ? undefined : opened.coverage.get(channel);
      if (coverage) this.#bring(coverage, { type, frame } as Moving);
      return;
    }
    if (opened === this.#next && opened.coverage.size + opened.denied.size >= opened.channels.length)
      this.#dispatch({ type: "joined" });
  }

  /** Gives what moves a channel to its listeners, then notes that the stream has said it. */
  #bring(coverage: Coverage, { type, frame }: Moving): void {
    for (const [listener] of this.#listenersOf(frame.channel)) {
      if (type === "event") listener.event(frame, coverage);
      else if (type === "gap") listener.gap(frame, coverage);
      else listener.moved(frame.channel, frame.cursor, coverage);
    }
    if (type === "gap" && frame.reason === "reset") coverage.tail = ORIGIN;
    coverage.position = type === "event" ? frame.id : frame.cursor;
  }

  #listenersOf(channel: string): ReadonlyArray<readonly [Listener, number]> {
    return [...this.#listeners].filter(([{ options }]) => options.channels.includes(channel));
  }

  readonly #wake = (): void => {
    if (globalThis.document?.visibilityState === "hidden") return;
    this.#dispatch({ type: "wake", stale: (this.#current?.stream.silentMs() ?? 0) > STALE_MS });
  };

  #listenForWake(on: boolean): void {
    for (const name of WAKE_EVENTS) {
      const target: EventTarget | undefined = name === "visibilitychange" ? globalThis.document : globalThis.window;
      if (on) target?.addEventListener(name, this.#wake);
      else target?.removeEventListener(name, this.#wake);
    }
  }
}

type Moving = Extract<WireFrame, { type: "event" | "gap" | "position" }>;

function createListener({
  channels = [DEFAULT_CHANNEL],
  events,
  onData,
  onGap,
  history,
  after,
  cursors = new Map(),
}: ClientSubscribeOptions): Listener {
  const wanted = [...new Set(channels.filter((channel): channel is string => Boolean(channel)))];
  const start = startText(history);
  for (const cursor of typeof after === "string" ? [after] : Object.values(after ?? {})) {
    if (!isRealtimeCursor(cursor))
      throw new TypeError(`tidings: \`after\` takes a cursor as the server gave it, not ${JSON.stringify(cursor)}.`);
  }
  return new Listener({
    channels: wanted,
    events: events?.length ? new Set(events) : undefined,
    cursors,
    startOf: (channel) =>
      typeof after === "string" ? after : (after && Object.hasOwn(after, channel) && after[channel]) || start,
    onData: (message) => onData?.(message),
    onGap: onGap ?? warnOfGap,
  });
}

function startText(history: HistoryOption | undefined): string {
  if (!history) return "";
  const limit = history === true ? undefined : (history.limit ?? history.length);
  return limit === undefined ? "-" : `-${limit}`;
}

function warnOfGap({ channel, reason }: Gap): void {
  if (typeof process !== "undefined" && process.env?.NODE_ENV === "production") return;
  console.warn(
    `tidings: events of channel "${channel}" may be missing (${reason}). Pass \`onGap\` and fetch the current state there.`,
  );
}
