import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { EventSource } from "eventsource";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Realtime, TidingsError } from "../../src/index.ts";
import {
  bindPublisher,
  createPublisher,
  defineAdmin,
  publish,
  publishResource,
  resource,
  stream,
  subscribe,
  type Admin,
  type AdminOptions,
  type AdminSession,
} from "../../src/resources.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import { connectRaw, rawCommand } from "../support/raw-redis.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { watchRedis } from "../support/redis-watch.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";
import { until } from "../support/until.ts";
import { createOrders } from "./fixtures/resources/orders.ts";

const root = path.resolve(import.meta.dirname, "../..");
const run = promisify(execFile);

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const admins: Array<Pick<Admin, "close">> = [];
beforeEach(() => {
  // What a file of tests before this one has left there.
  delete (globalThis as { [key: symbol]: unknown })[Symbol.for("tidings.resources")];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const admin of admins.splice(0)) await admin.close();
});

/** Closed with the test. */
function opened<A extends Pick<Admin, "close">>(admin: A): A {
  admins.push(admin);
  return admin;
}

let prefixes = 0;
const prefix = (): string => `t${++prefixes}`;
const overRedis = (keyPrefix?: string) => ({ driver: "redis", url: redis.url, ...(keyPrefix && { keyPrefix }) }) as const;
const orders = resource("orders", { realtime: true });

/** A stream as a plain `EventSource` asks for it, which is ready. */
async function hear(
  route: (request: Request) => Promise<Response>,
  query: string,
  headers?: Record<string, string>,
): Promise<StreamReader> {
  const reader = await readStream(route, query, headers);
  onTestFinished(() => reader.close());
  await reader.until((frames) => countOf(frames, "ready") === 1);
  return reader;
}

const messages = ({ frames }: StreamReader): unknown[] =>
  frames.filter(({ event }) => event === "message").map(({ data }) => data);
const ping = (id: string, action = "update"): object => ({ channel: "resource.orders", payload: { action, id } });

describe("what an admin tells", () => {
  it("P-1, P-2, P-7, P-9: over Redis and in memory the same calls reach the same stream; without `realtime` they do not", async () => {
    for (const realtime of [overRedis(prefix()), { driver: "memory", keyPrefix: prefix() } as const]) {
      const admin = opened(defineAdmin({ resources: [orders, resource("notes")], realtime }));
      const reader = await hear(stream(admin), "channel=resource.orders&channel=resource.notes");
      await publishResource("notes", { action: "create", id: "n1" });
      await publishResource("orders", { action: "create", id: "1" });
      await publishResource("orders", { action: "update", id: "1" });
      await publishResource("orders", { action: "delete", id: "1" });
      await reader.until((frames) => countOf(frames, "message") === 3);
      expect(messages(reader)).toEqual([ping("1", "create"), ping("1"), ping("1", "delete")]);
    }
  });

  it("P-2, P-8: without `realtime` an admin is in memory, and what one copy of its module tells, another hears", async () => {
    const [first, second] = [opened(defineAdmin({ resources: { orders } })), opened(defineAdmin({ resources: { orders } }))];
    const reader = await hear(stream(first), "channel=resource.orders");
    await second.publisher.publish("resource.orders", { action: "update", id: "7" });
    await reader.until((frames) => countOf(frames, "message") === 1);
    expect(messages(reader)).toEqual([ping("7")]);
  });

  it("P-3: keys begin with `flowpanel`, and two prefixes on one Redis never mix", async () => {
    const [plain, own] = [opened(defineAdmin({ realtime: overRedis() })), opened(defineAdmin({ realtime: overRedis("fp") }))];
    const [ofPlain, ofOwn] = [
      await hear(stream(plain), "channel=resource.orders"),
      await hear(stream(own), "channel=resource.orders"),
    ];
    await plain.publisher.publish("resource.orders", { action: "update", id: "plain" });
    await own.publisher.publish("resource.orders", { action: "update", id: "own" });
    for (const reader of [ofPlain, ofOwn]) await reader.until((frames) => countOf(frames, "message") > 0);
    await plain.publisher.publish("resource.orders", { action: "update", id: "last" });
    await ofPlain.until((frames) => countOf(frames, "message") === 2);
    expect([messages(ofPlain), messages(ofOwn)]).toEqual([[ping("plain"), ping("last")], [ping("own")]]);
    const keys = (await rawCommand(redis.port, "KEYS", "*resource.orders")) as string[];
    expect(keys).toEqual(expect.arrayContaining(["flowpanel:resource.orders", "fp:resource.orders"]));
  });

  it("P-4: what a plain worker tells reaches a stream of another process over Redis", async () => {
    const keyPrefix = prefix();
    const admin = opened(defineAdmin({ resources: [orders], realtime: overRedis(keyPrefix) }));
    const reader = await hear(stream(admin), "channel=resource.orders");
    const worker = path.join(root, "test/integration/fixtures/resources/worker.mjs");
    const { stderr } = await run(process.execPath, [worker, redis.url, keyPrefix, "from afar"]);
    expect(stderr).toBe("");
    await reader.until((frames) => countOf(frames, "message") === 1);
    expect(messages(reader)).toEqual([ping("from afar")]);
  });

  it("P-6: of a write with secrets in it, only the resource, what happened and the id cross Redis", async () => {
    const admin = opened(defineAdmin({ adapter: createOrders(), resources: [orders], realtime: overRedis(prefix()) }));
    await (await hear(stream(admin), "channel=resource.orders")).close();
    using monitor = await connectRaw(redis.port);
    await monitor.command("MONITOR");
    await admin.resource("orders").create({ id: "77", card: "4111-SECRET", note: "SECRET tea" });
    await admin.resource("orders").update("77", { note: "SECRET jam" });
    await admin.transaction(async (tx) => void (await tx.resource("orders").delete("77")));
    const lines = (): string[] => monitor.pushed.map(String);
    await until("the last ping in MONITOR", async () => lines().some((line) => line.includes("delete")) || undefined);
    const text = lines().join("\n");
    for (const action of ["create", "update", "delete"])
      expect(text).toContain(String.raw`{\"action\":\"${action}\",\"id\":\"77\"}`);
    expect(text).not.toContain("SECRET");
  });

  it("P-13: `publish` and `subscribe` reach across publishers; a handler that throws hears the next", async () => {
    const [here, there] = [opened(createPublisher(overRedis("p13"))), opened(createPublisher(overRedis("p13")))];
    bindPublisher(here);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const heard: unknown[] = [];
    const off = subscribe("jobs", (payload) => {
      heard.push(payload);
      if (payload === "first") throw new Error("planted");
    });
    await vi.waitFor(async () => {
      await there.publish("jobs", "first");
      expect(heard).toContain("first");
    });
    await there.publish("jobs", { done: 2 });
    await there.publish("jobs");
    await vi.waitFor(() => expect(heard.slice(-2)).toEqual([{ done: 2 }, null]));
    const others: unknown[] = [];
    const stay = subscribe("jobs", (payload) => void others.push(payload));
    off();
    await there.publish("jobs", "late");
    await publish("jobs", "later");
    // Here, not only in Redis: who begins to listen before that may hear it.
    await vi.waitFor(() => expect(others).toContain("later"));
    const again = subscribe("jobs", (payload) => void heard.push(payload));
    await vi.waitFor(async () => {
      await there.publish("jobs", "end");
      expect(heard).toContain("end");
    });
    again();
    stay();
    expect(heard).not.toContain("late");
    expect(heard).not.toContain("later");
  });

  it("P-13: a payload of 64 KiB and a name that is none are refused", async () => {
    opened(defineAdmin());
    await publish("jobs", "x".repeat(64 * 1024 - 3));
    await expect(publish("jobs", "x".repeat(64 * 1024 - 2))).rejects.toMatchObject({ code: "payload_too_large" });
    await expect(publish("no name")).rejects.toMatchObject({ code: "bad_channel" });
    await expect(publishResource("no/name", { action: "update" })).rejects.toMatchObject({ code: "bad_channel" });
  });

  it("P-13: what is published before there is an admin waits for it, with one warning", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await publishResource("orders", { action: "update", id: "early" });
    await publishResource("orders", { action: "update", id: "soon" });
    const heard: unknown[] = [];
    const off = subscribe("resource.orders", (payload) => void heard.push(payload));
    expect(warn.mock.calls).toEqual([[expect.stringContaining("bindPublisher(admin)")]]);
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    await vi.waitFor(async () =>
      expect(await admin.realtime.channel("resource.orders").history()).toMatchObject([
        { data: { action: "update", id: "early" } },
        { data: { action: "update", id: "soon" } },
      ]),
    );
    await publishResource("orders", { action: "update", id: "now" });
    await vi.waitFor(() => expect(heard).toContainEqual({ action: "update", id: "now" }));
    off();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it("P-13: what is wrong is refused at the call, also before there is an admin, and loses nothing that waits", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const early = publish("jobs", "early");
    await expect(publish("no name")).rejects.toMatchObject({ code: "bad_channel" });
    await expect(publish("jobs", "x".repeat(64 * 1024))).rejects.toMatchObject({ code: "payload_too_large" });
    await expect(publish("jobs", new Map())).rejects.toMatchObject({ code: "payload_not_json" });
    expect(() => subscribe("no name", () => {})).toThrow(expect.objectContaining({ code: "bad_channel" }));
    await Promise.all([early, publish("jobs", "late")]);
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    await vi.waitFor(async () =>
      expect(await admin.realtime.channel("jobs").history()).toMatchObject([{ data: "early" }, { data: "late" }]),
    );
  });

  it("P-13: a publisher that takes no subscription, and refuses what waits, keeps nothing from the others", async () => {
    const [error, warn] = [vi.spyOn(console, "error"), vi.spyOn(console, "warn")];
    for (const spy of [error, warn]) spy.mockImplementation(() => {});
    const heard: unknown[] = [];
    for (const channel of ["planted", "jobs"]) onTestFinished(subscribe(channel, (payload) => void heard.push(payload)));
    await publish("planted");
    await publish("jobs", "waited");
    const inner = opened(createPublisher({ driver: "memory", keyPrefix: prefix() }));
    const refusing = (channel: string): void => {
      if (channel === "planted") throw new TidingsError("payload_too_large", "planted.");
    };
    bindPublisher({
      ...{ realtime: inner.realtime, ownsRealtime: true, close: () => inner.close() },
      async publish(channel, payload) {
        refusing(channel);
        await inner.publish(channel, payload);
      },
      subscribe(channel, handler) {
        refusing(channel);
        return inner.subscribe(channel, handler);
      },
    });
    await vi.waitFor(async () => expect(await inner.realtime.channel("jobs").history()).toMatchObject([{ data: "waited" }]));
    await vi.waitFor(async () => {
      await publish("jobs", "now");
      expect(heard).toContain("now");
    });
    expect(error.mock.calls).toEqual([
      [expect.stringContaining("cannot be heard"), expect.objectContaining({ code: "payload_too_large" })],
    ]);
    expect(warn.mock.calls.map(([text]) => String(text))).toContainEqual(expect.stringContaining("realtime_failed"));
  });

  it("P-13: of more than 1,000 messages that wait the oldest are dropped, with a word; subscriptions never are", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const heard: unknown[] = [];
    onTestFinished(subscribe("jobs", (payload) => void heard.push(payload)));
    const ended = vi.fn<() => void>();
    subscribe("jobs", ended)();
    await Promise.all(Array.from({ length: 1_002 }, (_, n) => publish(`many.${n % 3}`, n)));
    expect(warn.mock.calls.map(([text]) => String(text))).toEqual([
      expect.stringContaining("bindPublisher(admin)"),
      expect.stringContaining("more than 1000"),
    ]);
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    await vi.waitFor(async () => {
      const stored = await Promise.all([0, 1, 2].map((n) => admin.realtime.channel(`many.${n}`).history()));
      expect(stored.map((messages) => messages[0]?.data)).toEqual([3, 4, 2]);
    });
    await vi.waitFor(async () => {
      await publish("jobs", "now");
      expect(heard).toContain("now");
    });
    expect(ended).not.toHaveBeenCalled();
  });

  it("B-41: an admin is found by every copy of the module in a process", async () => {
    vi.resetModules();
    const copy = await import("../../src/resources.ts");
    expect(copy.publishResource).not.toBe(publishResource);
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    await copy.publishResource("orders", { action: "create", id: "copy" });
    expect(await admin.realtime.channel("resource.orders").history()).toMatchObject([{ data: { id: "copy" } }]);
  });

  it("B-41: who ends a subscription at once leaves no listener of Redis behind", async () => {
    const publisher = opened(createPublisher(overRedis(prefix())));
    publisher.subscribe("jobs", () => {})();
    await publisher.publish("jobs", 1);
    await vi.waitFor(() => expect(publisher.realtime.stats()).toMatchObject({ subscriptions: 0 }));
    await publisher.close();
    await vi.waitFor(async () => expect(await rawCommand(redis.port, "PUBSUB", "CHANNELS", `*${prefixes}:jobs*`)).toEqual([]));
  });

  it("P-16: one process holds one connection that listens, whatever listens on it", async () => {
    const admin = opened(defineAdmin({ resources: [orders], realtime: overRedis(prefix()) }));
    const before = (await watchRedis(redis.port).connections()).length;
    const route = stream(admin);
    for (let n = 0; n < 10; n++) await hear(route, `channel=resource.orders&channel=jobs${n}`);
    expect((await watchRedis(redis.port).connections()).length - before).toBe(2);
  });
});

describe("the route of an admin", () => {
  it("P-5, P-10, P-11: the bytes of a stream: `ready` first, then a message with channel and payload, comments between", async () => {
    for (const realtime of [overRedis(prefix()), { driver: "memory", keyPrefix: prefix() } as const]) {
      const admin = opened(defineAdmin({ resources: [orders], realtime }));
      const GET = stream(admin, { heartbeatMs: 100 });
      const response = await GET(new Request("http://localhost/api/flowpanel/stream?channel=resource.orders"));
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      let text = "";
      const readUntil = async (wanted: string): Promise<void> => {
        while (!text.includes(wanted)) text += decoder.decode((await reader.read()).value, { stream: true });
      };
      await readUntil("event: ready");
      expect(text.startsWith("event: ready\ndata: {}\n\n")).toBe(true);
      await publishResource("orders", { action: "update", id: "1" });
      await readUntil("event: message");
      await readUntil("\n\n: keep-alive\n\n");
      expect(text).toMatch(
        /\nid: [\d-]+\nevent: message\ndata: \{"channel":"resource\.orders","payload":\{"action":"update","id":"1"\}\}\n\n/,
      );
      await reader.cancel();
      await vi.waitFor(() => expect(admin.realtime.stats().streams).toBe(0));
    }
  });

  it("P-10, P-15: a plain EventSource that was cut off gets what it missed, once", async () => {
    const admin = opened(defineAdmin({ resources: [orders], realtime: overRedis(prefix()) }));
    await using server = await serve(fetchListener(stream(admin)));
    const source = new EventSource(`${server.url}/?channel=resource.orders&channel=jobs`);
    onTestFinished(() => source.close());
    const heard: unknown[] = [];
    const ready = (): Promise<unknown> => new Promise((resolve) => source.addEventListener("ready", resolve, { once: true }));
    const first = ready();
    source.addEventListener("message", ({ data }) => heard.push((JSON.parse(data as string) as { payload: unknown }).payload));
    await first;
    await publish("jobs", 1);
    await vi.waitFor(() => expect(heard).toEqual([1]));
    // What it was told last of where it stands comes with the turn.
    await vi.waitFor(() => expect(admin.realtime.stats().streams).toBe(1));
    const second = ready();
    server.cut();
    await publish("jobs", 2);
    await second;
    await publish("jobs", 3);
    await vi.waitFor(() => expect(heard).toEqual([1, 2, 3]), { timeout: 20_000 });
  });

  it("P-12: names that are none and those above 25 are left out, and the rest is heard", async () => {
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    const route = stream(admin);
    const names = Array.from({ length: 60 }, (_, n) => `c${n}`);
    const query = ["channel=no%20name", "channel=a/b", ...names.map((name) => `channel=${name}`)].join("&");
    const reader = await hear(route, query);
    for (const name of names) await publish(name, name);
    await publish("c0", "end");
    await reader.until(() => messages(reader).some((each) => (each as { payload: unknown }).payload === "end"));
    expect(new Set(messages(reader).map((each) => (each as { channel: string }).channel))).toEqual(new Set(names.slice(0, 25)));
    const none = await route(new Request("http://localhost/?channel=no%20name"));
    expect([none.status, await none.json()]).toEqual([400, { ok: false, error: "No channel" }]);
    expect((await route(new Request("http://localhost/"))).status).toBe(400);
  });

  it("P-12: of our own client's channels, too, those above 25 are refused by name while the rest is heard", async () => {
    const admin = opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } }));
    const reader = await readStream(stream(admin), `v=1&channel=${Array.from({ length: 26 }, (_, n) => `c${n}`).join(",")}`);
    onTestFinished(() => reader.close());
    await reader.until((frames) => countOf(frames, "connected") === 25 && countOf(frames, "problem") === 1);
    expect(reader.frames.find(({ event }) => event === "problem")?.data).toMatchObject({ code: "forbidden", channel: "c25" });
  });

  it("P-12: who may not see a resource gets 403 and no ping, nobody gets 401, and of several channels the others are heard", async () => {
    const sessions: Record<string, AdminSession> = {
      boss: { role: ["staff", "admin"] },
      clerk: { role: "staff", user: "ada" },
    };
    const admin = opened(
      defineAdmin({
        auth: {
          session: async (request) => sessions[request.headers.get("x-session") ?? ""] ?? null,
          channel: ({ session, channel }) => channel !== "secret" || (session.role?.includes("admin") ?? false),
        },
        resources: [
          resource("payouts", { realtime: true, access: ["admin"] }),
          resource("orders", { realtime: true, access: ({ role }: AdminSession) => role !== undefined }),
          resource("still"),
        ],
        realtime: { driver: "memory", keyPrefix: prefix() },
      }),
    );
    const route = stream(admin);
    const ask = async (query: string, session = ""): Promise<unknown[]> => {
      const response = await route(new Request(`http://localhost/?${query}`, { headers: { "x-session": session } }));
      const isStream = response.status === 200;
      const body: unknown = isStream ? await response.body?.cancel() : await response.json();
      return [response.status, body];
    };
    const forbidden = [403, { ok: false, error: "Forbidden" }];
    for (const way of ["", "&v=1"]) {
      expect(await ask(`channel=resource.payouts${way}`, "clerk")).toEqual(forbidden);
      expect(await ask(`channel=resource.still${way}`, "boss")).toEqual(forbidden);
      expect(await ask(`channel=resource.unknown${way}`, "boss")).toEqual(forbidden);
      expect(await ask(`channel=secret${way}`, "clerk")).toEqual(forbidden);
      expect(await ask(`channel=resource.orders${way}`)).toEqual([401, { ok: false, error: "Unauthorized" }]);
      expect(await ask(`channel=resource.payouts${way}`, "boss")).toEqual([200, undefined]);
    }
    const reader = await hear(route, "channel=resource.payouts&channel=resource.orders&channel=jobs", { "x-session": "clerk" });
    await publishResource("payouts", { action: "create", id: "secret" });
    await publishResource("orders", { action: "create", id: "1" });
    await publish("jobs", "done");
    await reader.until((frames) => countOf(frames, "message") === 2);
    expect(messages(reader)).toEqual([ping("1", "create"), { channel: "jobs", payload: "done" }]);
  });

  it("P-12: what `auth.session` returns and is no session lets nobody in, and a Response of it is the answer", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const ask = async (session: unknown, channels = "resource.orders"): Promise<[number, string]> => {
      const auth = { session: () => session as AdminSession };
      const resources = [orders, resource("payouts", { realtime: true, access: ["admin"] })];
      const route = stream(opened(defineAdmin({ auth, resources, realtime: { driver: "memory", keyPrefix: prefix() } })));
      const response = await route(new Request(`http://localhost/?channel=${channels}`));
      if (response.status === 200) return [200, String(await response.body?.cancel())];
      return [response.status, await response.text()];
    };
    expect(await ask(new Response("Sign in", { status: 403 }))).toEqual([403, "Sign in"]);
    for (const nobody of [false, "", 0]) expect((await ask(nobody))[0]).toBe(401);
    for (const session of [true, "ada", 7, [], () => {}, { user: 7 }, { user: { id: "ada" } }]) {
      expect([session, (await ask(session))[0]]).toEqual([session, 500]);
      expect(String(error.mock.lastCall?.[1])).toContain("auth.session returned");
    }
    // As a row of a database has it: without a role, and what needs none is heard.
    for (const role of [null, {}, 7, [null]]) {
      expect(await ask({ role, user: null }, "resource.orders,resource.payouts")).toEqual([200, "undefined"]);
      expect((await ask({ role, user: null }, "resource.payouts"))[0]).toBe(403);
    }
  });

  it("P-12: of a `Realtime` that was passed in, a channel that is no resource's is refused until `auth.channel` allows it", async () => {
    const realtime = new Realtime({ keyPrefix: prefix() });
    onTestFinished(() => realtime.close());
    const session = (): AdminSession => ({ user: "ada" });
    const ask = async (options: AdminOptions, channel: string, way: string): Promise<number> => {
      const response = await stream(opened(defineAdmin(options)))(new Request(`http://localhost/?channel=${channel}${way}`));
      await response.body?.cancel();
      return response.status;
    };
    for (const way of ["", "&v=1"]) {
      for (const auth of [undefined, { session }]) {
        expect(await ask({ auth, realtime }, "chat.7", way)).toBe(403);
        expect(await ask({ auth, realtime }, "resource.orders", way)).toBe(200);
        expect(await ask({ auth, realtime: { driver: "memory", keyPrefix: prefix() } }, "chat.7", way)).toBe(200);
      }
      const auth = { session, channel: ({ channel }: { readonly channel: string }) => channel === "jobs" };
      expect([await ask({ auth, realtime }, "chat.7", way), await ask({ auth, realtime }, "jobs", way)]).toEqual([403, 200]);
    }
    // Beside a resource, too: nothing of it is heard.
    const reader = await hear(stream(opened(defineAdmin({ realtime }))), "channel=resource.orders&channel=chat.7");
    await realtime.channel("chat.7").emit("text", { secret: true });
    await publishResource("orders", { action: "update", id: "1" });
    await reader.until((frames) => countOf(frames, "message") === 1);
    expect(messages(reader)).toEqual([ping("1")]);
  });

  it("says what it needs to who gives it the request of Express", async () => {
    const route = stream(opened(defineAdmin({ realtime: { driver: "memory", keyPrefix: prefix() } })));
    for (const request of [{ url: "/?channel=jobs", method: "GET", headers: {} }, undefined])
      await expect(route(request as never)).rejects.toMatchObject({ code: "bad_request" });
  });

  it("P-12: `auth` sees the request as it came, and what it throws is no word to a browser", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const seen: Request[] = [];
    const admin = opened(
      defineAdmin({
        auth: {
          session(request) {
            seen.push(request);
            throw new Error("the database of sessions is away");
          },
        },
        realtime: { driver: "memory", keyPrefix: prefix() },
      }),
    );
    const request = new Request("http://localhost/?channel=jobs");
    const response = await stream(admin)(request);
    expect([response.status, seen[0] === request]).toEqual([500, true]);
    expect(await response.text()).not.toContain("database");
    expect(error).toHaveBeenCalled();
  });
});

describe("what an admin writes", () => {
  it("P-1: create, update and delete are told when they are done; of no row, nothing is", async () => {
    const admin = opened(
      defineAdmin({ adapter: createOrders(), resources: [orders], realtime: { driver: "memory", keyPrefix: prefix() } }),
    );
    const reader = await hear(stream(admin), "channel=resource.orders");
    const store = admin.resource("orders");
    expect(await store.create({ id: 1, status: "open" })).toEqual({ id: 1, status: "open" });
    expect(await store.update(1, { status: "sent" })).toEqual({ id: 1, status: "sent" });
    expect([await store.update(2, { status: "sent" }), await store.delete(2)]).toEqual([undefined, undefined]);
    expect(await store.delete(1)).toEqual({ id: 1, status: "sent" });
    await reader.until((frames) => countOf(frames, "message") === 3);
    expect(messages(reader)).toEqual([ping("1", "create"), ping("1"), ping("1", "delete")]);
  });

  it("P-15: what a transaction writes is told when it is committed, once per row, and never when it is rolled back", async () => {
    const adapter = createOrders();
    const admin = opened(defineAdmin({ adapter, resources: [orders], realtime: { driver: "memory", keyPrefix: prefix() } }));
    const log = admin.realtime.channel("resource.orders");
    const failed = admin.transaction(async (tx) => {
      await tx.resource("orders").create({ id: 1 });
      tx.publishResource("orders", { action: "update", id: 5 });
      throw new Error("planted");
    });
    await expect(failed).rejects.toThrow("planted");
    expect([adapter.rows(), await log.history()]).toEqual([[], []]);
    const told = admin.transaction(async (tx) => {
      await tx.resource("orders").create({ id: 2 });
      await tx.resource("orders").update(2, { status: "a" });
      await tx.resource("orders").update(2, { status: "b" });
      expect(await log.history()).toEqual([]);
      return "done";
    });
    expect(await told).toBe("done");
    expect(adapter.rows()).toEqual([{ id: 2, status: "b" }]);
    expect((await log.history()).map(({ data }) => data)).toEqual([
      { action: "create", id: "2" },
      { action: "update", id: "2" },
    ]);
  });

  it("P-15: with Redis gone a write is done, with one warning; when it is back, the next loss is said again", async () => {
    await using own = await startRedis();
    const adapter = createOrders();
    const realtime = new Realtime({ redis: own.url, keyPrefix: "flowpanel", emitTimeoutSecs: 0.2 });
    onTestFinished(() => realtime.close());
    const admin = opened(defineAdmin({ adapter, resources: [orders], realtime }));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const failures = (): number => warn.mock.calls.filter(([text]) => String(text).includes("realtime_failed")).length;
    await admin.resource("orders").create({ id: 1 });
    expect(failures()).toBe(0);
    await own.kill();
    await admin.resource("orders").create({ id: 2 });
    await admin.resource("orders").update(1, { status: "sent" });
    await publishResource("orders", { action: "update", id: 1 });
    expect([adapter.rows(), failures()]).toEqual([[{ id: 1, status: "sent" }, { id: 2 }], 1]);
    await own.start();
    await vi.waitFor(async () => {
      const told = (await realtime.channel("resource.orders").history()).length;
      await publishResource("orders", { action: "update", id: "back" });
      expect(await realtime.channel("resource.orders").history()).not.toHaveLength(told);
    });
    await own.kill();
    await admin.resource("orders").delete(2);
    expect(failures()).toBe(2);
  });

  it("a resource says what a browser needs of it, and where its log stands", async () => {
    const admin = opened(
      defineAdmin({ resources: [orders, resource("still")], realtime: { driver: "memory", keyPrefix: prefix() } }),
    );
    await publishResource("orders", { action: "update", id: 1 });
    const [last] = await admin.realtime.channel("resource.orders").history();
    expect(await admin.resource("orders").live()).toEqual({ name: "orders", realtime: true, cursor: last?.id });
    expect(await admin.resource("still").live()).toEqual({ name: "still", realtime: false });
    await expect(admin.resource("orders").create({})).rejects.toMatchObject({ code: "bad_option" });
    expect(() => admin.resource("nobody" as "orders")).toThrow('it has "orders", "still"');
  });
});
