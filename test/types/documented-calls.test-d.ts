import type { IncomingMessage, ServerResponse } from "node:http";
import { Redis } from "ioredis";
import { createElement } from "react";
import { expectTypeOf, it } from "vitest";
import { z } from "zod/v4";
import { createIORedisAdapter } from "../../src/adapters/ioredis.ts";
import { createRealtime, RealtimeProvider, useRealtimeContext } from "../../src/client/react.ts";
import { createRealtimeClient, type ConnectionStatus, type RealtimeClient } from "../../src/client/core.ts";
import { CursorUnavailableError, handle, isRealtimeCursor, Realtime } from "../../src/index.ts";
import type {
  HandleOptions,
  InferRealtimeEvents,
  MiddlewareContext,
  RealtimeCursor,
  RealtimePlugin,
  RealtimePluginContext,
} from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";

// Every documented call in the documented way. Nothing here runs: `tsc` compiles it, and a wrong expectation is an error.

const schema = {
  parcel: {
    moved: z.object({ place: z.string(), at: z.date() }),
    lost: z.string(),
  },
  job: { done: z.object({}), step: z.object({ name: z.string(), result: z.unknown().optional() }) },
};
interface Moved {
  place: string;
  at: string;
}
const client = new Redis({ lazyConnect: true });
const realtime = new Realtime({ schema, redis: client, history: { maxLength: 500 } });
type Events = InferRealtimeEvents<typeof realtime>;

it("F-2, U-1: redis takes the client, the adapter or memory", () => {
  void new Realtime({ schema, redis: client });
  void new Realtime({ schema, redis: createIORedisAdapter(client) });
  void new Realtime({ schema, redis: { driver: "memory" } });
  // @ts-expect-error -- no such driver
  void new Realtime({ redis: { driver: "sqlite" } });
});

it("F-19: every option is optional, and may be undefined", () => {
  void new Realtime();
  void new Realtime({
    schema: undefined,
    redis: undefined,
    broker: undefined,
    keyPrefix: undefined,
    emitTimeoutSecs: undefined,
    history: undefined,
    maxDurationSecs: undefined,
    plugins: undefined,
    verbose: undefined,
    logger: undefined,
  });
  void new Realtime({ history: true });
  void new Realtime({ history: false });
  void new Realtime({ history: { maxLength: 10, expireAfterSecs: Number.POSITIVE_INFINITY }, maxDurationSecs: 60 });
});

// The options of `Realtime` are inferred, and there the compiler does not look for names that do not exist, unless all are
// wrong. The constructor does.
it("F-19: an option that does not exist is refused where it stands", () => {
  // @ts-expect-error -- meant is `schema`
  void new Realtime({ shema: schema });
  // @ts-expect-error -- meant is `authorize`
  void handle({ realtime, authorise: () => false });
  // @ts-expect-error -- meant is `history`
  void realtime.channel("parcel:A-1", { histroy: false });
  // @ts-expect-error -- meant is `events`
  void realtime.subscribe({ event: ["parcel.lost"], onData() {} });
  // @ts-expect-error -- meant is `limit`
  void realtime.history({ length: 5 });
  // @ts-expect-error -- meant is `keyPrefix`
  void createIORedisAdapter(client, { prefix: "mine" });
});

it("F-20, F-22: realtime and its channels emit alike", () => {
  void (async () => {
    expectTypeOf(await realtime.emit("parcel.lost", "A-1")).toEqualTypeOf<RealtimeCursor>();
    const parcel = realtime.channel("parcel:A-1");
    expectTypeOf(await parcel.emit("parcel.moved", { place: "Bern", at: new Date() })).toEqualTypeOf<RealtimeCursor>();
    // @ts-expect-error -- no such event
    await parcel.emit("parcel.found", "A-1");
    expectTypeOf(await parcel.cursor()).toEqualTypeOf<RealtimeCursor>();
    parcel.unsubscribe();
  })();
});

it("F-27, F-28, U-19: history takes limit, after, start and end", () => {
  void (async () => {
    const stored = await realtime.channel("parcel:A-1").history({ limit: 50 });
    expectTypeOf(stored).toExtend<{ id: string; channel: string; event: string; data: unknown }[]>();
    await realtime.history({ after: stored.at(-1)?.id, limit: 20 });
    await realtime.history({ after: "1700000000000-0" });
    await realtime.history({ start: Date.now() - 60_000, end: Date.now() });
    for (const { event, data } of stored) if (event === "parcel.moved") expectTypeOf(data).toEqualTypeOf<Moved>();
  })();
});

it("F-16, F-35: handle takes a Request, that of tidings/node takes (req, res)", () => {
  expectTypeOf(handle({ realtime })).toEqualTypeOf<(request: Request) => Promise<Response>>();
  expectTypeOf(handleNode({ realtime })).toEqualTypeOf<(req: IncomingMessage, res: ServerResponse) => void>();
});

it("F-36..F-40: middleware is sync or async, and answers or lets through", () => {
  const sync = ({ request, channels }: MiddlewareContext) => {
    expectTypeOf(channels).toEqualTypeOf<string[]>();
    if (request.headers.get("authorization") !== "Bearer badge") return new Response("Unauthorized", { status: 401 });
    if (channels.includes("customs")) return new Response("Forbidden", { status: 403 });
    return undefined;
  };
  const silent = (_context: MiddlewareContext): void => {};
  const later = async ({ request }: MiddlewareContext) =>
    await Promise.resolve(request.headers.has("cookie") ? undefined : new Response(null, { status: 401 }));
  void handle({ realtime, middleware: sync });
  void handle({ realtime, middleware: silent });
  void handle({ realtime, middleware: later });
  const options: HandleOptions = {
    realtime,
    identify: (request) => request.headers.get("x-user") ?? undefined,
    authorize: async ({ channel, user }) => await Promise.resolve(channel === `user:${user}`),
    cors: { origin: ["https://shop.example"], credentials: true },
    limits: { maxChannels: 5 },
  };
  void handle(options);
  // @ts-expect-error -- a middleware answers with a Response
  void handle({ realtime, middleware: () => ({ status: 401 }) });
});

it("F-42..F-44: a plugin's methods are on the instance, typed", () => {
  function clock(): RealtimePlugin<{ tick(channel: string): Promise<void> }> {
    return {
      name: "clock",
      init(context: RealtimePluginContext) {
        context.logger.log("clock is set");
        return { api: { tick: (channel) => context.emit(channel, "clock.tick", Date.now()) } };
      },
    };
  }
  const flag: RealtimePlugin<{ flags: readonly string[] }> = { name: "flag", init: () => ({ api: { flags: [] } }) };
  const extended = new Realtime({ plugins: [clock(), flag] });
  expectTypeOf(extended.tick).toEqualTypeOf<(channel: string) => Promise<void>>();
  expectTypeOf(extended.flags).toEqualTypeOf<readonly string[]>();
  // @ts-expect-error -- no plugin adds this
  extended.tock();
});

it("U-18, U-20, U-28: subscribe takes events, history or after, and gives the way out", () => {
  void (async () => {
    const parcel = realtime.channel("parcel:A-1");
    const stop = await parcel.subscribe({
      events: ["parcel.moved"],
      history: { limit: 10 },
      onData({ event, data, channel, id, replayed }) {
        expectTypeOf(event).toEqualTypeOf<"parcel.moved">();
        expectTypeOf(data).toEqualTypeOf<Moved>();
        expectTypeOf([channel, id, replayed]).toExtend<(string | boolean)[]>();
      },
    });
    expectTypeOf(stop).toEqualTypeOf<() => void>();
    await parcel.subscribe({ history: true, onData: () => undefined });
    await parcel.subscribe({
      after: await parcel.cursor(),
      onData: async () => await Promise.resolve(),
      onGap: ({ reason }) => expectTypeOf(reason).toEqualTypeOf<"trimmed" | "reset" | "unproven" | "limit">(),
      signal: AbortSignal.timeout(1_000),
    });
  })().catch((error: unknown) => {
    if (error instanceof CursorUnavailableError) expectTypeOf(error.cursor).toExtend<string>();
  });
  const given: unknown = "1-0";
  if (isRealtimeCursor(given)) expectTypeOf(given).toEqualTypeOf<RealtimeCursor>();
});

it("U-32: a broadcast is many emits", () => {
  const cursors = Promise.all(["A-1", "A-2"].map((id) => realtime.channel(`parcel:${id}`).emit("parcel.lost", id)));
  expectTypeOf(cursors).toEqualTypeOf<Promise<RealtimeCursor[]>>();
});

it("F-54, U-9: every prop of RealtimeProvider is optional", () => {
  createElement(RealtimeProvider, null, "children");
  createElement(RealtimeProvider, { api: { url: "/events", withCredentials: true } });
  createElement(RealtimeProvider, { api: { headers: { authorization: "Bearer badge" } }, maxReconnectAttempts: 3 });
  createElement(RealtimeProvider, {
    api: { headers: async () => await Promise.resolve({ authorization: "Bearer badge" }) },
    client: createRealtimeClient(),
  });
});

it("F-55, F-57, F-62: useRealtime knows the events of `typeof realtime`", () => {
  const { useRealtime } = createRealtime<typeof realtime>();
  const useParcel = (id: string | undefined) =>
    useRealtime({
      channels: [id],
      events: ["parcel.moved", "parcel.lost"],
      enabled: id !== undefined,
      history: { limit: 20 },
      onData(payload) {
        if (payload.event === "parcel.moved") expectTypeOf(payload.data).toEqualTypeOf<Moved>();
        if (payload.event === "parcel.lost") expectTypeOf(payload.data).toEqualTypeOf<string>();
        // @ts-expect-error -- filtered out
        if (payload.event === "job.done") return;
      },
      onGap: ({ after, cursor }) => expectTypeOf([after, cursor]).toExtend<string[]>(),
    });
  expectTypeOf(useParcel).returns.toExtend<{ status: ConnectionStatus }>();
  expectTypeOf<ConnectionStatus>().toEqualTypeOf<"connecting" | "connected" | "disconnected" | "error">();
  expectTypeOf(useRealtimeContext).toEqualTypeOf<() => RealtimeClient>();
  const useNothing = () => useRealtime();
  const useCursors = (after: string) => useRealtime({ channels: ["a", "b"], after: { a: after, b: "0-0" } });
  void [useNothing, useCursors];
});

it("U-3, U-10: useRealtime knows an InferRealtimeEvents, and destructured payloads narrow", () => {
  const { useRealtime } = createRealtime<Events>();
  const useJob = (id: string | null, add: (step: { name: string; result?: unknown }) => void) =>
    useRealtime({
      enabled: Boolean(id),
      channels: id ? [id] : [],
      events: ["job.step", "job.done"],
      onData({ event, data }) {
        if (event === "job.step") add(data);
        if (event === "job.done") expectTypeOf(data).toExtend<object>();
      },
    });
  void useJob;
});

it("F-63, F-64: plain events type the hook, and payload types are payloads", () => {
  const { useRealtime } = createRealtime<{ parcel: { lost: string; moved: { place: string } } }>();
  const usePlain = () =>
    useRealtime({
      onData({ event, data }) {
        if (event === "parcel.lost") expectTypeOf(data).toEqualTypeOf<string>();
        else expectTypeOf(data).toEqualTypeOf<{ place: string }>();
      },
    });
  void usePlain;
  expectTypeOf<Events["parcel"]["moved"]>().toEqualTypeOf<Moved>();
  expectTypeOf<Events["parcel"]["lost"]>().toEqualTypeOf<string>();
});

it("F-74: the client without a framework", () => {
  const plain = createRealtimeClient({ api: { url: "/api/realtime" }, maxReconnectAttempts: 3 });
  expectTypeOf(plain.subscribe({ channels: ["parcel:A-1"], onData: ({ id }) => id })).toEqualTypeOf<() => void>();
  expectTypeOf(plain.subscribeStatus((status) => expectTypeOf(status).toEqualTypeOf<ConnectionStatus>())).toEqualTypeOf<
    () => void
  >();
  expectTypeOf(plain.getStatus()).toEqualTypeOf<ConnectionStatus>();
  plain.destroy();
});

it("F-33: the client without a framework knows the events", () => {
  const client = createRealtimeClient<typeof realtime>();
  client.subscribe({
    events: ["parcel.moved"],
    onData: (message) => {
      expectTypeOf(message.event).toEqualTypeOf<"parcel.moved">();
      expectTypeOf(message.data).toEqualTypeOf<Moved>();
    },
  });
  client.subscribe({
    onData: (message) => {
      if (message.event === "parcel.lost") expectTypeOf(message.data).toEqualTypeOf<string>();
    },
  });
  // @ts-expect-error -- there is no such event
  client.subscribe({ events: ["parcel.move"] });
  // A plain type will do, and a provider takes what it gives.
  const plain = createRealtimeClient<{ parcel: { moved: Moved } }>();
  plain.subscribe({
    onData: ({ event, data }) => expectTypeOf([event, data] as const).toEqualTypeOf<readonly ["parcel.moved", Moved]>(),
  });
  expectTypeOf(plain).toExtend<RealtimeClient>();
  expectTypeOf(client).toExtend<RealtimeClient>();
});
