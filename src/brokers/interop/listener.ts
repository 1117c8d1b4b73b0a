import type { Clock, Timer } from "../../protocol/clock.ts";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { Listener, ListenerHandlers } from "../broker.ts";
import { closedError } from "../redis/failures.ts";
import type { RedisNames } from "../redis/names.ts";
import type { LogEnd, LogEnds } from "./log-ends.ts";

/** Time between two looks: with the read that follows, an event arrives well within a second and a half. */
const POLL_MS = 500;
/** The same while nobody can be asked. */
const MAX_PAUSE_MS = 2_000;

/** What a {@link PollingListener} works with. */
export interface PollingListenerOptions {
  readonly clock: Clock;
  readonly names: RedisNames;
  /** The server, in words. */
  readonly address: string;
  readonly ends: LogEnds;
}

/** A channel that is joined, or is about to be. */
class Wanted {
  readonly channel: string;
  readonly key: string;
  readonly joined: Promise<void>;
  isJoined = false;
  /** Whether its log could not be looked at the last time. */
  isBlind = false;
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void };

  constructor(channel: string, key: string) {
    this.channel = channel;
    this.key = key;
    let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
    this.joined = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
    // A join that is called off is told to whom it waits for; nobody else needs to know.
    this.joined.catch(() => {});
    this.#settle = settle as NonNullable<typeof settle>;
  }

  acknowledge(): void {
    this.isJoined = true;
    this.#settle.resolve();
  }

  reject(error: Error): void {
    this.#settle.reject(error);
  }
}

/**
 * Listens for one hub by looking, twice a second, where the logs of its channels end; the hub reads what is new. Nothing that was
 * appended can be missed between two looks, so there is nothing to lose and nothing to restore when a connection breaks. While no
 * channel is joined nothing is asked.
 */
export class PollingListener implements Listener {
  readonly #options: PollingListenerOptions;
  readonly #handlers: ListenerHandlers;
  readonly #wanted = new Map<string, Wanted>();
  #timer: Timer | undefined;
  #isLooking = false;
  /** Whether someone waits to be looked at for the first time. */
  #isWanted = false;
  #failures = 0;
  #isClosed = false;

  constructor(options: PollingListenerOptions, handlers: ListenerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  async join(channel: string): Promise<void> {
    if (this.#isClosed) throw closedError(this.#options.address);
    let wanted = this.#wanted.get(channel);
    if (!wanted) {
      wanted = new Wanted(channel, this.#options.names.keyOf(channel));
      this.#wanted.set(channel, wanted);
      this.#lookSoon();
    }
    return wanted.joined;
  }

  leave(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (!wanted) return;
    this.#wanted.delete(channel);
    wanted.reject(closedError(this.#options.address));
    if (this.#wanted.size === 0) this.#options.clock.clearTimeout(this.#timer);
  }

  close(): void {
    this.#isClosed = true;
    for (const channel of [...this.#wanted.keys()]) this.leave(channel);
  }

  /** This process appended an entry: its own subscribers need not wait for the next look. */
  appended(channel: string, id: RealtimeCursor): void {
    if (this.#wanted.get(channel)?.isJoined) this.#handlers.moved(channel, id);
  }

  /** At the end of this turn, or when the present look is over: those who join together are looked at together. */
  #lookSoon(): void {
    this.#isWanted = true;
    queueMicrotask(() => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#isClosed || this.#wanted.size === 0) return;
    this.#isLooking = true;
    this.#isWanted = false;
    this.#options.clock.clearTimeout(this.#timer);
    let isReached = true;
    await this.#options.ends.look([...this.#wanted.values()], (wanted, end) => {
      if (end.kind === "unreachable") isReached = false;
      else if (this.#wanted.get(wanted.channel) === wanted) this.#found(wanted, end);
    });
    this.#isLooking = false;
    this.#failures = isReached ? 0 : this.#failures + 1;
    if (this.#isClosed) return;
    if (this.#isWanted && isReached) {
      void this.#look();
      return;
    }
    if (this.#wanted.size === 0) return;
    const pauseMs = Math.min(MAX_PAUSE_MS, POLL_MS * 2 ** Math.min(this.#failures, 8));
    this.#timer = this.#options.clock.setTimeout(() => void this.#look(), pauseMs, "keepAlive");
  }

  #found(wanted: Wanted, end: Exclude<LogEnd, { kind: "unreachable" }>): void {
    if (end.kind === "refused" && end.error && !wanted.isJoined) {
      this.#wanted.delete(wanted.channel);
      wanted.reject(end.error);
      return;
    }
    if (!wanted.isJoined) wanted.acknowledge();
    if (end.kind === "ends") {
      wanted.isBlind = false;
      this.#handlers.moved(wanted.channel, end.last);
    } else if (!wanted.isBlind) {
      // The hub reads, and learns in words what is wrong.
      wanted.isBlind = true;
      this.#handlers.restored([wanted.channel]);
    }
  }
}
