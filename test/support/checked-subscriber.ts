/** A subscriber of the tests that checks the promise at each step. */
import { expect } from "vitest";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Gap } from "../../src/protocol/frames.ts";
import { isShown, type FakeLog } from "../../src/client/fake-server.ts";
import type { ClientMessage, ClientSubscribeOptions, RealtimeClient } from "../../src/client/options.ts";

/** The truth that a subscriber is checked against. */
export interface Logs {
  log(channel: string): FakeLog;
  /** Whether a stream is open that may lag behind the log. */
  mayLag(channel: string): boolean;
}

/** The cursors of a listener, which remember where each channel began. */
class Cursors extends Map<string, RealtimeCursor> {
  readonly first: Map<string, RealtimeCursor> = new Map();
  override set(channel: string, cursor: RealtimeCursor): this {
    if (!this.has(channel)) this.first.set(channel, cursor);
    return super.set(channel, cursor);
  }
}

/** A subscriber that checks the promise at each step. */
export class CheckedSubscriber {
  readonly cursors: Cursors = new Cursors();
  /** Where it stands by what it was shown, which is not always where its cursors stand: hidden entries lie between. */
  readonly #shown = new Map<string, RealtimeCursor>();
  readonly #client: RealtimeClient;
  readonly #server: Logs;
  readonly #events: readonly string[];
  #subscription: { readonly channels: readonly string[]; readonly end: () => void } | undefined;
  /** Called with the next event, in its handler. */
  surprise: (() => void) | undefined;
  messages = 0;
  gaps = 0;
  /** What a listener from now on must not be shown: the end of each log when it came, where no stream was open that lags behind. */
  readonly #born = new Map<string, RealtimeCursor>();
  /** Who wants all that is held, and never left since: what it was shown. */
  #all: Set<string> | undefined;
  #failure: unknown;

  constructor(client: RealtimeClient, server: Logs, events: readonly string[]) {
    this.#client = client;
    this.#server = server;
    this.#events = events;
  }

  get channels(): readonly string[] {
    return this.#subscription?.channels ?? [];
  }

  get events(): readonly string[] {
    return this.#events;
  }

  start(channels: readonly string[], options: Pick<ClientSubscribeOptions, "history" | "after"> = {}): void {
    this.stop();
    this.#all = this.cursors.size === 0 && options.history === true ? new Set() : undefined;
    for (const channel of channels) {
      const isNew = !this.cursors.has(channel) && !options.history && !options.after;
      if (isNew && !this.#server.mayLag(channel)) this.#born.set(channel, this.#server.log(channel).last);
      else this.#born.delete(channel);
    }
    // As the hook does: a channel that was left begins anew.
    for (const channel of this.cursors.keys()) if (!channels.includes(channel)) this.cursors.delete(channel);
    for (const channel of this.#shown.keys()) if (!channels.includes(channel)) this.#shown.delete(channel);
    const end = this.#client.subscribe({
      channels,
      events: this.#events,
      cursors: this.cursors,
      ...options,
      onData: (message) => this.#guard(() => this.#data(message)),
      onGap: (gap) => this.#guard(() => this.#gap(gap)),
    });
    this.#subscription = { channels, end };
  }

  stop(): void {
    this.#subscription?.end();
    this.#subscription = undefined;
  }

  /** The client reports what a handler throws; a test has to hear it. */
  #guard(expectations: () => void): void {
    try {
      expectations();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #log(channel: string): FakeLog {
    expect(this.channels, "nothing comes from a channel that is not subscribed to").toContain(channel);
    return this.#server.log(channel);
  }

  #position(channel: string): RealtimeCursor {
    return this.#shown.get(channel) ?? (this.cursors.first.get(channel) as RealtimeCursor);
  }

  #data({ id, channel, event, data }: ClientMessage): void {
    const log = this.#log(channel);
    this.messages++;
    expect(data).toBe(id);
    expect(isShown({ ...log.ever.get(id)!, event }, this.#events), "an event that was not asked for").toBe(true);
    const position = this.#position(channel);
    // The newest n begin with themselves.
    if (position !== id || this.#shown.has(channel)) {
      expect(compareCursors(id, position), `I3 Order: ${id} after ${position}`).toBeGreaterThan(0);
      const isProved = log.hides(position, id, this.#events) || (!this.#shown.has(channel) && log.isLost(position, id));
      expect(isProved, `nothing is missing between ${position} and ${id}`).toBe(true);
    }
    this.#shown.set(channel, id);
    this.#all?.add(channel + id);
    const { surprise } = this;
    this.surprise = undefined;
    surprise?.();
  }

  #gap({ channel, after, cursor, reason }: Gap): void {
    const log = this.#log(channel);
    const position = this.#position(channel);
    this.gaps++;
    expect(cursor, "a gap leads somewhere").not.toBe(after);
    expect(after === position || log.hides(position, after, this.#events), "a gap begins where we stand").toBe(true);
    if (reason === "reset") {
      expect(log.resets, "a reset of a log that was never replaced").toBeGreaterThan(0);
    } else {
      expect(compareCursors(cursor, after)).toBeGreaterThan(0);
      const missing = [...log.ever.values()].filter(
        ({ id, gone }) => gone && compareCursors(id, after) > 0 && compareCursors(id, cursor) <= 0,
      );
      expect(missing, "a gap over nothing").not.toEqual([]);
    }
    this.#shown.set(channel, cursor);
  }

  /** What has come so far was right. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Everything has come. */
  finish(): void {
    this.check();
    for (const channel of this.channels) {
      const { last, entries } = this.#server.log(channel);
      const cursor = this.cursors.get(channel);
      expect(cursor, `${channel}: the cursor stands at the end of the log`).toBe(last);
      const position = this.#position(channel);
      const rest = entries.filter((entry) => compareCursors(entry.id, position) > 0 && isShown(entry, this.#events));
      expect(rest, `${channel}: nothing is missing at the end`).toEqual([]);
      const { resets } = this.#server.log(channel);
      const born = this.#born.get(channel);
      const first = this.cursors.first.get(channel) as RealtimeCursor;
      const isEarly = born !== undefined && resets === 0 && compareCursors(first, born) < 0;
      expect(isEarly, `${channel}: a listener from now on began at ${first}, before ${born}`).toBe(false);
      const unseen = entries.filter((entry) => isShown(entry, this.#events) && this.#all?.has(channel + entry.id) === false);
      expect(resets === 0 ? unseen : [], `${channel}: history is all that is held`).toEqual([]);
    }
  }
}
