/** What one subscriber was shown of one channel, checked against the log at each step: the oracle of the tests that know the whole truth. */
import { isShown, type FakeLog } from "../../src/client/fake-server.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Gap } from "../../src/protocol/frames.ts";

/** Compares by hand: an assertion library would take most of the time of a simulation. @throws when `isKept` is false */
export function demand(isKept: boolean, what: () => string): void {
  if (!isKept) throw new Error(what());
}

export class Ledger {
  /** Whether anything was shown. */
  isBegun = false;
  readonly #log: FakeLog;
  /** Which events are shown; none: all. */
  readonly #events: readonly string[];
  /** Where the subscriber began. */
  readonly #first: () => RealtimeCursor;
  #shown: RealtimeCursor | undefined;
  /** The newest that was shown is a reset. */
  #isReset = false;

  constructor(log: FakeLog, events: readonly string[], first: () => RealtimeCursor) {
    this.#log = log;
    this.#events = events;
    this.#first = first;
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
    // The newest n begin with themselves.
    if (position !== id || this.isBegun) {
      demand(compareCursors(id, position) > 0, () => `I3 Order: ${id} after ${position}`);
      demand(this.#hasAllUpTo(id), () => `something is missing between ${position} and ${id}`);
    }
    this.isBegun = true;
    this.#isReset = false;
    this.#shown = id;
  }

  gap({ after, cursor, reason }: Gap): void {
    const log = this.#log;
    const { position } = this;
    demand(cursor !== after, () => `a gap that leads nowhere: ${after}`);
    demand(after === position || this.#hasAllUpTo(after), () => `a gap after ${after} for who stands at ${position}`);
    if (reason === "reset") {
      demand(log.resets > 0, () => "a reset of a log that was never replaced");
    } else {
      demand(compareCursors(cursor, after) > 0, () => `a gap that leads back, from ${after} to ${cursor}`);
      demand(log.mayTellGap(after, cursor), () => `a gap over nothing, from ${after} to ${cursor}`);
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

  /** Whether nothing that was to be shown lies before `id`. */
  #hasAllUpTo(id: RealtimeCursor): boolean {
    const log = this.#log;
    const { position } = this;
    // Who begins in a log that was replaced, or was told so, may be shown what somebody still had of the one before.
    const isAnew = log.resets > 0 && (!this.isBegun || this.#isReset);
    return log.hides(position, id, this.#events) || (isAnew && log.isEmpty(position, id, this.#events));
  }
}
