/** Logs that several servers share, each over two connections of its own that delay and break. */
import type {
  Broker,
  Draft,
  Entry,
  Listener,
  ListenerHandlers,
  LocateRange,
  Location,
  Page,
  ReadOptions,
} from "../../src/brokers/broker.ts";
import type { FakeEntry } from "../../src/client/fake-server.ts";
import type { Timer } from "../../src/protocol/clock.ts";
import { compareCursors, isOrigin, ORIGIN, originAt, timeOf, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { MAX_ANNOUNCED_BYTES } from "../../src/protocol/limits.ts";
import { TidingsError } from "../../src/protocol/error.ts";
import type { Chance } from "./chance.ts";
import { MAX_DELAY_MS, SimulatedLog } from "./simulated-log.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/** What an entry weighs in a page beside its JSON. */
const ENTRY_BYTES = 64;
/** A connection that broke is there again after this time at the soonest. */
const RECONNECT_MS = 50;

/** After this time each server has heard or read what was stored: it is slow, refused and deaf for no longer. */
const HEARD_MS = 60_000;

/** The time that a log lives at least after each of its entries. */
export const LIFE_MS = 3_600_000;

/** What happens to what is announced. */
export interface AnnouncementFaults {
  /** Probability that an announcement is lost, as when a buffer overflows. */
  lost: number;
  /** Probability that it is heard twice. */
  doubled: number;
}

/** The store: all that is lost here was lost to everyone. */
export class SimulatedRedis {
  readonly #time: SimulatedTime;
  readonly #logs = new Map<string, SimulatedLog>();
  readonly #brokers = new Set<SimulatedBroker>();
  readonly #keeps: number;
  readonly #isHeard: boolean;
  readonly #padding = new Map<string, string>();
  #ids = 0;
  /** How far the store's clock is before that of the world: where a log expires, the time for that has passed at once. */
  #aheadMs = 1_700_000_000_000;
  /** It began with nothing at this time, on its clock. */
  #emptyAt = 0;

  /** @param options `keeps`: entries per log; `isHeard`: what is announced is heard, or it is said that nothing is */
  constructor(time: SimulatedTime, { keeps, isHeard }: { readonly keeps: number; readonly isHeard: boolean }) {
    this.#time = time;
    this.#keeps = keeps;
    this.#isHeard = isHeard;
  }

  log(channel: string): SimulatedLog {
    const log = this.#logs.get(channel) ?? new SimulatedLog(this.#time, this);
    this.#logs.set(channel, log);
    return log;
  }

  /** The time by its own clock. */
  now(): number {
    return Math.floor(this.#time.now() + this.#aheadMs);
  }

  /** A log expires. */
  expire(channel: string): void {
    this.#aheadMs += LIFE_MS;
    this.log(channel).expire();
  }

  /** It was started again, with nothing. */
  begin(): void {
    this.#emptyAt = this.now();
  }

  get aliveSince(): number {
    return this.#emptyAt;
  }

  /** Whether a log can have lived since without a trace, by all that the store tells. @param origin the position of who knows of none */
  mayHaveForgotten(origin: RealtimeCursor): boolean {
    return this.now() - timeOf(origin) >= LIFE_MS || timeOf(origin) <= this.#emptyAt;
  }

  /** @param size bytes of its payload, about */
  store(channel: string, event: string, size: number = 0): RealtimeCursor {
    const log = this.log(channel);
    // Unique over all lives of a log, as times are.
    this.#ids = Math.max(this.#ids + 1, this.now());
    const id = `${this.#ids}-0` as RealtimeCursor;
    log.append(id, event);
    log.trim(this.#keeps);
    // Spaces behind a value are no part of it.
    if (size > 0) this.#padding.set(id, " ".repeat(size));
    const entry = this.entryOf(log.ever.get(id) as FakeEntry);
    for (const broker of this.#brokers) broker.announce(channel, { ...entry, keeps: this.#keeps });
    return id;
  }

  /** How far every server has heard of a channel. */
  heard(channel: string): RealtimeCursor {
    if (!this.#isHeard) return ORIGIN;
    const limit = this.#time.now() - HEARD_MS;
    const log = this.log(channel);
    return log.entries.findLast(({ id }) => log.storedAt(id) < limit)?.id ?? ORIGIN;
  }

  entryOf({ id, prev, event }: FakeEntry): Entry {
    return { id, prev, event, json: JSON.stringify(id) + (this.#padding.get(id) ?? "") };
  }

  connect(chance: Chance, faults: AnnouncementFaults): SimulatedBroker {
    const broker = new SimulatedBroker(this, this.#time, chance, faults);
    this.#brokers.add(broker);
    return broker;
  }

  forget(broker: SimulatedBroker): void {
    this.#brokers.delete(broker);
  }
}

/** One direction of a connection: what is sent arrives in order, later. */
class Wire {
  readonly #time: SimulatedTime;
  readonly #delay: () => number;
  readonly #pending = new Set<Timer>();
  #last = 0;

  constructor(time: SimulatedTime, delay: () => number) {
    this.#time = time;
    this.#delay = delay;
  }

  send(arrive: () => void): void {
    this.#last = Math.max(this.#last, this.#time.now() + this.#delay());
    const timer = this.#time.setTimeout(() => {
      this.#pending.delete(timer);
      arrive();
    }, this.#last - this.#time.now());
    this.#pending.add(timer);
  }

  /** What is under way is lost. */
  cut(): void {
    for (const timer of this.#pending) this.#time.clearTimeout(timer);
    this.#pending.clear();
    this.#last = 0;
  }
}

/** What one server sees of the store. */
export class SimulatedBroker implements Broker {
  readonly #redis: SimulatedRedis;
  readonly #time: SimulatedTime;
  readonly #chance: Chance;
  readonly #faults: AnnouncementFaults;
  readonly #requests: Wire;
  readonly #answers: Wire;
  readonly #announcements: Wire;
  /** Requests that were not answered yet. */
  readonly #open = new Set<() => void>();
  #handlers: ListenerHandlers | undefined;
  /** What this server hears, as the store sees it. */
  readonly #heard = new Set<string>();
  /** What it wants to hear, with who waits for the acknowledgement. */
  readonly #wanted = new Map<string, (() => void) | undefined>();
  #isUp = true;
  #isHearing = true;
  /** Nothing comes any more on the connection of the subscription, and nobody was told. */
  #isHalfOpen = false;
  /** Until when it takes longer than usual to answer. */
  slowUntil = 0;
  /** Until when what is announced takes longer than usual. */
  lateUntil = 0;
  /** Until when it answers with an error, as one that is full or read-only. */
  refusesUntil = 0;

  constructor(redis: SimulatedRedis, time: SimulatedTime, chance: Chance, faults: AnnouncementFaults) {
    this.#redis = redis;
    this.#time = time;
    this.#chance = chance;
    this.#faults = faults;
    const delay = (isSlow: boolean): number => 0.2 + chance.next() ** 4 * (isSlow ? MAX_DELAY_MS : 20);
    this.#requests = new Wire(time, () => delay(time.now() < this.slowUntil));
    this.#answers = new Wire(time, () => delay(time.now() < this.slowUntil));
    this.#announcements = new Wire(time, () => delay(time.now() < this.lateUntil));
  }

  /** Both connections break; they are there again when {@link heal} was called. */
  break(): void {
    this.#isUp = false;
    this.#requests.cut();
    this.#answers.cut();
    for (const fail of [...this.#open]) fail();
    this.deafen();
  }

  /** The connection of the subscription falls silent; a probe finds out later. */
  halfOpen(probeMs: number): void {
    if (!this.#isHearing || this.#isHalfOpen) return;
    this.#isHalfOpen = true;
    this.#announcements.cut();
    this.#time.setTimeout(() => {
      if (this.#isHalfOpen) this.deafen();
    }, probeMs);
  }

  /** The connection of the subscription breaks. It comes back by itself. */
  deafen(): void {
    if (!this.#isHearing) return;
    this.#isHearing = this.#isHalfOpen = false;
    this.#announcements.cut();
    this.#heard.clear();
    this.#handlers?.lost();
    if (this.#isUp) this.#listenAgain();
  }

  heal(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#listenAgain();
  }

  announce(channel: string, entry: Entry): void {
    if (!this.#heard.has(channel) || this.#isHalfOpen || this.#chance.happens(this.#faults.lost)) return;
    // What is large is not sent along, only that it is there.
    const isLarge = entry.json.length > MAX_ANNOUNCED_BYTES;
    const hear = (): void => {
      if (isLarge) this.#handlers?.moved(channel, entry.id, entry.prev);
      else this.#handlers?.entry(channel, entry);
    };
    this.#announcements.send(hear);
    if (this.#chance.happens(this.#faults.doubled)) this.#announcements.send(hear);
  }

  append(channel: string, { event, json }: Draft): Promise<RealtimeCursor> {
    return this.#ask(() => this.#redis.store(channel, event, json.length));
  }

  read(channel: string, after: RealtimeCursor, { pageBytes }: ReadOptions): Promise<Page> {
    return this.#ask(() => {
      const { entries, last } = this.#redis.log(channel);
      const page: Entry[] = [];
      let at = entries.findLastIndex(({ id }) => compareCursors(id, after) <= 0) + 1;
      for (let bytes = 0; at < entries.length && bytes < pageBytes; at++) {
        const entry = this.#redis.entryOf(entries[at] as FakeEntry);
        bytes += ENTRY_BYTES + entry.json.length;
        page.push(entry);
      }
      return { entries: page, ...this.#end(last) };
    });
  }

  locate(channel: string, { newest }: LocateRange): Promise<Location> {
    return this.#ask(() => {
      const { entries, last } = this.#redis.log(channel);
      const oldest = newest === 0 ? undefined : entries.at(-Math.min(newest, entries.length));
      const end = this.#end(last);
      return { after: oldest?.prev ?? end.last, ...end };
    });
  }

  #end(last: RealtimeCursor): Pick<Page, "last" | "aliveSince"> {
    return { last: isOrigin(last) ? originAt(this.#redis.now()) : last, aliveSince: this.#redis.aliveSince };
  }

  listen(handlers: ListenerHandlers): Listener {
    this.#handlers = handlers;
    return {
      join: (channel) =>
        new Promise<void>((resolve) => {
          this.#wanted.set(channel, resolve);
          if (this.#isHearing) this.#subscribe(channel);
        }),
      leave: (channel) => {
        this.#wanted.delete(channel);
        this.#heard.delete(channel);
      },
      close: () => this.#redis.forget(this),
    };
  }

  close(): Promise<void> {
    this.#handlers = undefined;
    this.#redis.forget(this);
    this.break();
    return Promise.resolve();
  }

  #subscribe(channel: string): void {
    if (this.#isHalfOpen) return;
    this.#announcements.send(() => {
      if (!this.#wanted.has(channel)) return;
      this.#heard.add(channel);
      this.#announcements.send(() => {
        if (!this.#heard.has(channel)) return;
        const acknowledge = this.#wanted.get(channel);
        this.#wanted.set(channel, undefined);
        if (acknowledge) acknowledge();
        else this.#handlers?.restored([channel]);
      });
    });
  }

  #listenAgain(): void {
    this.#time.setTimeout(
      () => {
        if (!this.#isUp || this.#isHearing) return;
        this.#isHearing = true;
        for (const channel of this.#wanted.keys()) this.#subscribe(channel);
      },
      RECONNECT_MS + this.#chance.below(500),
    );
  }

  #ask<T>(execute: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (): void => {
        this.#open.delete(fail);
        reject(new TidingsError("broker_unavailable", "the simulated store cannot be reached."));
      };
      if (!this.#isUp) return fail();
      this.#open.add(fail);
      this.#requests.send(() => {
        const isRefused = this.#time.now() < this.refusesUntil;
        const found = isRefused ? undefined : execute();
        this.#answers.send(() => {
          this.#open.delete(fail);
          if (isRefused) reject(new TidingsError("broker_refused", "the simulated store refuses."));
          else resolve(found as T);
        });
      });
    });
  }
}
