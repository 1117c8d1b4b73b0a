import { expect, vi } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import { Realtime } from "../../src/index.ts";
import type { Server } from "../package/project.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis } from "../support/redis-server.ts";

/** The server of an example, as a process that can be told to end. */
export type EndingServer = Pick<Server, "url" | "output" | "end" | "stop">;

/** What {@link expectToDrain} has to know of an example. */
export interface DrainingExample {
  /** Starts a server of it. */
  start(redisUrl: string): Promise<EndingServer>;
  readonly channel: string;
  /** An event of its schema, and the payload with this number. */
  readonly event: string;
  payload(n: number): object;
}

const SOON = { timeout: 30_000, interval: 50 };

/**
 * Two servers of an example at one Redis, of which the one that has the readers gets SIGTERM: they are told to leave, are never
 * without a stream, get all that is emitted meanwhile, and the process ends by itself.
 */
export async function expectToDrain({ start, channel, event, payload }: DrainingExample): Promise<void> {
  await using redis = await startRedis();
  const emitter = new Realtime({ redis: redis.url });
  const [old, next] = await Promise.all([start(redis.url), start(redis.url)]);
  const client = createRealtimeClient({
    api: { url: "/api/realtime" },
    // As a balancer that asks the other one when a server refuses, or is gone.
    fetch: async (input, init) => {
      const first = await fetch(new URL(input as string, old.url), init).catch(() => undefined);
      return first?.ok === true ? first : fetch(new URL(input as string, next.url), init);
    },
  });
  try {
    const seen: unknown[] = [];
    client.subscribe({ channels: [channel], onData: ({ data }) => seen.push(data), onGap: () => seen.push("gap") });
    await vi.waitFor(() => expect(client.getStatus()).toBe("connected"), SOON);
    const stream = await openRaw(`${old.url}/api/realtime?v=1&channel=${channel}`);
    await stream.until("event: connected");

    const told = new Set<string>();
    client.subscribeStatus((status) => told.add(status));
    const ended = old.end();
    await stream.until(/event: reconnect\ndata: \{"delayMs":\d+\}/);
    stream.destroy();
    let isOver = false;
    void ended.then(() => (isOver = true));
    const wanted: object[] = [];
    while (!isOver) {
      wanted.push(payload(wanted.length + 1));
      await emitter.channel(channel).emit(event, wanted.at(-1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // 143 is SIGTERM, where a framework says how it was ended.
    expect([0, 143], old.output()).toContain(await ended);
    await vi.waitFor(() => expect(seen).toEqual(wanted), SOON);
    expect(told, "it always had a stream").toEqual(new Set(["connected"]));
  } finally {
    client.destroy();
    await emitter.close();
    await Promise.all([old.stop(), next.stop()]);
  }
}
