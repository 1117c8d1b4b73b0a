/** A subscriber of the tests that checks the promise at each step. */
import { compareCursors, isOrigin, ORIGIN, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Gap } from "../../src/protocol/frames.ts";
import { isShown, type FakeLog } from "../../src/client/fake-server.ts";
import type { ClientMessage, ClientSubscribeOptions, RealtimeClient } from "../../src/client/options.ts";
import { demand, Ledger, type FormerLives } from "./ledger.ts";

/** The truth that a subscriber is checked against. */
export interface Logs {
  log(channel: string): FakeLog;
  /** How far every server has heard of a channel: who is joined from now on is joined there or later. */
  heard(channel: string): RealtimeCursor;
  /** Whether a stream is open that may lag behind the log. */
  mayLag(channel: string): boolean;
  /** What servers may still have of the lives of a log; left out where they have nothing. */
  former?(channel: string): FormerLives;
  /** Whether the stream that brought an event had it from the log when it was joined; left out where nobody knows. */
  isReplay?(id: string): boolean;
}

/** The cursors of a listener, which remember where each channel began. */
class Cursors extends Map<string, RealtimeCursor> {
  readonly first: Map<string, RealtimeCursor> = new Map();
  override set(channel: string, cursor: RealtimeCursor): this {
    if (!this.has(channel)) this.first.set(channel, cursor);
    return super.set(channel, cursor);
  }
}

/** A wish for the newest n of a channel that was not met yet. */
interface Newest {
  readonly count: number;
  /** Nothing before it is among them. */
  readonly from: RealtimeCursor;
  /** The first that was shown, where it lies before: as many at most, then a gap must follow. */
  early?: RealtimeCursor;
  shown: number;
}

/** A subscriber that checks the promise at each step. */
export class CheckedSubscriber {
  readonly cursors: Cursors = new Cursors();
  readonly #ledgers = new Map<string, Ledger>();
  readonly #client: RealtimeClient;
  readonly #server: Logs;
  readonly #events: readonly string[];
  #subscription: { readonly channels: readonly string[]; readonly end: () => void } | undefined;
  /** Called with the next event, in its handler. */
  surprise: (() => void) | undefined;
  messages = 0;
  gaps = 0;
  /** Told of each thing that is shown. */
  onShown: ((channel: string, cursor: RealtimeCursor) => void) | undefined;
  /** What a listener from now on must not be shown: the end of each log when it came, where no stream was open that lags behind. */
  readonly #born = new Map<string, RealtimeCursor>();
  readonly #newest = new Map<string, Newest>();
  /** Who wants all that is held, and neither left nor was told of a gap since: what it was shown, by channel. */
  readonly #all = new Map<string, Set<string>>();
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
    const { history } = options;
    const wantsAll = this.cursors.size === 0 && history === true;
    this.#all.clear();
    for (const channel of wantsAll ? channels : []) this.#all.set(channel, new Set());
    // As the hook does: a channel that was left begins anew.
    for (const channel of this.cursors.keys()) if (!channels.includes(channel)) this.cursors.delete(channel);
    for (const channel of this.#ledgers.keys()) if (!channels.includes(channel)) this.#ledgers.delete(channel);
    this.#newest.clear();
    for (const channel of channels) this.#noteStart(channel, options);
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

  #noteStart(channel: string, { history, after }: Pick<ClientSubscribeOptions, "history" | "after">): void {
    const log = this.#server.log(channel);
    const isNew = !this.cursors.has(channel);
    if (isNew && !history && !after && !this.#server.mayLag(channel)) this.#born.set(channel, log.last);
    else this.#born.delete(channel);
    const count = (isNew && typeof history === "object" && history.limit) || 0;
    // Of a log that was replaced, servers that lag can know what nobody else does.
    if (count === 0 || log.resets > 0) return;
    const heard = this.#server.heard(channel);
    // What nobody is shown may count or not.
    const shown = log.entries.filter(({ id, event }) => event !== "" && compareCursors(id, heard) <= 0);
    this.#newest.set(channel, { count, from: shown.at(-count)?.id ?? ORIGIN, shown: 0 });
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

  #ledger(channel: string): Ledger {
    demand(this.channels.includes(channel), () => `something comes from ${channel}, which is not subscribed to`);
    let ledger = this.#ledgers.get(channel);
    if (!ledger) {
      ledger = new Ledger(this.#server.log(channel), {
        events: this.#events,
        first: () => this.cursors.first.get(channel) as RealtimeCursor,
        former: this.#server.former?.(channel),
      });
      this.#ledgers.set(channel, ledger);
    }
    return ledger;
  }

  #data({ id, channel, event, data, replayed }: ClientMessage): void {
    const ledger = this.#ledger(channel);
    this.messages++;
    demand(data === id, () => `the data of ${id} is that of ${String(data)}`);
    const isReplay = this.#server.isReplay?.(id) ?? replayed;
    demand(replayed === isReplay, () => `${id} is shown as ${replayed ? "a replay" : "new"}, which it is not`);
    this.#isNewest(channel, id);
    ledger.event(id, event);
    this.#all.get(channel)?.add(id);
    this.onShown?.(channel, id);
    const { surprise } = this;
    this.surprise = undefined;
    surprise?.();
  }

  /** Who wants the newest n begins with one of them, and with the first that it wants to see. */
  #isNewest(channel: string, id: RealtimeCursor): void {
    const wish = this.#newest.get(channel);
    if (!wish) return;
    const { count, from } = wish;
    const log = this.#server.log(channel);
    if (wish.early || compareCursors(id, from) < 0) {
      wish.early ??= id;
      demand(++wish.shown <= count || log.resets > 0, () => `the newest ${count} begin with ${wish.early}, before ${from}`);
      return;
    }
    this.#newest.delete(channel);
    if (log.resets > 0) return;
    const held = log.entries.slice(-count).filter((entry) => isShown(entry, this.#events));
    const passed = held.find((entry) => compareCursors(entry.id, id) < 0);
    demand(!passed, () => `the newest ${count} begin with ${id}, after ${passed?.id}`);
  }

  #gap(gap: Gap): void {
    const { channel } = gap;
    this.gaps++;
    this.#newest.delete(channel);
    this.#all.delete(channel);
    this.#ledger(channel).gap(gap);
    this.onShown?.(channel, gap.cursor);
  }

  /** What has come so far was right. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Whether everything has come that is stored. */
  get hasAll(): boolean {
    return this.channels.every((channel) => {
      const cursor = this.cursors.get(channel);
      return cursor !== undefined && compareCursors(cursor, this.#server.log(channel).last) >= 0;
    });
  }

  /** What is held has come; whether the log was replaced since shows when something follows. */
  checkHeld(): void {
    this.check();
    for (const channel of this.channels) {
      const { last } = this.#server.log(channel);
      const cursor = this.cursors.get(channel);
      demand(cursor !== undefined, () => `${channel}: it was never joined`);
      demand(
        compareCursors(cursor as RealtimeCursor, last) >= 0,
        () => `${channel}: the cursor stands at ${cursor}, and the log ends at ${last}`,
      );
      const missing = this.#ledger(channel).missing();
      demand(missing.length === 0, () => `${channel}: ${missing.join()} is missing at the end`);
    }
  }

  /** Everything has come. */
  finish(): void {
    this.checkHeld();
    for (const channel of this.channels) {
      const { last, entries, resets } = this.#server.log(channel);
      const cursor = this.cursors.get(channel);
      demand(
        cursor === last || (isOrigin(last) && cursor !== undefined && isOrigin(cursor)),
        () => `${channel}: the cursor stands at ${cursor}, and the log ends at ${last}`,
      );
      if (resets > 0) continue;
      const born = this.#born.get(channel);
      const first = this.cursors.first.get(channel) as RealtimeCursor;
      demand(
        born === undefined || compareCursors(first, born) >= 0,
        () => `${channel}: a listener from now on began at ${first}, before ${born}`,
      );
      const all = this.#all.get(channel);
      const unseen = all && entries.find((entry) => isShown(entry, this.#events) && !all.has(entry.id));
      demand(!unseen, () => `${channel}: history is all that is held, and ${unseen?.id} was not shown`);
    }
  }
}
