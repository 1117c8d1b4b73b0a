import type { Clock } from "../../protocol/clock.ts";
import { isRealtimeCursor, type RealtimeCursor } from "../../protocol/cursor.ts";
import { isTidingsError } from "../../protocol/error.ts";
import { ONCE_MS } from "../../protocol/limits.ts";
import type { Draft, Retention } from "../broker.ts";
import type { RedisAdapter, XAddOptions } from "./adapter.ts";
import type { Calls } from "./calls.ts";
import { appendError, idlessError, unansweredError, unsearchedError, unsentError } from "./failures.ts";
import type { AdapterLog, LogName } from "./log.ts";
import { encodePayload, maxLenOf } from "./payload.ts";

/** What {@link Appends} works with. */
export interface AppendsContext {
  readonly adapter: RedisAdapter;
  readonly calls: Calls;
  readonly log: AdapterLog;
  readonly clock: Clock;
  /** Epoch milliseconds, to compare with the times in ids. */
  readonly now: () => number;
}

/** Who is asked in the last moments of an emit's time cannot answer in time any more. */
const LEAST_MS = 20;
/**
 * Stands for "never expires", 68 years. To leave the option out would leave an expiry in place that was set under an earlier
 * retention.
 */
const NEVER_SECS = 2 ** 31 - 1;

/** What was stored under a caller's own id. */
interface Once {
  readonly id: RealtimeCursor;
  readonly forgottenAt: number;
}

/** Appends through `xadd`: those of one channel one after the other, for an adapter need not keep the order of its calls. */
export class Appends {
  readonly #context: AppendsContext;
  /** By channel: settles when the newest append has. */
  readonly #turns = new Map<string, Promise<void>>();
  /** By channel and id; the oldest comes first. */
  readonly #once = new Map<string, Once>();

  constructor(context: AppendsContext) {
    this.#context = context;
  }

  append(log: LogName, draft: Draft, retention: Retention, timeoutMs: number): Promise<RealtimeCursor> {
    const { calls, clock } = this.#context;
    const until = clock.now() + timeoutMs;
    let isSent = false;
    let isOver = false;
    const late = (): Error => {
      isOver = true;
      return isSent ? unansweredError(log.channel, timeoutMs) : unsentError(log.channel, timeoutMs);
    };
    const before = this.#turns.get(log.channel);
    const stored = calls.run({ limitMs: timeoutMs, late }, async () => {
      await before;
      const earlier = draft.onceId === undefined ? undefined : await this.#earlier(log, draft.onceId);
      if (earlier !== undefined) return earlier;
      if (isOver || calls.isClosed || until - clock.now() < LEAST_MS) throw unsentError(log.channel, timeoutMs);
      isSent = true;
      return await this.#add(log, draft, retention);
    });
    const turn = stored.then(
      () => {},
      () => {},
    );
    this.#turns.set(log.channel, turn);
    void turn.then(() => {
      if (this.#turns.get(log.channel) === turn) this.#turns.delete(log.channel);
    });
    return stored;
  }

  async #add(log: LogName, draft: Draft, { maxLength, expireAfterMs }: Retention): Promise<RealtimeCursor> {
    const { adapter, clock } = this.#context;
    const maxLen = maxLenOf(maxLength);
    const options: XAddOptions = {
      ...(maxLen !== undefined && { maxLen }),
      expireAfterSecs: Math.min(NEVER_SECS, Math.max(1, Math.ceil(expireAfterMs / 1_000))),
    };
    let id: unknown;
    try {
      id = await adapter.xadd(log.key, encodePayload(draft, maxLength), options);
    } catch (error) {
      throw appendError(log.channel, error);
    }
    if (!isRealtimeCursor(id)) throw idlessError(log.channel, id);
    if (draft.onceId !== undefined) this.#once.set(onceKey(log, draft.onceId), { id, forgottenAt: clock.now() + ONCE_MS });
    return id;
  }

  /**
   * What was stored under the caller's own id within five minutes: by this process, or by another one if the log still holds it.
   * Four methods have no step that looks and adds at once, so that two processes can both add at the same moment.
   */
  async #earlier(log: LogName, onceId: string): Promise<RealtimeCursor | undefined> {
    const { clock, now } = this.#context;
    for (const [key, { forgottenAt }] of this.#once) {
      if (forgottenAt > clock.now()) break;
      this.#once.delete(key);
    }
    const known = this.#once.get(onceKey(log, onceId));
    if (known) return known.id;
    const since = `${Math.max(0, Math.floor(now() - ONCE_MS))}-0` as RealtimeCursor;
    try {
      return await this.#context.log.find(log, since, onceId);
    } catch (error) {
      throw isTidingsError(error) ? unsearchedError(log.channel, error) : error;
    }
  }
}

function onceKey({ channel }: LogName, onceId: string): string {
  return `${channel} ${onceId}`;
}
