import type { Timer } from "../../../protocol/clock.ts";
import type { RealtimeCursor } from "../../../protocol/cursor.ts";
import { PROBE_MS } from "../../../protocol/limits.ts";
import type { Listener, ListenerHandlers } from "../../broker.ts";
import type { OutageLog } from "../connections/outage.ts";
import { closedError, isPassing, refusedError } from "../failures.ts";
import { parseAnnouncement } from "../replies.ts";
import type { TransportContext } from "../transport.ts";
import type { Announcements } from "./announcements.ts";
import type { Endpoint } from "./endpoint.ts";
import { EventStream } from "./event-stream.ts";
import { AUDIT_MS, TailWatch, type Urgency } from "./tail-watch.ts";
import { Wanted } from "./wanted.ts";

/** Streams that a process may have open: each is a request that holds a connection. */
export interface StreamSlots {
  free: number;
}

export interface RestListenerOptions {
  readonly context: TransportContext;
  /** The service in words. */
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly outages: OutageLog;
  readonly announcements: Announcements;
  readonly slots: StreamSlots;
}

/** Attempts of a stream that may fail before its log is looked at meanwhile. */
const PATIENCE = 3;
/** Streams that break together are told of together. */
const GATHER_MS = 20;
/** A stream that does not hear what it should is opened anew, but not all the time. */
const REOPEN_MS = 60_000;

/**
 * Listens for one hub. Channels have a stream each while there are slots; the others, and those whose streams do not come up or do not
 * hear, are looked at every second, all with one script, and the hub reads what is new. Nothing is asked while nobody listens.
 */
export class RestListener implements Listener {
  readonly #options: RestListenerOptions;
  readonly #handlers: ListenerHandlers;
  readonly #wanted = new Map<string, Wanted>();
  readonly #watch: TailWatch<Wanted>;
  /** Channels whose loss was not told yet. */
  readonly #losing = new Set<Wanted>();
  #losingTimer: Timer | undefined;
  /** Whether the service turned out to have no streams. */
  #isStreamless = false;
  #isClosed = false;

  constructor(options: RestListenerOptions, handlers: ListenerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const { context, endpoint } = options;
    this.#watch = new TailWatch<Wanted>(context.clock, endpoint, {
      targets: () => this.#wanted.values(),
      keyOf: ({ key }) => key,
      urgencyOf: (wanted) => this.#urgencyOf(wanted),
      isQuiet: ({ heardAt }) => context.clock.now() - heardAt >= AUDIT_MS,
      found: (wanted, last, look) => this.#found(wanted, last, look),
      failed: (wanteds, error, isRefused) => this.#watchFailed(wanteds, error, isRefused),
    });
  }

  async join(channel: string): Promise<void> {
    if (this.#isClosed) throw closedError(this.#options.address);
    const known = this.#wanted.get(channel);
    if (known) return known.joined;
    const { names } = this.#options.context;
    const wanted = new Wanted(channel, names.keyOf(channel), names.liveOf(channel));
    this.#wanted.set(channel, wanted);
    this.#stream(wanted);
    if (!wanted.stream) this.#poll(wanted);
    return wanted.joined;
  }

  leave(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (!wanted) return;
    this.#forget(wanted);
    wanted.reject(closedError(this.#options.address));
    this.#fillSlots();
    this.#watch.plan();
  }

  close(): void {
    this.#isClosed = true;
    this.#watch.close();
    this.#options.context.clock.clearTimeout(this.#losingTimer);
    for (const wanted of this.#wanted.values()) {
      this.#forget(wanted);
      wanted.reject(closedError(this.#options.address));
    }
    this.#options.outages.forget(this);
  }

  /** The stream of a live channel does not hear what it should. */
  deaf(live: string): void {
    for (const wanted of this.#wanted.values()) if (wanted.live === live && wanted.stream?.isUp) this.#deafen(wanted);
  }

  #forget(wanted: Wanted): void {
    this.#wanted.delete(wanted.channel);
    this.#losing.delete(wanted);
    this.#unstream(wanted);
  }

  // Streams

  #stream(wanted: Wanted): void {
    const { slots, endpoint, context } = this.#options;
    if (slots.free === 0 || this.#isStreamless || wanted.isUnstreamable) return;
    slots.free--;
    wanted.stream = new EventStream({
      live: wanted.live,
      endpoint,
      clock: context.clock,
      handlers: {
        up: () => this.#up(wanted),
        down: () => this.#down(wanted),
        message: (text) => this.#hear(wanted, text),
        failed: (error, isRefused) => this.#streamFailed(wanted, error, isRefused),
        absent: (error, ofAnyChannel) => {
          wanted.isUnstreamable = true;
          this.#isStreamless ||= ofAnyChannel;
          context.warnOnce(
            `tidings: ${this.#options.address} does not stream ${ofAnyChannel ? "what is published" : `channel "${wanted.channel}"`} (${error.message}). It is looked at every second instead.`,
          );
          this.#unstream(wanted);
          this.#poll(wanted);
        },
      },
    });
  }

  #unstream(wanted: Wanted): void {
    if (!wanted.stream) return;
    wanted.stream.close();
    this.#options.outages.forget(wanted);
    wanted.stream = undefined;
    this.#options.announcements.down(wanted.live);
    this.#options.slots.free++;
  }

  /** Gives the slots that became free to those who are polled. */
  #fillSlots(): void {
    for (const wanted of this.#wanted.values()) {
      if (this.#options.slots.free === 0) return;
      if (!wanted.stream) this.#stream(wanted);
    }
  }

  #up(wanted: Wanted): void {
    this.#options.outages.up(wanted);
    this.#options.announcements.up(wanted.live);
    wanted.restart();
    // Polling ends when it has seen what came before the stream.
    wanted.wellAt = this.#watch.looks;
    if (!wanted.isJoined) wanted.acknowledge();
    else this.#restore(wanted);
    this.#watch.plan();
  }

  #down(wanted: Wanted): void {
    this.#options.announcements.down(wanted.live);
    wanted.suspect = undefined;
    // Who is polled is still told of everything.
    if (wanted.isPolled) return;
    wanted.isLost = true;
    this.#losing.add(wanted);
    this.#losingTimer ??= this.#options.context.clock.setTimeout(() => this.#tellLost(), GATHER_MS);
    this.#watch.plan();
  }

  #streamFailed(wanted: Wanted, error: Error, isRefused: boolean): void {
    const { context, address, outages } = this.#options;
    if (isRefused) {
      const reason = refusedError({ kind: "join", channel: wanted.channel, address }, error);
      if (!wanted.isJoined) {
        this.#forget(wanted);
        wanted.reject(reason);
        return;
      }
      context.warnOnce(`${reason.message} It is tried again every ${PROBE_MS / 1_000} s.`, error);
    }
    const attempts = wanted.stream?.attempts ?? 0;
    if (!isRefused && attempts > 1) outages.down(wanted, error);
    // It may be the streams alone that the service does not give just now.
    if (attempts >= PATIENCE && !wanted.isPolled) this.#poll(wanted);
  }

  #hear(wanted: Wanted, text: string): void {
    const { context, announcements } = this.#options;
    const announced = parseAnnouncement(text);
    if (announced === undefined) {
      context.warnOnce(
        `tidings: someone else publishes on the Redis channel ${JSON.stringify(wanted.live)}, or a later version of tidings does. Such messages are ignored.`,
      );
      return;
    }
    const { id, prev } = announced;
    wanted.hear(id, context.clock.now());
    if (text === `${id} ${id}`) {
      announcements.rung(wanted.live, id);
    } else {
      announcements.heard();
      wanted.misses = 0;
      if (wanted.isDeaf) {
        wanted.isDeaf = false;
        wanted.wellAt = this.#watch.looks;
      }
    }
    // A stream has lines, so that of a JSON text with line breaks the first line alone comes through.
    if ("json" in announced && isJson(announced.json)) this.#handlers.entry(wanted.channel, announced);
    else this.#handlers.moved(wanted.channel, id, prev);
  }

  // Looks at where logs end

  #poll(wanted: Wanted): void {
    wanted.isPolled = true;
    this.#watch.look();
  }

  #urgencyOf({ isPolled, suspect, stream }: Wanted): Urgency {
    if (isPolled || suspect !== undefined) return "each second";
    return stream?.isUp ? "now and then" : "not now";
  }

  #found(wanted: Wanted, last: RealtimeCursor | undefined, look: number): void {
    if (this.#wanted.get(wanted.channel) !== wanted) return;
    this.#options.outages.up(this);
    const isStreamed = wanted.stream?.isUp === true;
    if (wanted.isPolled) {
      if (!wanted.isJoined) wanted.acknowledge();
      this.#restore(wanted);
      if (isStreamed && !wanted.isDeaf && look > wanted.wellAt) wanted.isPolled = false;
    }
    // What cannot be looked at says so when it is read.
    if (last === undefined) return;
    if (last !== wanted.told) {
      wanted.told = last;
      this.#handlers.moved(wanted.channel, last);
    }
    if (isStreamed && wanted.compare(last)) this.#deafen(wanted);
  }

  #watchFailed(wanteds: readonly Wanted[], error: Error, isRefused: boolean): void {
    const { context, address, outages } = this.#options;
    if (!isRefused || isPassing(error)) {
      if (this.#watch.failures > 1) outages.down(this, error);
      return;
    }
    for (const wanted of wanteds) {
      const reason = refusedError({ kind: "join", channel: wanted.channel, address }, error);
      if (wanted.isJoined) {
        context.warnOnce(reason.message, error);
      } else if (this.#wanted.get(wanted.channel) === wanted) {
        this.#forget(wanted);
        wanted.reject(reason);
      }
    }
  }

  #deafen(wanted: Wanted): void {
    const now = this.#options.context.clock.now();
    // A new stream may do better. If that misses something, too, only hearing can prove that it hears.
    wanted.isDeaf = ++wanted.misses > 1;
    wanted.isPolled = true;
    if (now - wanted.reopenedAt >= REOPEN_MS) {
      wanted.reopenedAt = now;
      wanted.stream?.reopen();
    }
    this.#watch.plan();
  }

  // What the hub is told

  #tellLost(): void {
    this.#options.context.clock.clearTimeout(this.#losingTimer);
    this.#losingTimer = undefined;
    const lost = [...this.#losing];
    this.#losing.clear();
    if (lost.length > 0) this.#handlers.lost(lost.map(({ channel }) => channel));
  }

  #restore(wanted: Wanted): void {
    if (this.#losing.has(wanted)) this.#tellLost();
    if (!wanted.isLost) return;
    wanted.isLost = false;
    wanted.acknowledge();
    this.#handlers.restored([wanted.channel]);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
