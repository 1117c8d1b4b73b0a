import * as upstash from "@upstash/realtime";
import { Redis as UpstashRedis } from "@upstash/redis";
import { EventSource } from "eventsource";
import * as forrealtime from "forrealtime";
import { createIORedisAdapter } from "forrealtime/adapters/ioredis";
import { createRealtimeClient } from "forrealtime/client";
import { Redis } from "ioredis5";
import { setTimeout as sleep } from "node:timers/promises";
import { fetchListener, serve, type TestServer } from "./http-server.ts";
import type { UpstashFront } from "./upstash-front.ts";

/** A browser that listens to the channel `room` with the client of another library. */
export interface PublishedBrowser extends Disposable {
  /** The events that it was shown, in the order in which they came. */
  readonly shown: ReadonlyArray<{ readonly id: string; readonly data: unknown }>;
  /** How many streams it has had. */
  readonly streams: number;
}

/** A server of another library, as it is published, and a browser that listens to it. */
export interface PublishedServer extends AsyncDisposable {
  readonly browser: PublishedBrowser;
  /** Emits on the channel `room`. */
  emit(event: string, data: unknown): Promise<unknown>;
  /** Breaks the connection of the browser, which comes back by itself. */
  cut(): void;
}

/** How much of each log the other library keeps. */
export interface Keep {
  readonly maxLength?: number;
  readonly expireAfterSecs?: number;
}

/** The client of forrealtime 0.1.13, over npm's `eventsource`. */
export function browseWithForrealtime(url: string): PublishedBrowser {
  const shown: Array<{ id: string; data: unknown }> = [];
  let streams = 0;
  const client = createRealtimeClient({
    api: { url },
    maxReconnectAttempts: 100,
    eventSourceFactory: (address) => {
      const source = new EventSource(address);
      source.addEventListener("open", () => streams++);
      return source;
    },
  });
  client.subscribe({ channels: ["room"], onData: ({ id, data }) => void shown.push({ id, data }) });
  return {
    shown,
    get streams() {
      return streams;
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

/** The client of @upstash/realtime 1.1.0 is a component of React: what that asks for is written out here. */
export function browseWithUpstash(url: string): PublishedBrowser {
  const shown: Array<{ id: string; data: unknown }> = [];
  const since = Date.now();
  let streams = 0;
  let source: EventSource | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = () => {
    const opened = new EventSource(`${url}?channel=room&last_ack_room=${shown.at(-1)?.id ?? since}`);
    opened.addEventListener("open", () => streams++);
    opened.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data as string) as { type?: string; id: string; data: unknown };
      if (frame.type === undefined) shown.push({ id: frame.id, data: frame.data });
    });
    opened.addEventListener("error", () => {
      opened.close();
      timer = setTimeout(connect, 100);
    });
    source = opened;
  };
  connect();
  return {
    shown,
    get streams() {
      return streams;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      source?.close();
    },
  };
}

/** forrealtime 0.1.13 on ioredis 5. */
export async function startForrealtime(redisUrl: string, history: Keep = {}): Promise<PublishedServer> {
  const redis = new Redis(redisUrl);
  const reader = redis.duplicate();
  for (const client of [redis, reader]) client.on("error", () => {});
  // Its type of a client is not that of ioredis.
  const adapter = createIORedisAdapter(redis as never, { reader: reader as never });
  const realtime = new forrealtime.Realtime({ redis: adapter, history });
  const server = await publish(forrealtime.handle({ realtime }));
  const browser = browseWithForrealtime(server.url);
  return {
    browser,
    emit: (event, data) => realtime.channel("room").emit(event as never, data),
    cut: () => server.cut(),
    async [Symbol.asyncDispose]() {
      browser[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      redis.disconnect();
      reader.disconnect();
    },
  };
}

/** @upstash/realtime 1.1.0 over REST. */
export async function startUpstashRealtime(front: UpstashFront, history: Keep = {}): Promise<PublishedServer> {
  const redis = new UpstashRedis({ url: front.url, token: front.token });
  const realtime = new upstash.Realtime({ redis, history });
  const server = await publish(upstash.handle({ realtime }));
  const streamsBefore = front.openStreams;
  const browser = browseWithUpstash(server.url);
  while (front.openStreams === streamsBefore) await sleep(10);
  return {
    browser,
    emit: (event, data) => realtime.channel("room").emit(event as never, data as never),
    cut: () => server.cut(),
    async [Symbol.asyncDispose]() {
      browser[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Serves a handler of theirs. */
function publish(handler: (request: Request) => Promise<Response | void>): Promise<TestServer> {
  return serve(fetchListener(async (request) => (await handler(request)) || new Response(null, { status: 404 })));
}
