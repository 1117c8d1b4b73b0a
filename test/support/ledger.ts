/** What one subscriber was shown of one channel, checked against the log at each step: the oracle of the tests that know the whole truth. */
import { isShown, type FakeLog } from "../../src/client/fake-server.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Gap } from "../../src/protocol/frames.ts";

/** Compares by hand: an assertion library would take most of the time of a simulation. @throws when `isKept` is false */
export function demand(isKept: boolean, what: () => string): void {
  if (!isKept) throw new Error(what());
}

/** What servers may still have of the lives that a log has had. */
export interface FormerLives {
  /** Whether an entry that was shown may be shown again, once a reset was told. */
  mayReturn(id: RealtimeCursor): boolean;
  /** Whether an entry went down with a life of the log that is over. */
  isFormer(id: RealtimeCursor): boolean;
}

const NO_FORMER_LIVES: FormerLives = { mayReturn: () => false, isFormer: () => false };

/** What a subscriber wants, and what it cannot be spared. */
export interface LedgerOptions {
  /** Which events are shown; none: all. */
  readonly events: readonly string[];
  /** Where the subscriber began. */
  first(): RealtimeCursor;
  /** @default who was told of a reset is shown nothing of the life before */
  readonly former?: FormerLives | undefined;
}

/** Ids are unique over all lives of a log here, as times are: an id stands for one entry for ever. */
export class Ledger {
  /** Whether anything was shown. */
  isBegun = false;
  readonly #log: FakeLog;
  readonly #events: readonly string[];
  readonly #first: () => RealtimeCursor;
  readonly #former: FormerLives;
  #shown: RealtimeCursor | undefined;
  /** The newest that was shown is a reset. */
  #isReset = false;
  /** Events that were shown, over all lives of the log. */
  readonly #seen = new Set<string>();

  constructor(log: FakeLog, { events, first, former = NO_FORMER_LIVES }: LedgerOptions) {
    this.#log = log;
    this.#events = events;
    this.#first = first;
    this.#former = former;
  }

  /** Where the subscriber stands by what it was shown, which is not always where its cursor stands: hidden entries lie between. */
  get position(): RealtimeCursor {
    return this.#shown ?? this.#first();
  }

  event(id: RealtimeCursor, event: string): void {
    const log = this.#log;
    const { position } = this;
    const entry = log.ever.get(id);
    demand(entry?.event === event && isShown(entry, this.#events), () => `an event that was not asked for: ${id} ${event}`);
    // A reset forgives an order, and no repetition.
    demand(!this.#seen.has(id) || this.#former.mayReturn(id), () => `I3 Order: ${id} is shown again`);
    this.#seen.add(id);
    // The newest n begin with themselves.
    if (position !== id || this.isBegun) {
      demand(compareCursors(id, position) > 0, () => `I3 Order: ${id} after ${position}`);
      // Who was told that the log was replaced may then be shown what its server hears of the one before, late and for the first time.
      const isLate = this.#isReset && this.#former.isFormer(id) && log.isEmpty(position, id, this.#events);
      demand(isLate || log.hides(position, id, this.#events), () => `something is missing between ${position} and ${id}`);
    }
    this.isBegun = true;
    this.#isReset = false;
    this.#shown = id;
  }

  gap({ after, cursor, reason }: Gap): void {
    const log = this.#log;
    const { position } = this;
    demand(cursor !== after, () => `a gap that leads nowhere: ${after}`);
    demand(log.hides(position, after, this.#events), () => `a gap after ${after} for who stands at ${position}`);
    if (reason === "reset") {
      demand(log.resets > 0, () => "a reset of a log that was never replaced");
    } else {
      demand(compareCursors(cursor, after) > 0, () => `a gap that leads back, from ${after} to ${cursor}`);
      demand(log.mayTellGap(after, cursor), () => `a gap over nothing (${reason}), from ${after} to ${cursor}`);
    }
    this.isBegun = true;
    this.#isReset = reason === "reset";
    this.#shown = cursor;
  }

  /** Entries that the log holds and the subscriber was to be shown, and was not. */
  missing(): readonly RealtimeCursor[] {
    const { position } = this;
    const { entries } = this.#log;
    const from = entries.findLastIndex(({ id }) => compareCursors(id, position) <= 0) + 1;
    const missing = entries.slice(from).filter((entry) => isShown(entry, this.#events));
    return missing.map(({ id }) => id);
  }

  /** Who keeps no cursor of its own goes on where it was told to: what it was shown since may come again. */
  rewind(to: RealtimeCursor): void {
    this.isBegun = true;
    this.#isReset = false;
    this.#shown = to;
  }
}
