import { Redis } from "@upstash/redis";
import { setTimeout as sleep } from "node:timers/promises";
import type { Broker, Entry, Listener, Retention } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { createUpstashSource } from "../../src/brokers/redis/rest/upstash.ts";
import type { Clock } from "../../src/protocol/clock.ts";
import { ORIGIN, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { FakeClock } from "../../src/testing/fake-clock.ts";
import type { UpstashFront } from "./upstash-front.ts";

const KEEP: Retention = { maxLength: 1_000, expireAfterMs: 60_000 };

/** What a listener was told, in order: entries by their JSON. */
export interface UpstashRecording {
  readonly listener: Listener;
  /** `"entry <channel> <json>"`, `"moved <channel> <id>"`, `"lost <channels>"`, `"restored <channels>"`. */
  readonly told: string[];
  readonly entries: ReadonlyArray<Entry & { readonly channel: string }>;
}

/** A broker over the REST front. */
export interface UpstashBroker extends AsyncDisposable {
  readonly broker: Broker;
  readonly warnings: string[];
  emit(channel: string, json: string, options?: { onceId?: string; timeoutMs?: number }): Promise<RealtimeCursor>;
  /** The JSON of all entries of a channel. */
  stored(channel: string): Promise<string[]>;
  record(): UpstashRecording;
}

export interface UpstashBrokerOptions {
  readonly clock?: Clock;
  readonly keyPrefix?: string;
  readonly token?: string;
  readonly url?: string;
}

let emits = 0;

/** Opens a broker with a real `@upstash/redis` client of the front. */
export function openUpstash(
  front: UpstashFront,
  { clock, keyPrefix = "t", token = front.token, url = front.url }: UpstashBrokerOptions = {},
): UpstashBroker {
  const warnings: string[] = [];
  const broker = createRedisBroker({
    source: createUpstashSource(new Redis({ url, token })),
    keyPrefix,
    ...(clock && { clock }),
    logger: { warn: (message, ...details) => void warnings.push([message, ...details].join(" ")) },
  });
  return {
    broker,
    warnings,
    emit(channel, json, { onceId, timeoutMs = 5_000 } = {}) {
      const emitted = broker.append(channel, { event: "test.event", json, emitId: `e${++emits}`, onceId }, KEEP, timeoutMs);
      // A test that fails in another place must not be buried under these.
      emitted.catch(() => {});
      return emitted;
    },
    async stored(channel) {
      const { entries } = await broker.read(channel, ORIGIN, { pageBytes: 1e9 });
      return entries.map(({ json }) => json);
    },
    record() {
      const told: string[] = [];
      const entries: Array<Entry & { channel: string }> = [];
      const listener = broker.listen({
        entry(channel, entry) {
          told.push(`entry ${channel} ${entry.json}`);
          entries.push({ ...entry, channel });
        },
        moved: (channel, last) => void told.push(`moved ${channel} ${last}`),
        lost: (channels) => void told.push(`lost ${[...(channels ?? ["*"])].sort().join()}`),
        restored: (channels) => void told.push(`restored ${[...channels].sort().join()}`),
      });
      return { listener, told, entries };
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

/** Moves a fake clock on while real sockets do their part, until `condition` holds. */
export async function advanceUntil(clock: FakeClock, condition: () => boolean, stepMs = 250): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("advanced the clock in vain");
    await clock.advance(stepMs);
    await sleep(10);
  }
}
