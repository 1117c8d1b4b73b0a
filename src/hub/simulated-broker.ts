import type { Broker, Entry, Listener, ListenerHandlers, Location, Page } from "../brokers/broker.ts";
import { compareCursors, isOrigin, ORIGIN, originAt, type RealtimeCursor } from "../protocol/cursor.ts";
import { TidingsError } from "../protocol/error.ts";

/** A request to the broker: the broker executes it at one step, and its answer arrives at a later one. */
interface Request {
  execute: () => void;
  answer: () => void;
  /** The broker answers with an error that another attempt would get too, or would not: nobody can tell. */
  refuse: () => void;
  fail: () => void;
}

/**
 * A broker for tests, one step at a time: what is published, heard, executed and answered moves only when the test says so, and
 * the two connections are independent of each other. One channel.
 */
export class SimulatedBroker implements Broker {
  /** What the log holds. */
  entries: Entry[] = [];
  last: RealtimeCursor = ORIGIN;
  /** Every entry that was ever stored, in order: the truth. */
  readonly stored: Entry[] = [];
  /** Announced, not yet heard. */
  readonly announced: Entry[] = [];
  readonly asked: Request[] = [];
  readonly executed: Request[] = [];
  #handlers: ListenerHandlers | undefined;
  #pendingJoin: (() => void) | undefined;
  #subscribed = false;
  #connected = true;
  /** Whether the subscription's connection is up. */
  #hearing = true;
  #clock = 0;
  /** The time on the store's clock; `undefined` when it tells none. Ids begin at 1,001. */
  now: number | undefined;
  aliveSince: number | undefined;

  store(keep: number = Number.POSITIVE_INFINITY, json?: string): Entry {
    const id = `${Math.max(1_000 + ++this.#clock, this.now ?? 0)}-0` as RealtimeCursor;
    const entry: Entry = { id, prev: this.last, event: "e.v", json: json ?? String(this.#clock) };
    this.last = id;
    this.entries.push(entry);
    this.stored.push(entry);
    this.trim(keep);
    if (this.#subscribed && this.#hearing) this.announced.push(entry);
    return entry;
  }

  trim(keep: number): void {
    if (this.entries.length > keep) this.entries = this.entries.slice(this.entries.length - keep);
  }

  /** Someone takes one entry out of the log by hand. The last id stays what it was. */
  remove(index: number): Entry | undefined {
    return this.entries.splice(index, 1)[0];
  }

  expire(): void {
    this.entries = [];
    this.last = ORIGIN;
  }

  /** Failover to a replica that lacks the newest entries. */
  loseNewest(count: number): void {
    this.entries = this.entries.slice(0, Math.max(0, this.entries.length - count));
    this.last = this.entries.at(-1)?.id ?? ORIGIN;
    this.disconnect();
  }

  /** @param isWhole not of an entry that is too long to be sent along */
  hearNext(isWhole = true): void {
    const entry = this.announced.shift();
    if (entry && isWhole) this.#handlers?.entry("c", entry);
    else if (entry) this.#handlers?.moved("c", entry.id, entry.prev);
  }

  acknowledgeJoin(): void {
    if (!this.#hearing || !this.#pendingJoin) return;
    this.#subscribed = true;
    const resolve = this.#pendingJoin;
    this.#pendingJoin = undefined;
    resolve();
  }

  /** Both connections break. */
  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    for (const request of [...this.asked.splice(0), ...this.executed.splice(0)]) request.fail();
    this.loseSubscription();
  }

  reconnect(): void {
    this.#connected = true;
    this.restoreSubscription();
  }

  loseSubscription(): void {
    if (!this.#hearing) return;
    this.#hearing = false;
    this.announced.length = 0;
    this.#handlers?.lost();
  }

  restoreSubscription(): void {
    if (this.#hearing || !this.#connected) return;
    this.#hearing = true;
    if (this.#subscribed) this.#handlers?.restored(["c"]);
  }

  /** An entry is stored but never announced: the broker refused the announcement. */
  loseAnnouncement(): void {
    this.announced.pop();
  }

  executeNext(): void {
    const request = this.asked.shift();
    if (!request) return;
    request.execute();
    this.executed.push(request);
  }

  answerNext(): void {
    this.executed.shift()?.answer();
  }

  refuseNext(): void {
    (this.executed.shift() ?? this.asked.shift())?.refuse();
  }

  append(): Promise<RealtimeCursor> {
    return Promise.resolve(this.store().id);
  }

  read(_channel: string, after: RealtimeCursor): Promise<Page> {
    return this.#ask(() => {
      // Pages of three: most reads take several.
      const entries = this.entries.filter((entry) => compareCursors(entry.id, after) > 0).slice(0, 3);
      return { entries, ...this.#end };
    });
  }

  locate(_channel: string, { newest }: { newest: number }): Promise<Location> {
    return this.#ask(() => {
      const oldest = newest === 0 ? undefined : this.entries.at(-Math.min(newest, this.entries.length));
      return { after: oldest?.prev ?? this.#end.last, ...this.#end };
    });
  }

  get #end(): Pick<Page, "last" | "aliveSince"> {
    const last = isOrigin(this.last) && this.now !== undefined ? originAt(this.now) : this.last;
    return { last, aliveSince: this.aliveSince };
  }

  listen(handlers: ListenerHandlers): Listener {
    this.#handlers = handlers;
    return {
      join: () =>
        new Promise<void>((resolve) => {
          this.#pendingJoin = resolve;
        }),
      leave: () => {
        this.#subscribed = false;
        this.#pendingJoin = undefined;
        this.announced.length = 0;
      },
      close: () => {},
    };
  }

  close(): Promise<void> {
    for (const request of [...this.asked.splice(0), ...this.executed.splice(0)]) request.fail();
    return Promise.resolve();
  }

  #ask<T>(look: () => T): Promise<T> {
    if (!this.#connected)
      return Promise.reject(new TidingsError("broker_unavailable", "the simulated broker is not connected."));
    return new Promise<T>((resolve, reject) => {
      let found: T;
      this.asked.push({
        execute: () => (found = look()),
        answer: () => resolve(found),
        refuse: () => reject(new TidingsError("broker_refused", "the simulated broker refuses.")),
        fail: () => reject(new TidingsError("broker_unavailable", "the simulated connection was lost.")),
      });
    });
  }
}
