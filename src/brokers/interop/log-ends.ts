import { TidingsError } from "../../protocol/error.ts";
import { isRealtimeCursor, type RealtimeCursor } from "../../protocol/cursor.ts";
import lastId from "../redis/scripts/last-id.lua";
import tails from "../redis/scripts/tails.lua";
import type { RedisTransport } from "../redis/transport.ts";

const TAILS = `${lastId}\n${tails}`;

/** Logs that one script looks at. */
const LOGS = 500;
/** How long a look may take. */
const LOOK_TIMEOUT_MS = 5_000;

/** Someone whose log is looked at. */
export interface LookedAt {
  readonly channel: string;
  readonly key: string;
}

/** Where a log ends, or why that cannot be told. */
export type LogEnd =
  | { readonly kind: "ends"; readonly last: RealtimeCursor }
  /** It is no log, or we may not look at it. @property error absent when a read will say why */
  | { readonly kind: "refused"; readonly error?: TidingsError }
  /** Nobody could be asked. */
  | { readonly kind: "unreachable" };

/** Looks where logs end. */
export class LogEnds {
  readonly #transport: RedisTransport;
  readonly #address: string;
  readonly #perScript: number;

  /** @param isCluster whether a script may look at one log only */
  constructor(transport: RedisTransport, address: string, isCluster: boolean) {
    this.#transport = transport;
    this.#address = address;
    this.#perScript = isCluster ? 1 : LOGS;
  }

  /** Looks at all of them, and tells of each once. Never rejects. */
  async look<Target extends LookedAt>(targets: readonly Target[], found: (target: Target, end: LogEnd) => void): Promise<void> {
    const batches: Array<readonly Target[]> = [];
    for (let at = 0; at < targets.length; at += this.#perScript) batches.push(targets.slice(at, at + this.#perScript));
    await Promise.all(batches.map((batch) => this.#lookAt(batch, found)));
  }

  async #lookAt<Target extends LookedAt>(
    batch: readonly Target[],
    found: (target: Target, end: LogEnd) => void,
  ): Promise<void> {
    const [first] = batch as [Target];
    let reply: unknown;
    try {
      const keys = batch.map(({ key }) => key);
      reply = await this.#transport.send({
        attempt: { kind: "join", channel: first.channel, address: this.#address },
        key: first.key,
        name: "EVAL",
        args: [TAILS, String(keys.length), ...keys],
        bytes: TAILS.length + keys.length * first.key.length,
        timeoutMs: LOOK_TIMEOUT_MS,
      });
    } catch (error) {
      const isRefused = error instanceof TidingsError && error.code === "broker_refused";
      if (!isRefused) {
        for (const target of batch) found(target, { kind: "unreachable" });
      } else if (batch.length === 1) {
        found(first, { kind: "refused", error });
      } else {
        // One key that the user may not read is enough to have them all refused.
        const half = Math.ceil(batch.length / 2);
        await Promise.all([this.#lookAt(batch.slice(0, half), found), this.#lookAt(batch.slice(half), found)]);
      }
      return;
    }
    const ids = Array.isArray(reply) ? (reply as unknown[]) : [];
    for (const [at, target] of batch.entries()) {
      const last = ids[at];
      found(target, isRealtimeCursor(last) ? { kind: "ends", last } : { kind: "refused" });
    }
  }
}
