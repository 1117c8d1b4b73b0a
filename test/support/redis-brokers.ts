import { Redis, type RedisOptions } from "ioredis";
import type { Broker, Draft, Entry, Listener, Retention } from "../../src/brokers/broker.ts";
import { createRedisBroker } from "../../src/brokers/redis/engine.ts";
import { createIoRedisDriver, type IoRedisLike } from "../../src/brokers/redis/clients/ioredis/driver.ts";
import { overConnections } from "../../src/brokers/redis/connections/source.ts";
import type { RedisSource } from "../../src/brokers/redis/transport.ts";
import type { Clock } from "../../src/protocol/clock.ts";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";

export const KEEP: Retention = { maxLength: 1_000, expireAfterMs: 60_000 };
const KEY_PREFIX = "t";

/** A broker, and what it said to its operator. */
export interface TestBroker extends AsyncDisposable {
  readonly broker: Broker;
  readonly warnings: string[];
  emit(channel: string, json: string, timeoutMs?: number): Promise<RealtimeCursor>;
  /** Listens; what is heard is written down. */
  record(): Recording;
}

export interface Recording {
  readonly listener: Listener;
  readonly heard: Entry[];
  /** "lost", and the channels of each "restored", in order. */
  readonly signals: string[];
  /** Runs at each `restored`, within the call. */
  onRestored: (channels: readonly string[]) => void;
}

export interface TestBrokerOptions {
  readonly client?: Pick<RedisOptions, "db" | "keyPrefix" | "username" | "password" | "protocol">;
  readonly clock?: Clock;
  /** @default one through ioredis 6, by `client` */
  readonly source?: RedisSource;
}

/** A Redis broker on a port of 127.0.0.1. The client it is made from never connects. */
export function openBroker(port: number, options: TestBrokerOptions = {}): TestBroker {
  const { client, clock, source = overConnections(createIoRedisDriver(userOf(port, client))) } = options;
  const warnings: string[] = [];
  const broker = createRedisBroker({
    source,
    keyPrefix: KEY_PREFIX,
    ...(clock && { clock }),
    logger: { warn: (message, ...details) => void warnings.push([message, ...details].join(" ")) },
  });
  return {
    broker,
    warnings,
    emit(channel, json, timeoutMs = 10_000) {
      const emitted = broker.append(channel, draft(json), KEEP, timeoutMs);
      // A test that fails in another place must not be buried under these.
      emitted.catch(() => {});
      return emitted;
    },
    record() {
      const recording: Omit<Recording, "listener"> = { heard: [], signals: [], onRestored() {} };
      const listener = broker.listen({
        entry: (_, entry) => void recording.heard.push(entry),
        moved() {},
        lost: () => void recording.signals.push("lost"),
        restored(channels) {
          recording.signals.push(`restored ${[...channels].sort().join()}`);
          recording.onRestored(channels);
        },
      });
      return Object.assign(recording, { listener });
    },
    async [Symbol.asyncDispose]() {
      await broker.close();
    },
  };
}

function userOf(port: number, client: TestBrokerOptions["client"]): IoRedisLike {
  return new Redis({ host: "127.0.0.1", port, lazyConnect: true, ...client });
}

export function draft(json: string): Draft {
  return { event: "test.event", json, emitId: `emit ${json}` };
}

/** How each promise ended: the json of what was stored, or the code of the error. */
export async function outcomes(promises: ReadonlyArray<Promise<unknown>>): Promise<string[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) =>
    result.status === "fulfilled" ? "stored" : String((result.reason as { code?: unknown }).code ?? result.reason),
  );
}
