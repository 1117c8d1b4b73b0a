import type { Clock, Timer } from "../../../protocol/clock.ts";
import { compareCursors, type RealtimeCursor } from "../../../protocol/cursor.ts";

/** An append that this process made. */
export interface StoredEntry {
  readonly key: string;
  /** Where it was announced. */
  readonly live: string;
  readonly id: RealtimeCursor;
  /** When its request was sent. */
  readonly sentAt: number;
}

interface AnnouncementsOptions {
  readonly clock: Clock;
  /** Announces an entry with a `PUBLISH` of its own. */
  readonly ring: (entry: StoredEntry) => void;
  /** A stream that looks well does not hear what it should. */
  readonly deaf: (live: string) => void;
  /** What scripts publish is not told to streams. */
  readonly unheard: () => void;
}

/** How long what was announced may take to be heard. */
const HEARING_MS = 2_000;

/**
 * Finds out whether a `PUBLISH` from inside a script reaches the service's streams: whether it does is not documented. Each append
 * announces itself so. The first one to a channel that this process has a stream of is the test:
 *
 * - Its announcement is heard: all is well, and nothing is tested again.
 * - It is not: then the same is said with a `PUBLISH` of its own. If the stream hears that, scripts cannot announce, and from now on such a
 *   `PUBLISH` goes out with each append of this process (with the next request of the key, or in one of its own). If not, the stream
 *   is at fault, and is opened anew.
 *
 * A process that has no streams of what it appends to finds nothing out. Those who listen hear nothing of it then, see so when they
 * look where the logs end, and look every second from then on ({@link TailWatch}).
 */
export class Announcements {
  readonly #options: AnnouncementsOptions;
  /** Since when there is an unbroken stream of a live channel. */
  readonly #upSince = new Map<string, number>();
  #finding: "none" | "scripts are heard" | "scripts are not heard" = "none";
  #test: { readonly entry: StoredEntry; readonly timer: Timer; hasRung: boolean } | undefined;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  /** The stream of a live channel was acknowledged. */
  up(live: string): void {
    this.#upSince.set(live, this.#options.clock.now());
  }

  /** It broke, or was closed. */
  down(live: string): void {
    this.#upSince.delete(live);
    if (this.#test?.entry.live === live) this.#end();
  }

  stored(entry: StoredEntry): void {
    if (this.#finding === "scripts are not heard") {
      this.#options.ring(entry);
      return;
    }
    const since = this.#upSince.get(entry.live) ?? Number.POSITIVE_INFINITY;
    if (this.#finding === "none" && !this.#test && since < entry.sentAt) this.#start(entry, false);
  }

  /** A script's announcement was heard. */
  heard(): void {
    this.#finding = "scripts are heard";
    this.#end();
  }

  /** An announcement by a command was heard. */
  rung(live: string, id: RealtimeCursor): void {
    const test = this.#test;
    if (!test?.hasRung || test.entry.live !== live || compareCursors(id, test.entry.id) < 0) return;
    this.#end();
    this.#finding = "scripts are not heard";
    this.#options.unheard();
  }

  close(): void {
    this.#end();
  }

  #start(entry: StoredEntry, hasRung: boolean): void {
    const timer = this.#options.clock.setTimeout(() => this.#missed(), HEARING_MS);
    this.#test = { entry, timer, hasRung };
  }

  #missed(): void {
    const test = this.#test;
    if (!test) return;
    this.#end();
    if (test.hasRung) {
      this.#options.deaf(test.entry.live);
      return;
    }
    this.#start(test.entry, true);
    this.#options.ring(test.entry);
  }

  #end(): void {
    this.#options.clock.clearTimeout(this.#test?.timer);
    this.#test = undefined;
  }
}
