import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { METRICS } from "../../src/monitoring/metrics.ts";
import { instrument } from "../../src/opentelemetry.ts";
import { installOnce } from "../support/install-once.ts";
import { connectRaw } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const fixtures = path.join(import.meta.dirname, "fixtures/observability");
const SOON = { timeout: 20_000 };

interface PlainSpan {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message?: string };
  readonly traceId: string;
  readonly spanId: string;
  /** Its `tracestate`. */
  readonly state?: string;
  readonly parentSpanId?: string;
  readonly isRemote?: boolean;
}

interface PlainMetric {
  readonly scope: string;
  readonly name: string;
  readonly unit: string;
  readonly points: ReadonlyArray<{ readonly attributes: Readonly<Record<string, unknown>>; readonly value: number }>;
}

/** A server process that OpenTelemetry watches. */
interface TracedServer {
  readonly url: string;
  ask<T>(message: object): Promise<T>;
  stop(): Promise<void>;
}

let folder: string;
let redis: RedisServer;
const servers: TracedServer[] = [];

beforeAll(() => {
  folder = installOnce("observability", fixtures);
});
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await redis.stop();
});

async function startTraced(env: Record<string, string> = {}): Promise<TracedServer> {
  const child = fork(path.join(import.meta.dirname, "../support/traced-server.mjs"), {
    env: { ...process.env, REDIS_URL: redis.url, OBSERVABILITY: folder, ...env },
  });
  const gone = once(child, "exit").then(() => Promise.reject(new Error("the server process did not start")));
  gone.catch(() => {});
  const [ready] = (await Promise.race([once(child, "message"), gone])) as [{ port: number }];
  let asked = 0;
  const server: TracedServer = {
    url: `http://127.0.0.1:${ready.port}`,
    ask: (message) => request(child, { ...message, id: ++asked }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
  servers.push(server);
  return server;
}

function request<T>(child: ChildProcess, message: { readonly id: number }): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (reply: { id: number; answer: T }): void => {
      if (reply.id !== message.id) return;
      child.off("message", settle).off("exit", gone);
      resolve(reply.answer);
    };
    const gone = (): void => reject(new Error("the server process is gone"));
    child.on("message", settle).once("exit", gone);
    child.send(message);
  });
}

/** Reads one channel of a server until an event is there. */
async function reading(url: string, channel: string): Promise<{ seen(text: string): Promise<void>; leave(): void }> {
  const leaving = new AbortController();
  const response = await fetch(`${url}/?channel=${channel}`, { signal: leaving.signal });
  let text = "";
  const body = response.body as ReadableStream<Uint8Array>;
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of body) text += decoder.decode(bytes, { stream: true });
  })().catch(() => {});
  const seen = (wanted: string): Promise<void> => vi.waitFor(() => expect(text).toContain(wanted), SOON);
  await seen("event: connected");
  return { seen, leave: () => leaving.abort() };
}

const spansOf = (server: TracedServer): Promise<PlainSpan[]> => server.ask<PlainSpan[]>({ spans: true });

const [PRODUCER, CONSUMER] = [3, 4];

describe("instrument", () => {
  it("makes one trace from an emit on one server to its delivery on another, one span per server and event", async () => {
    const [one, other] = [await startTraced(), await startTraced()];
    const readers = [await reading(other.url, "orders"), await reading(other.url, "orders")];
    const cursor = await one.ask<string>({ emit: ["orders", "order.placed", { n: 1 }] });
    for (const reader of readers) await reader.seen('"n":1');
    const delivered = await vi.waitFor(async () => {
      const spans = await spansOf(other);
      expect(spans).toHaveLength(1);
      return spans[0] as PlainSpan;
    }, SOON);
    const [emitted, app] = (await spansOf(one)) as [PlainSpan, PlainSpan];
    expect([emitted.name, app.name]).toEqual(["emit order.placed", "POST /orders"]);
    expect(emitted).toMatchObject({ kind: PRODUCER, traceId: app.traceId, parentSpanId: app.spanId });
    expect(emitted.attributes).toEqual({
      "messaging.system": "tidings",
      "messaging.operation.name": "emit",
      "messaging.operation.type": "send",
      "messaging.destination.name": "orders",
      "messaging.message.id": cursor,
      "tidings.event": "order.placed",
    });
    expect(delivered).toMatchObject({ name: "deliver order.placed", kind: CONSUMER, isRemote: true });
    expect(delivered).toMatchObject({ traceId: app.traceId, parentSpanId: emitted.spanId });
    expect(delivered.attributes).toEqual({
      "messaging.system": "tidings",
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "messaging.destination.name": "orders",
      "messaging.message.id": cursor,
      "tidings.event": "order.placed",
      "tidings.readers": 2,
    });
    for (const reader of readers) reader.leave();
  });

  it("follows an event that is too long to be announced, which its readers' server reads from the log", async () => {
    const [one, other] = [await startTraced(), await startTraced()];
    const reader = await reading(other.url, "orders");
    await one.ask({ emit: ["orders", "order.placed", `${"x".repeat(20_000)} the end`] });
    await reader.seen("the end");
    const [emitted] = await spansOf(one);
    await vi.waitFor(
      async () => expect(await spansOf(other)).toMatchObject([{ traceId: emitted?.traceId, parentSpanId: emitted?.spanId }]),
      SOON,
    );
    reader.leave();
  });

  const STATE = "acme=p:1@x/y,other=00f067aa0ba902b7";
  const came = { state: STATE, baggage: { plan: "gold & blue", "user.id": "7~é" } };

  /** Emits on one server, and resolves with the span of the other. */
  async function deliveredBetween(
    one: TracedServer,
    other: TracedServer,
    message: object,
    data: unknown = 1,
  ): Promise<PlainSpan> {
    const reader = await reading(other.url, "orders");
    await one.ask({ emit: ["orders", "order.placed", data], ...message });
    const span = await vi.waitFor(async () => {
      const [delivered] = await spansOf(other);
      expect(delivered).toBeDefined();
      return delivered as PlainSpan;
    }, SOON);
    reader.leave();
    const [emitted] = await spansOf(one);
    expect(span).toMatchObject({ name: "deliver order.placed", traceId: emitted?.traceId, parentSpanId: emitted?.spanId });
    return span;
  }

  it.each([
    ["announced", 1],
    ["read from the log", "x".repeat(20_000)],
  ])("carries tracestate and baggage as the process propagates them: %s", async (_how, data) => {
    const [one, other] = [await startTraced({ PROPAGATE: "w3c" }), await startTraced({ PROPAGATE: "w3c" })];
    const span = await deliveredBetween(one, other, { came }, data);
    expect(span).toMatchObject({ isRemote: true, traceId: "a".repeat(32), state: STATE });
    expect(span.attributes).toMatchObject({ "baggage.plan": "gold & blue", "baggage.user.id": "7~é" });
  });

  it("carries tracestate where nobody propagates anything, and no baggage", async () => {
    const [one, other] = [await startTraced(), await startTraced()];
    const span = await deliveredBetween(one, other, { came });
    expect(span).toMatchObject({ isRemote: true, state: STATE });
    expect(Object.keys(span.attributes).filter((name) => name.startsWith("baggage"))).toEqual([]);
  });

  it.each([
    ["b3", "b3"],
    ["b3", "w3c"],
    ["w3c", "b3"],
    ["w3c", "none"],
  ])("keeps a trace whole between a server that propagates by %s and one by %s", async (first, second) => {
    const [one, other] = [await startTraced({ PROPAGATE: first }), await startTraced({ PROPAGATE: second })];
    expect(await deliveredBetween(one, other, { came })).toMatchObject({ isRemote: true, traceId: "a".repeat(32) });
  });

  it("leaves out what would make it too long, and shows nothing of it to a reader", async () => {
    const [one, other] = [await startTraced({ PROPAGATE: "w3c" }), await startTraced({ PROPAGATE: "w3c" })];
    const response = await fetch(`${other.url}/?channel=orders`, { headers: { accept: "text/event-stream" } });
    const span = await deliveredBetween(one, other, { came: { state: STATE, baggage: { large: "x".repeat(2_000) } } });
    expect(span.state).toBe(STATE);
    expect(span.attributes).not.toHaveProperty("baggage.large");
    using raw = await connectRaw(redis.port);
    const [[, fields]] = (await raw.command("XRANGE", "tidings:orders", "-", "+")) as [[string, string[]]];
    expect(fields.filter((_field, at) => at % 2 === 0)).toEqual(["v", "p", "e", "d", "i", "t", "c"]);
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(bytes, { stream: true });
      if (text.includes('"data":1')) break;
    }
    expect(text).not.toMatch(/acme|tracestate|00-a/);
  });

  it("carries nothing of a trace that nobody will see, and nothing where nobody reads", async () => {
    const [dark, other] = [await startTraced({ SAMPLE: "none" }), await startTraced()];
    const reader = await reading(other.url, "orders");
    await dark.ask({ emit: ["orders", "order.placed", "dark"] });
    await reader.seen('"dark"');
    await other.ask({ emit: ["nobody", "order.placed", "alone"] });
    expect((await spansOf(other)).map(({ name }) => name)).toEqual(["emit order.placed", "POST /orders"]);
    using raw = await connectRaw(redis.port);
    const [[, fields]] = (await raw.command("XRANGE", "tidings:orders", "-", "+")) as [[string, string[]]];
    expect(fields.filter((_field, at) => at % 2 === 0)).toEqual(["v", "p", "e", "d", "i"]);
    reader.leave();
  });

  it("says why an emit failed", async () => {
    const one = await startTraced();
    using raw = await connectRaw(redis.port);
    await raw.command("SET", "tidings:orders", "no log");
    expect(await one.ask({ emit: ["orders", "order.placed", 1] })).toBe("broker_refused");
    const [emitted] = await spansOf(one);
    expect(emitted).toMatchObject({ status: { code: 2 }, attributes: { "error.type": "broker_refused" } });
    const told = await one.ask<PlainMetric[]>({ metrics: true });
    const sent = told.find(({ name }) => name === "messaging.client.sent.messages");
    expect(sent?.points).toMatchObject([{ attributes: { "error.type": "broker_refused" }, value: 1 }]);
  });

  it("tells what stats tell as metrics, and emits by the conventions for messaging", async () => {
    const one = await startTraced();
    const reader = await reading(one.url, "orders");
    for (const n of [1, 2, 3]) await one.ask({ emit: ["orders", "order.placed", n] });
    await reader.seen('"data":3');
    const told = new Map((await one.ask<PlainMetric[]>({ metrics: true })).map((metric) => [metric.name, metric]));
    const names = METRICS.filter(({ conventional }) => !conventional).map(({ name }) => name);
    expect([...told.keys()].toSorted()).toEqual(
      [...names, "messaging.client.operation.duration", "messaging.client.sent.messages"].toSorted(),
    );
    for (const { name, unit } of METRICS.filter(({ conventional }) => !conventional))
      expect(told.get(name)).toMatchObject({ scope: "tidings", unit });
    const valueOf = (name: string): number | undefined => told.get(name)?.points[0]?.value;
    expect(valueOf("tidings.streams")).toBe(1);
    expect(valueOf("tidings.deliveries")).toBe(3);
    expect(valueOf("tidings.broker.connected")).toBe(1);
    const attributes = {
      "messaging.system": "tidings",
      "messaging.operation.name": "emit",
      "messaging.operation.type": "send",
    };
    for (const name of ["messaging.client.sent.messages", "messaging.client.operation.duration"])
      expect(told.get(name)?.points).toEqual([{ attributes, value: 3 }]);
    reader.leave();
    await one.ask({ end: true });
    await one.ask({ emit: ["orders", "order.placed", 4] });
    const after = (await one.ask<PlainMetric[]>({ metrics: true })).find(({ name }) => name === "tidings.emits");
    expect(after).toBeUndefined();
  });

  it("refuses what is no Realtime", () => {
    expect(() => instrument({} as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});
