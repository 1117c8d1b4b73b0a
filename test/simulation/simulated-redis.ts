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
} from "../../src/brokers/broker.ts";
import { FakeLog, isShown } from "../../src/client/fake-server.ts";
import type { Timer } from "../../src/protocol/clock.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { TidingsError } from "../../src/protocol/error.ts";
import type { Chance } from "./chance.ts";
import type { SimulatedTime } from "./simulated-time.ts";

const PAGE_ENTRIES = 4;
/** A connection that broke is there again after this time at the soonest. */
const RECONNECT_MS = 50;

/** What happens to what is announced. */
export interface AnnouncementFaults {
  /** Probability that an announcement is lost, as when a buffer overflows. */
  lost: number;
  /** Probability that it is heard twice. */
  doubled: number;
}

/** A log whose next life may follow the one before without a hole: who had all of that needs no gap. */
class SimulatedLog extends FakeLog {
  /** What went down with a failover: nobody can know of it who did not see it before. */
  readonly #lost = new Set<string>();

  override failOver(behind: number): void {
    const before = this.entries.map(({ id }) => id);
    super.failOver(behind);
    for (const id of before.slice(this.entries.length)) this.#lost.add(id);
  }

  override hides(from: RealtimeCursor, to: RealtimeCursor, events: readonly string[]): boolean {
    if (super.hides(from, to, events)) return true;
    for (const entry of this.ever.values()) {
      const isBetween = compareCursors(entry.id, from) > 0 && compareCursors(entry.id, to) < 0;
      if (isBetween && !this.#lost.has(entry.id) && isShown(entry, events)) return false;
    }
    return true;
  }
}

/** The store: all that is lost here was lost to everyone. */
export class SimulatedRedis {
  readonly #time: SimulatedTime;
  readonly #logs = new Map<string, FakeLog>();
  readonly #brokers = new Set<SimulatedBroker>();
  readonly #keeps: number;
  readonly #padding = new Map<string, string>();
  #ids = 1_000;

  constructor(time: SimulatedTime, keeps: number) {
    this.#time = time;
    this.#keeps = keeps;
  }

  log(channel: string): FakeLog {
    const log = this.#logs.get(channel) ?? new SimulatedLog();
    this.#logs.set(channel, log);
    return log;
  }

  /** @param size bytes of its payload, about */
  store(channel: string, event: string, size: number = 0): RealtimeCursor {
    const log = this.log(channel);
    // Unique over all lives of a log, as times are.
    const id = `${++this.#ids}-0` as RealtimeCursor;
    log.append(id, event);
    log.trim(this.#keeps);
    // Spaces behind a value are no part of it.
    if (size > 0) this.#padding.set(id, " ".repeat(size));
    const entry = this.entryOf(log.ever.get(id) as FakeLog["entries"][number]);
    for (const broker of this.#brokers) broker.announce(channel, { ...entry, keeps: this.#keeps });
    return id;
  }

  entryOf({ id, prev, event }: FakeLog["entries"][number]): Entry {
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
  /** For how long the store takes longer than usual. */
  slowUntil = 0;

  constructor(redis: SimulatedRedis, time: SimulatedTime, chance: Chance, faults: AnnouncementFaults) {
    this.#redis = redis;
    this.#time = time;
    this.#chance = chance;
    this.#faults = faults;
    const delay = (): number => 0.2 + chance.next() ** 4 * (time.now() < this.slowUntil ? 4_000 : 20);
    this.#requests = new Wire(time, delay);
    this.#answers = new Wire(time, delay);
    this.#announcements = new Wire(time, delay);
  }

  /** Both connections break; they are there again when {@link heal} was called. */
  break(): void {
    this.#isUp = false;
    this.#requests.cut();
    this.#answers.cut();
    for (const fail of [...this.#open]) fail();
    this.deafen();
  }

  /** The connection of the subscription breaks. It comes back by itself. */
  deafen(): void {
    if (!this.#isHearing) return;
    this.#isHearing = false;
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
    if (!this.#heard.has(channel) || this.#chance.happens(this.#faults.lost)) return;
    const hear = (): void => this.#handlers?.entry(channel, entry);
    this.#announcements.send(hear);
    if (this.#chance.happens(this.#faults.doubled)) this.#announcements.send(hear);
  }

  append(channel: string, { event, json }: Draft): Promise<RealtimeCursor> {
    return this.#ask(() => this.#redis.store(channel, event, json.length));
  }

  read(channel: string, after: RealtimeCursor): Promise<Page> {
    return this.#ask(() => {
      const { entries, last } = this.#redis.log(channel);
      return {
        entries: entries
          .filter(({ id }) => compareCursors(id, after) > 0)
          .slice(0, PAGE_ENTRIES)
          .map((entry) => this.#redis.entryOf(entry)),
        last,
      };
    });
  }

  locate(channel: string, { newest }: LocateRange): Promise<Location> {
    return this.#ask(() => {
      const { entries, last } = this.#redis.log(channel);
      const oldest = newest === 0 ? undefined : entries.at(-Math.min(newest, entries.length));
      return { after: oldest?.prev ?? last, last };
    });
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
        const found = execute();
        this.#answers.send(() => {
          this.#open.delete(fail);
          resolve(found);
        });
      });
    });
  }
}
