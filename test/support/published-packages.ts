import * as upstash from "@upstash/realtime";
import { Redis as UpstashRedis } from "@upstash/redis";
import { EventSource } from "eventsource";
import * as forrealtime from "forrealtime";
import { createIORedisAdapter } from "forrealtime/adapters/ioredis";
import { createRealtimeClient } from "forrealtime/client";
import { Redis } from "ioredis5";
import { fetchListener, serve, type TestServer } from "./http-server.ts";
import type { UpstashFront } from "./upstash-front.ts";

/** A server of another library, as it is published, with one browser that listens to the channel `room`. */
export interface PublishedServer extends AsyncDisposable {
  emit(event: string, data: unknown): Promise<unknown>;
  /** The events that its browser was shown, in the order in which they came. */
  readonly shown: ReadonlyArray<{ readonly id: string; readonly data: unknown }>;
  /** How many streams its browser has had. */
  readonly streams: number;
  /** Breaks the connection of its browser, which comes back by itself. */
  cut(): void;
}

/** How much of each log the other library keeps. */
export interface Keep {
  readonly maxLength?: number;
  readonly expireAfterSecs?: number;
}

/** Serves a handler of theirs. */
function publish(handler: (request: Request) => Promise<Response | void>): Promise<TestServer> {
  return serve(fetchListener(async (request) => (await handler(request)) || new Response(null, { status: 404 })));
}

/** forrealtime 0.1.13 on ioredis 5, and its own client over npm's `eventsource`. */
export async function startForrealtime(redisUrl: string, history: Keep = {}): Promise<PublishedServer> {
  const redis = new Redis(redisUrl);
  const reader = redis.duplicate();
  for (const client of [redis, reader]) client.on("error", () => {});
  // Its type of a client is not that of ioredis.
  const adapter = createIORedisAdapter(redis as never, { reader: reader as never });
  const realtime = new forrealtime.Realtime({ redis: adapter, history });
  const server = await publish(forrealtime.handle({ realtime }));
  const shown: Array<{ id: string; data: unknown }> = [];
  let streams = 0;
  const client = createRealtimeClient({
    api: { url: server.url },
    maxReconnectAttempts: 100,
    eventSourceFactory: (url) => {
      const source = new EventSource(url);
      source.addEventListener("open", () => streams++);
      return source as never;
    },
  });
  client.subscribe({ channels: ["room"], onData: ({ id, data }) => void shown.push({ id, data }) });
  return {
    emit: (event, data) => realtime.channel("room").emit(event as never, data as never),
    shown,
    get streams() {
      return streams;
    },
    cut: () => server.cut(),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server[Symbol.asyncDispose]();
      redis.disconnect();
      reader.disconnect();
    },
  };
}

/** @upstash/realtime 1.1.0 over REST. Its client is a component of React: what that asks for is written out here. */
export async function startUpstashRealtime(front: UpstashFront, history: Keep = {}): Promise<PublishedServer> {
  const redis = new UpstashRedis({ url: front.url, token: front.token });
  const realtime = new upstash.Realtime({ redis, history });
  const server = await publish(upstash.handle({ realtime }));
  const shown: Array<{ id: string; data: unknown }> = [];
  let streams = 0;
  let source: EventSource | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = () => {
    const acknowledged = shown.at(-1)?.id ?? String(Date.now());
    source = new EventSource(`${server.url}?channel=room&last_ack_room=${acknowledged}`);
    source.onmessage = ({ data }) => {
      const frame = JSON.parse(data as string) as { type?: string; id: string; data: unknown };
      if (frame.type === "connected") streams++;
      if (frame.type === undefined) shown.push({ id: frame.id, data: frame.data });
    };
    source.onerror = () => {
      source?.close();
      timer = setTimeout(connect, 100);
    };
  };
  connect();
  return {
    emit: (event, data) => realtime.channel("room").emit(event as never, data as never),
    shown,
    get streams() {
      return streams;
    },
    cut: () => server.cut(),
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      source?.close();
      await server[Symbol.asyncDispose]();
    },
  };
}
