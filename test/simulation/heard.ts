import { compareCursors, isOrigin, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { demand } from "../support/ledger.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";

/** What every server had heard of when a stream was asked for: who joins it knows no less. */
export class Heard {
  readonly #redis: SimulatedRedis;
  readonly #ends: ReadonlyMap<string, RealtimeCursor>;

  constructor(redis: SimulatedRedis, channels: readonly string[]) {
    this.#redis = redis;
    this.#ends = new Map(channels.map((channel) => [channel, redis.heard(channel)]));
  }

  /** @param tail where the log ends, as the stream says when it joins the channel */
  checkTail(channel: string, tail: RealtimeCursor): void {
    const { last, resets } = this.#redis.log(channel);
    // Of a log that was replaced, servers that lag know what nobody else does.
    if (resets > 0) return;
    const end = this.#ends.get(channel);
    if (end === undefined) throw new Error(`${channel} is joined, which was not asked for`);
    const isSound = compareCursors(tail, end) >= 0 && (compareCursors(tail, last) <= 0 || isOrigin(tail));
    demand(isSound, () => `${channel}: the tail is ${tail}, of a log that ends at ${last} and was known up to ${end}`);
  }
}
