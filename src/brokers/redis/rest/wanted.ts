import type { RealtimeCursor } from "../../../protocol/cursor.ts";
import { compareCursors } from "../../../protocol/cursor.ts";
import type { TidingsError } from "../../../protocol/error.ts";
import type { EventStream } from "./event-stream.ts";

/** A channel that is listened to over REST, and how it is. */
export class Wanted {
  readonly channel: string;
  readonly key: string;
  readonly live: string;
  stream: EventStream | undefined;
  /** Whether the end of its log is looked at every second: there is no stream of it, or none that can be counted on. */
  isPolled = false;
  /** Times in a row that its streams did not hear of what was stored. */
  misses = 0;
  /** Whether its stream is not counted on, however well it looks. */
  isDeaf = false;
  /** Whether the service cannot make a stream of it. */
  isUnstreamable = false;
  /** Whether a join was acknowledged. */
  isJoined = false;
  /** Whether the hub was told that it is not heard. */
  isLost = false;
  /** How many looks had begun when its stream was last found well: those after it take over where the polling ended. */
  wellAt = 0;
  /** The largest id that the present stream heard of, and when it heard something last. */
  lastHeard: RealtimeCursor | undefined;
  heardAt: number = Number.NEGATIVE_INFINITY;
  /** Where the log ended at the last look, while the present stream was up. */
  seen: RealtimeCursor | undefined;
  /** An id that is in the log and was not heard of. It may be on its way. */
  suspect: RealtimeCursor | undefined;
  reopenedAt: number = Number.NEGATIVE_INFINITY;
  /** What the hub was told last. */
  told: RealtimeCursor | undefined;
  #join: Join | undefined;

  constructor(channel: string, key: string, live: string) {
    this.channel = channel;
    this.key = key;
    this.live = live;
  }

  /** Waits for the acknowledgement. */
  get joined(): Promise<void> {
    if (this.isJoined && !this.isLost) return Promise.resolve();
    this.#join ??= createJoin();
    return this.#join.promise;
  }

  acknowledge(): void {
    this.isJoined = true;
    this.#join?.resolve();
    this.#join = undefined;
  }

  reject(error: TidingsError): void {
    this.#join?.reject(error);
    this.#join = undefined;
  }

  /** Its stream heard of an entry. */
  hear(id: RealtimeCursor, now: number): void {
    this.heardAt = now;
    if (this.lastHeard === undefined || compareCursors(id, this.lastHeard) > 0) this.lastHeard = id;
    if (this.suspect !== undefined && compareCursors(id, this.suspect) >= 0) this.suspect = undefined;
  }

  /**
   * The log was looked at while its stream was up.
   * @returns whether the stream has missed something: it had a second look's time to hear of it
   */
  compare(last: RealtimeCursor): boolean {
    const known = [this.lastHeard, this.seen].filter((id) => id !== undefined);
    const isAhead = known.length > 0 && known.every((id) => compareCursors(last, id) > 0);
    const hasMissed = this.suspect !== undefined;
    this.suspect = !hasMissed && isAhead ? last : undefined;
    this.seen = last;
    return hasMissed;
  }

  /** A new stream is up. What came before it tells nothing of it. */
  restart(): void {
    this.lastHeard = undefined;
    this.seen = undefined;
    this.suspect = undefined;
    this.told = undefined;
  }
}

interface Join {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: TidingsError) => void;
}

function createJoin(): Join {
  let resolve = () => {};
  let reject: Join["reject"] = () => {};
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
