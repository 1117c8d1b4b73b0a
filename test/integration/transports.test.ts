import { spawn } from "node:child_process";
import { once } from "node:events";
import { get as httpGet, type IncomingMessage } from "node:http";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle as handleFetch, Realtime, type HandleOptions, type RealtimeOptions } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { readByEventSource } from "../support/eventsource-reader.ts";
import { fetchListener, serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { streamsOf } from "../support/streams-of.ts";

const cleanup: Array<() => unknown> = [];

afterEach(async () => {
  for (const clean of cleanup.splice(0).toReversed()) await clean();
});

function createRealtime(options: RealtimeOptions = {}): Realtime {
  const realtime = new Realtime({
    broker: createMemoryBroker(),
    logger: { log() {}, warn() {}, error() {} },
    ...options,
  }) as never as Realtime;
  cleanup.push(() => realtime.close());
  return realtime;
}

interface Site {
  readonly realtime: Realtime;
  readonly server: TestServer;
  get(path: string, headers?: Record<string, string>): Promise<RawStream>;
}

/** A plain HTTP/1.1 connection to a path, with no client between. */
async function curl(url: string, ...args: string[]): Promise<{ text: () => string; kill: () => Promise<void> }> {
  const child = spawn("curl", ["-sN", ...args, url], { stdio: ["ignore", "pipe", "inherit"] });
  const missing = once(child, "error").then(() => true);
  if (await Promise.race([missing, once(child, "spawn").then(() => false)])) {
    const headers = Object.fromEntries(args.filter((arg) => arg !== "-H").map((header) => header.split(": ", 2)));
    const stream = await openRaw(url, { headers: headers as Record<string, string> });
    return { text: () => stream.text, kill: async () => stream.destroy() };
  }
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const exited = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  cleanup.push(kill);
  return { text: () => text, kill };
}

describe.each(Object.entries(TRANSPORTS))("handle over HTTP, %s", (kind, createListener) => {
  async function site(options: Omit<HandleOptions, "realtime"> = {}, realtimeOptions: RealtimeOptions = {}): Promise<Site> {
    const realtime = createRealtime(realtimeOptions);
    const server = await serve(createListener({ ...options, realtime }));
    cleanup.push(() => server[Symbol.asyncDispose]());
    return { realtime, server, get: (path, headers = {}) => openRaw(server.url + path, { headers }) };
  }

  it("F-16, F-35: curl -N shows what is emitted, and resumes by Last-Event-ID", async () => {
    const { realtime, server } = await site();
    const first = await curl(`${server.url}/api/realtime?channel=room:1`);
    await vi.waitFor(() => expect(first.text()).toContain("event: connected"));
    const id = await realtime.channel("room:1").emit("chat.message", { text: "one" });
    await vi.waitFor(() =>
      expect(first.text()).toContain(
        `id: ${id}\ndata: {"id":"${id}","channel":"room:1","event":"chat.message","data":{"text":"one"}}\n\n`,
      ),
    );
    await first.kill();
    await realtime.channel("room:1").emit("chat.message", { text: "two" });
    const second = await curl(`${server.url}/api/realtime?channel=room:1`, "-H", `Last-Event-ID: ${id}`);
    await vi.waitFor(() => expect(second.text()).toContain('"text":"two"'));
    expect(second.text()).not.toContain('"text":"one"');
  });

  it("U-8: a plain EventSource receives, and resumes after its socket was destroyed, without loss or repetition", async () => {
    const { realtime, server } = await site();
    using reader = readByEventSource(`${server.url}/?channel=room:1`);
    await vi.waitFor(() => expect(reader.frames).toEqual(["connected"]));
    for (const n of [1, 2]) await realtime.channel("room:1").emit("e.v", n);
    await vi.waitFor(() => expect(reader.data).toEqual([1, 2]));
    server.cut();
    for (const n of [3, 4, 5]) await realtime.channel("room:1").emit("e.v", n);
    await vi.waitFor(() => expect(reader.opened).toBe(2), { timeout: 20_000 });
    await vi.waitFor(() => expect(reader.data).toEqual([1, 2, 3, 4, 5]));
    server.cut();
    await vi.waitFor(() => expect(reader.opened).toBe(3), { timeout: 20_000 });
    await realtime.channel("room:1").emit("e.v", 6);
    await vi.waitFor(() => expect(reader.data).toEqual([1, 2, 3, 4, 5, 6]));
  });

  it("U-8: a plain EventSource on several channels resumes each of them; one that was empty too (B-3)", async () => {
    const { realtime, server } = await site();
    const [a, b, empty] = [realtime.channel("a"), realtime.channel("b"), realtime.channel("empty")];
    using reader = readByEventSource(`${server.url}/?channel=a&channel=b&channel=empty`);
    await vi.waitFor(() => expect(reader.frames.filter((name) => name === "connected")).toHaveLength(3));
    await a.emit("e.v", "a1");
    await b.emit("e.v", "b1");
    await vi.waitFor(() => expect(reader.data).toEqual(["a1", "b1"]));
    server.cut();
    await b.emit("e.v", "b2");
    await empty.emit("e.v", "e1");
    await a.emit("e.v", "a2");
    await vi.waitFor(() => expect(reader.opened).toBe(2), { timeout: 20_000 });
    await vi.waitFor(() => expect(reader.data).toHaveLength(5));
    await a.emit("e.v", "a3");
    await vi.waitFor(() => expect(reader.data).toHaveLength(6));
    expect(new Set(reader.data)).toEqual(new Set(["a1", "a2", "a3", "b1", "b2", "e1"]));
    expect(reader.frames).not.toContain("gap");
  });

  it("U-23: a stream says reconnect before its time is over, and an EventSource goes on without loss or repetition", async () => {
    const { realtime, server, get } = await site({}, { maxDurationSecs: 0.5 });
    const raw = await get("/");
    expect(await raw.ended).toMatch(/\nevent: reconnect\ndata: \{"delayMs":\d+\}\n\n$/);
    using reader = readByEventSource(server.url);
    await vi.waitFor(() => expect(reader.frames).toContain("connected"));
    let emitted = 0;
    while (reader.opened < 3) {
      await realtime.emit("e.v", ++emitted);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await vi.waitFor(() => expect(reader.data).toHaveLength(emitted));
    expect(reader.data).toEqual(Array.from({ length: emitted }, (_, n) => n + 1));
    expect(reader.frames).not.toContain("gap");
  });

  it("F-69, S-5: the headers of a stream; no CORS unless asked for (B-16)", async () => {
    const { get } = await site();
    const { status, headers } = await get("/", { origin: "https://elsewhere.example" });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("cors: names the origins that may read, and answers their preflight; a stranger gets nothing", async () => {
    const { server, get } = await site({ cors: { origin: ["https://app.example"], credentials: true } });
    const friend = await get("/", { origin: "https://app.example" });
    expect(friend.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "Retry-After",
      vary: "Origin",
    });
    const stranger = await get("/", { origin: "https://elsewhere.example" });
    expect(stranger.headers).toMatchObject({ vary: "Origin" });
    expect(stranger.headers["access-control-allow-origin"]).toBeUndefined();
    const ask = (origin: string): Promise<RawStream> =>
      openRaw(server.url, { method: "OPTIONS", headers: { origin, "access-control-request-headers": "authorization" } });
    const preflight = await ask("https://app.example");
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-allow-methods": "GET",
      "access-control-allow-headers": "authorization",
    });
    expect((await ask("https://elsewhere.example")).headers["access-control-allow-origin"]).toBeUndefined();
    const refusal = await get("/?at=wrong", { origin: "https://app.example" });
    expect(refusal.status, "a page must be able to read why it was refused").toBe(400);
    expect(refusal.headers["access-control-allow-origin"]).toBe("https://app.example");
  });

  it.each([
    ["POST", '{"code":"method_not_allowed"'],
    ["OPTIONS", '{"code":"method_not_allowed"'],
    ["DELETE", '{"code":"method_not_allowed"'],
    ["HEAD", ""],
  ])("a stream is opened with GET; %s is 405", async (method, body) => {
    const { realtime, server } = await site();
    const answer = await openRaw(server.url, { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET"]);
    expect(await answer.ended).toContain(body);
    expect(streamsOf(realtime)).toBe(0);
  });

  it("F-36: middleware runs before any stream or broker access; its Response is the answer, verbatim", async () => {
    const broker = createMemoryBroker();
    const touched = [vi.spyOn(broker, "listen"), vi.spyOn(broker, "read"), vi.spyOn(broker, "locate")];
    const headers = new Headers({ "content-type": "text/plain", "x-mine": "yes", location: "/login" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    const middleware = async (): Promise<Response> =>
      Promise.resolve(new Response("häh?\0\n", { status: 302, statusText: "Elsewhere", headers }));
    const { get } = await site({ middleware }, { broker });
    const answer = await get("/");
    expect([answer.status, await answer.ended]).toEqual([302, "häh?\0\n"]);
    expect(answer.headers).toMatchObject({
      "content-type": "text/plain",
      "x-mine": "yes",
      location: "/login",
      "set-cookie": ["a=1", "b=2"],
    });
    for (const spy of touched) expect(spy).not.toHaveBeenCalled();
  });

  it.each([
    ["one that HTTP cannot carry", () => Response.error()],
    ["one that was sent before", (shared: Response) => shared],
  ])("F-36: a Response that is no answer is refused with internal, and said to the operator: %s", async (_, choose) => {
    const shared = new Response("mine", { status: 403 });
    await shared.text();
    for (const cors of [undefined, { origin: "https://app.example" }]) {
      const said: unknown[] = [];
      const logger = { log() {}, warn() {}, error: (...details: unknown[]) => void said.push(details) };
      const { get } = await site({ ...(cors && { cors }), middleware: () => choose(shared) }, { logger });
      const answer = await get("/", { origin: "https://app.example" });
      expect([answer.status, JSON.parse(await answer.ended)]).toMatchObject([500, { code: "internal" }]);
      expect(answer.headers["access-control-allow-origin"]).toBe(cors?.origin);
      expect(String(said)).toMatch(/middleware returned a Response/);
    }
  });

  it("F-36: one Response for every request has its answer once, and is a mistake that is told from then on", async () => {
    for (const cors of [undefined, { origin: "*" }]) {
      const shared = new Response("mine", { status: 403 });
      const empty = new Response(null, { status: 401 });
      const { get } = await site({
        ...(cors && { cors }),
        middleware: ({ channels }) => (channels.includes("empty") ? empty : shared),
      });
      const statuses: number[] = [];
      for (const channel of ["a", "a", "empty", "empty"]) {
        const answer = await get(`/?channel=${channel}`);
        await answer.ended;
        statuses.push(answer.status);
      }
      expect(statuses).toEqual([403, 500, 401, 401]);
    }
  });

  it.each([
    ["Cookie", "Cookie, Origin"],
    ["cookie, ORIGIN", "cookie, ORIGIN"],
    ["*", "*"],
  ])("cors: a Vary of middleware stays: %s", async (vary, expected) => {
    const middleware = (): Response => new Response("no", { status: 401, headers: { vary } });
    const { get } = await site({ middleware, cors: { origin: "https://app.example" } });
    const answer = await get("/", { origin: "https://app.example" });
    expect([answer.status, answer.headers.vary]).toEqual([401, expected]);
    expect(answer.headers["access-control-allow-origin"]).toBe("https://app.example");
  });

  it("cors: a page may read when to come back, beside what middleware lets it read", async () => {
    const headers = { "retry-after": "60", "access-control-expose-headers": "X-Quota" };
    const middleware = (): Response => new Response("too many", { status: 429, headers });
    const { get } = await site({ middleware, cors: { origin: "https://app.example" } });
    const answer = await get("/", { origin: "https://app.example" });
    expect(answer.headers["access-control-expose-headers"]).toBe("X-Quota, Retry-After");
  });

  it("F-36: undefined admits, sync or async", async () => {
    for (const middleware of [() => {}, async () => {}]) {
      const { get } = await site({ middleware });
      const stream = await get("/");
      await stream.until("event: connected");
    }
  });

  it("F-37: middleware sees the request, and the channels each once; default when none is asked for", async () => {
    const seen: Array<readonly [string, string | null, string, string[]]> = [];
    const { get } = await site({
      middleware: ({ request, channels }) => {
        seen.push([request.method, request.headers.get("x-mine"), new URL(request.url).search, channels]);
      },
    });
    await get("/a?channel=x&channel=y&channel=x", { "x-mine": "hello" });
    await get("/a?channel=x%2Cy&channel=z,x");
    await get("/a");
    expect(seen).toEqual([
      ["GET", "hello", "?channel=x&channel=y&channel=x", ["x", "y"]],
      ["GET", null, "?channel=x%2Cy&channel=z,x", ["x", "y", "z"]],
      ["GET", null, "", ["default"]],
    ]);
  });

  it("F-37: a channel behind a # is none: the URL that middleware sees and the channels are of one request", async () => {
    const seen: Array<readonly [string[], string[]]> = [];
    const { server } = await site({
      middleware({ request, channels }) {
        seen.push([new URL(request.url).searchParams.getAll("channel"), channels]);
        return new Response(null, { status: 403 });
      },
    });
    for (const path of ["/a#?channel=admin", "/a?channel=b#&channel=admin"]) {
      const { hostname, port } = new URL(server.url);
      // As it stands: a URL would lose its fragment on the way.
      const [answer] = (await once(httpGet({ hostname, port, path }), "response")) as [IncomingMessage];
      answer.resume();
    }
    expect(seen).toEqual([
      [[], ["default"]],
      [["b"], ["b"]],
    ]);
  });

  it("F-38, F-41: a bearer secret: without it 401, and the channel admin is nobody's", async () => {
    const { get } = await site({
      middleware({ request, channels }) {
        if (request.headers.get("authorization") !== "Bearer secret") return new Response("Unauthorized", { status: 401 });
        if (channels.includes("admin")) return new Response("Forbidden", { status: 403 });
        return undefined;
      },
    });
    const nobody = await get("/?channel=news");
    expect([nobody.status, await nobody.ended]).toEqual([401, "Unauthorized"]);
    const authorization = "Bearer secret";
    const greedy = await get("/?channel=news&channel=admin", { authorization });
    expect([greedy.status, await greedy.ended]).toEqual([403, "Forbidden"]);
    await (await get("/?channel=news", { authorization })).until("event: connected");
  });

  it("F-39: a token that is verified asynchronously; private channels need the role admin", async () => {
    const roles: Record<string, string> = { t1: "admin", t2: "user" };
    const verify = async (token: string): Promise<{ role: string } | undefined> => {
      await new Promise((resolve) => setImmediate(resolve));
      return roles[token] ? { role: roles[token] } : undefined;
    };
    const { get } = await site({
      async middleware({ request, channels }) {
        const user = await verify(request.headers.get("authorization")?.replace("Bearer ", "") ?? "");
        if (!user) return new Response("Unauthorized", { status: 401 });
        const mayAll = user.role === "admin" || !channels.some((channel) => channel.startsWith("private:"));
        return mayAll ? undefined : new Response("Forbidden", { status: 403 });
      },
    });
    const status = async (token: string, channel: string): Promise<number> =>
      (await get(`/?channel=${channel}`, { authorization: `Bearer ${token}` })).status;
    expect(await status("wrong", "news")).toBe(401);
    expect(await status("t2", "private:orders")).toBe(403);
    expect(await status("t2", "news")).toBe(200);
    expect(await status("t1", "private:orders")).toBe(200);
  });

  it("F-40: a cookie session; missing or invalid is 401", async () => {
    const { get } = await site({
      middleware({ request }) {
        const session = /(?:^|; )session=([^;]*)/.exec(request.headers.get("cookie") ?? "")?.[1];
        return session === "valid" ? undefined : new Response("Unauthorized", { status: 401 });
      },
    });
    expect((await get("/")).status).toBe(401);
    expect((await get("/", { cookie: "a=b; session=forged" })).status).toBe(401);
    expect((await get("/", { cookie: "a=b; session=valid" })).status).toBe(200);
  });

  it("U-22: identify names the user, authorize answers per channel; the refused one is told, the others flow", async () => {
    const asked: unknown[] = [];
    const { realtime, get } = await site({
      identify: async (request) => request.headers.get("x-user") ?? undefined,
      authorize({ channel, user }) {
        asked.push([channel, user]);
        return channel === "news" || channel === `user:${user}`;
      },
    });
    const stream = await get("/?channel=news&channel=user:ann&channel=user:bob&v=1", { "x-user": "ann" });
    await stream.until((text) => text.split("event: connected").length === 3);
    expect(stream.text).toContain('event: problem\ndata: {"code":"forbidden","channel":"user:bob","retry":false}');
    await realtime.channel("user:bob").emit("e.v", "for bob");
    await realtime.channel("user:ann").emit("e.v", "for ann");
    await stream.until("for ann");
    expect(stream.text).not.toContain("for bob");
    expect(asked).toEqual([
      ["news", "ann"],
      ["user:ann", "ann"],
      ["user:bob", "ann"],
    ]);
    const none = await get("/?channel=user:bob");
    expect([none.status, JSON.parse(await none.ended)]).toMatchObject([403, { code: "forbidden" }]);
  });

  it("U-22: only true admits: a promise of something else, or nothing, does not", async () => {
    for (const answer of ["yes", 1, undefined, {}]) {
      const { get } = await site({ authorize: async () => answer as boolean });
      expect((await get("/")).status).toBe(403);
    }
  });

  it("S-6: a client that leaves frees its stream, while middleware still thinks about it too", async () => {
    let decide = (): void => {};
    const gate = new Promise<void>((resolve) => (decide = resolve));
    let asked = 0;
    const { realtime, server, get } = await site({
      middleware: ({ channels }) => (channels.includes("slow") ? (asked++, gate) : undefined),
    });
    const streams = await Promise.all(Array.from({ length: 20 }, (_, n) => get(`/?channel=c${n % 3}`)));
    await Promise.all(streams.map((stream) => stream.until("event: connected")));
    expect(streamsOf(realtime)).toBe(20);
    for (const stream of streams.slice(0, 10)) stream.destroy();
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(10));
    server.cut();
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
    const hurried = get("/?channel=slow").catch(() => {});
    await vi.waitFor(() => expect(asked).toBe(1));
    server.cut();
    await hurried;
    decide();
    const patient = await get("/?channel=patient");
    await patient.until("event: connected");
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(1));
  });

  it("I5 Bound: a reader that takes nothing is blocked, slows nobody, and has everything when it reads on", async () => {
    const { realtime, server, get } = await site({}, { history: { maxLength: 10_000 } });
    const quick = await get("/?channel=c");
    const slow = await fetch(`${server.url}/?channel=c`);
    const reader = slow.body?.getReader();
    await quick.until("event: connected");
    const padding = "x".repeat(20_000);
    const count = 1_000;
    for (let n = 0; n < count; n++) {
      await realtime.channel("c").emit("e.v", { n, padding });
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await quick.until((text) => text.length > count * padding.length && text.includes(`"n":${count - 1},`));
    let text = "";
    const decoder = new TextDecoder();
    while (text.length < count * padding.length || !text.includes(`"n":${count - 1},`))
      text += decoder.decode((await reader?.read())?.value, { stream: true });
    await reader?.cancel();
    expect([...text.matchAll(/"n":(\d+),/g)].map(([, n]) => Number(n))).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(text).not.toContain("event: gap");
  });

  it("I9 Close: open streams end, and who comes later gets a stream that ends at once", async () => {
    const { realtime, get } = await site();
    const stream = await get("/");
    await stream.until("event: connected");
    await realtime.close();
    await stream.ended;
    const late = await get("/");
    expect([late.status, late.headers["content-type"], await late.ended]).toEqual([
      200,
      "text/event-stream",
      "retry: 1000\n:\n\n",
    ]);
  });

  it("a Realtime that closes while middleware thinks answers in the same way", async () => {
    let realtime: Realtime | undefined;
    const { get, ...rest } = await site({ middleware: async () => realtime?.close() });
    realtime = rest.realtime;
    const answer = await get("/");
    expect([answer.status, await answer.ended]).toEqual([200, "retry: 1000\n:\n\n"]);
  });

  it("I8 Outage: an unreachable broker refuses no stream: 200, first bytes at once, and it joins when the broker is back", async () => {
    const broker = createMemoryBroker();
    const { listen } = broker;
    let back = (): void => {};
    const outage = new Promise<void>((resolve) => (back = resolve));
    broker.listen = (handlers) => {
      const listener = listen.call(broker, handlers);
      return {
        join: async (channel) => {
          await outage;
          await listener.join(channel);
        },
        leave: (channel) => listener.leave(channel),
        close: () => listener.close(),
      };
    };
    const { realtime, get } = await site({}, { broker });
    const stream = await get("/");
    expect(stream.status).toBe(200);
    expect(await stream.until(":\n\n")).toBe("retry: 1000\n:\n\n");
    back();
    await stream.until("event: connected");
    await realtime.emit("e.v", "after the outage");
    await stream.until("after the outage");
  });

  it(`F-13: ${kind}: handle() for each request is no leak`, async () => {
    const realtime = createRealtime();
    const middlewares: Array<WeakRef<object>> = [];
    const server = await serve((req, res) => {
      const middleware = (): void => {};
      middlewares.push(new WeakRef(middleware));
      createListener({ realtime, middleware })(req, res);
    });
    cleanup.push(() => server[Symbol.asyncDispose]());
    for (let n = 0; n < 20; n++) {
      const streams = await Promise.all(Array.from({ length: 5 }, () => openRaw(server.url)));
      await Promise.all(streams.map((stream) => stream.until("event: connected")));
      for (const stream of streams) stream.destroy();
      await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
    }
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    await vi.waitFor(() => {
      gc();
      expect(middlewares.filter((middleware) => middleware.deref()).length).toBeLessThan(5);
    });
    expect(middlewares).toHaveLength(100);
  });
});

describe("handle of tidings, called with a Request", () => {
  const request = (path = "/", init: RequestInit = {}): Request => new Request(`http://localhost${path}`, init);

  it("S-6: abort and cancel free the stream, in either order, once or both, before it began and after it ended", async () => {
    const realtime = createRealtime();
    const GET = handleFetch({ realtime });
    const leave: ReadonlyArray<(reader: ReadableStreamDefaultReader<Uint8Array>, controller: AbortController) => unknown> = [
      (_, controller) => controller.abort(),
      (reader) => reader.cancel(),
      (reader, controller) => (controller.abort(), reader.cancel()),
      (reader, controller) => reader.cancel().then(() => controller.abort()),
    ];
    for (const go of leave) {
      const controller = new AbortController();
      const response = await GET(request("/", { signal: controller.signal }));
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      expect(streamsOf(realtime)).toBe(1);
      await go(reader, controller);
      expect(streamsOf(realtime)).toBe(0);
    }
    const late = await GET(request("/", { signal: AbortSignal.abort() }));
    expect(await (late.body as ReadableStream<Uint8Array>).getReader().read()).toMatchObject({ done: true });
    expect(streamsOf(realtime)).toBe(0);
  });

  it("I9 Close: the body ends when the instance closes, and cancelling it then is no error", async () => {
    const realtime = createRealtime();
    const response = await handleFetch({ realtime })(request());
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await realtime.close();
    await vi.waitFor(async () => expect((await reader.read()).done).toBe(true));
    await reader.cancel();
  });
});

describe("given the wrong kind of request, each handle names the other", () => {
  it("handle of tidings with Node's (req, res)", async () => {
    const caught: unknown[] = [];
    const handler = handleFetch({ realtime: createRealtime() });
    const server = await serve((req, res) => {
      handler(req as never).catch((error: unknown) => {
        caught.push(error);
        res.end();
      });
    });
    cleanup.push(() => server[Symbol.asyncDispose]());
    await (
      await openRaw(server.url)
    ).ended;
    expect(caught).toMatchObject([{ name: "TidingsError", code: "bad_request", retryable: false }]);
    expect(String(caught[0])).toMatch(/fetch `Request`.*import `handle` from `tidings\/node`/);
  });

  it("handle of tidings with a framework's context", async () => {
    const handler = handleFetch({ realtime: createRealtime() });
    for (const wrong of [undefined, null, {}, { req: { raw: new Request("http://localhost/") } }])
      await expect(handler(wrong as never)).rejects.toMatchObject({ code: "bad_request" });
  });

  it("handle of tidings/node with a Request", () => {
    const handler = handleNode({ realtime: createRealtime() }) as (...given: unknown[]) => void;
    for (const wrong of [[new Request("http://localhost/")], [], [undefined, undefined], [{ req: {}, res: {} }]]) {
      expect(() => handler(...wrong)).toThrow(/`\(req, res\)`.*import `handle` from `tidings`/);
      expect(() => handler(...wrong)).toThrow(expect.objectContaining({ code: "bad_request" }));
    }
  });
});

describe("the adapter of these tests", () => {
  it("does what frameworks do: a Response of a handler that is not ours goes out as it is", async () => {
    const server = await serve(fetchListener(async () => new Response("hello", { status: 201 })));
    cleanup.push(() => server[Symbol.asyncDispose]());
    const answer = await openRaw(server.url);
    expect([answer.status, await answer.ended]).toEqual([201, "hello"]);
  });
});
