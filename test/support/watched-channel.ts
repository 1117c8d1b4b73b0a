import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import { Realtime, type Gap } from "../../src/index.ts";
import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";

/** What a subscriber of a channel was told, in order. */
export interface WatchedChannel {
  /** The data of the events, and gaps. */
  readonly seen: ReadonlyArray<number | Gap>;
  /** The events, without the gaps. */
  readonly numbers: number[];
  readonly gaps: Gap[];
  /** The ids of the events. */
  readonly ids: readonly RealtimeCursor[];
  /** Up to where the subscriber knows of everything: the last event, or gap. */
  readonly position: string | undefined;
  stop(): void;
}

/** Subscribes to events that count, `{ n }`, and writes down what comes. */
export async function watch(realtime: Realtime, channel: string): Promise<WatchedChannel> {
  const seen: Array<number | Gap> = [];
  const ids: RealtimeCursor[] = [];
  let position: RealtimeCursor | undefined;
  const stop = await realtime.channel(channel).subscribe({
    onData({ id, data }) {
      seen.push((data as { n: number }).n);
      ids.push(id);
      position = id;
    },
    onGap(gap) {
      seen.push(gap);
      position = gap.cursor;
    },
  });
  return {
    seen,
    ids,
    get position() {
      return position;
    },
    get numbers() {
      return seen.filter((each) => typeof each === "number");
    },
    get gaps() {
      return seen.filter((each) => typeof each !== "number");
    },
    stop,
  };
}

/** A `Realtime` that shares nothing with others in this process. It keeps more than flows by while nobody hears it. */
export function processOn(source: RedisSource, keyPrefix: string): Realtime {
  const logger = { log() {}, warn() {}, error() {} };
  const broker = createRedisBroker({ source, keyPrefix, logger });
  return new Realtime({ broker, logger, history: { maxLength: 100_000 } });
}

/** Emits `{ n: 0 }`, `{ n: 1 }`, … one after the other until it is told to stop. Resolves with the cursor of each, or why it failed. */
export async function emitUntil(realtime: Realtime, channel: string, signal: AbortSignal): Promise<string[]> {
  const outcomes: string[] = [];
  for (let n = 0; !signal.aborted; n++) {
    const outcome = realtime.channel(channel).emit("count.up", { n });
    outcomes.push(await outcome.catch((error: unknown) => `failed: ${String((error as { code?: unknown }).code ?? error)}`));
    await sleep(1);
  }
  return outcomes;
}

/** Fails unless each event that was stored was seen, once and in order, or stands where a gap was told. */
export function expectToldOf(watched: WatchedChannel, outcomes: readonly string[]): void {
  const numbers = watched.numbers.filter((n) => n >= 0);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const seen = new Set(numbers);
  const missing = outcomes.flatMap((outcome, n) => (outcome.startsWith("failed") || seen.has(n) ? [] : [n]));
  if (watched.gaps.length === 0) expect(missing).toEqual([]);
  const { ids } = watched;
  const isBackwards = ids.some((id, at) => at > 0 && compareCursors(ids[at - 1] as RealtimeCursor, id) >= 0);
  if (isBackwards) expect(watched.gaps.map(({ reason }) => reason)).toContain("reset");
}
