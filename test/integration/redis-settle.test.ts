import { Redis } from "ioredis";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ORIGIN } from "../../src/protocol/cursor.ts";
import { PROBE_MS } from "../../src/protocol/limits.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { draft, KEEP, openBroker, outcomes, type TestBroker } from "../support/redis-brokers.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { startProxy, type ProxiedConnection, type TcpProxy } from "../support/tcp-proxy.ts";

let server: RedisServer;
let proxy: TcpProxy;
let direct: Redis;
let own: TestBroker;

beforeAll(async () => {
  server = await startRedis({ persistent: true });
  direct = new Redis(server.port);
  direct.on("error", () => {});
});

afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

beforeEach(async () => {
  proxy = await startProxy(server.port);
  own = openBroker(proxy.port);
});

afterEach(async () => {
  await own.broker.close();
  await proxy.close();
  await direct.flushall();
});

function commandConnection(): ProxiedConnection {
  const found = proxy.connections.find((connection) => connection.sent.includes("tidings-commands"));
  if (!found) throw new Error("there is no command connection");
  return found;
}

async function stored(channel = "c"): Promise<string[]> {
  const reader = openBroker(server.port);
  const { entries } = await reader.broker.read(channel, ORIGIN, { pageBytes: 1e9 });
  await reader.broker.close();
  return entries.map((entry) => entry.json);
}

const looks = () => proxy.connections.flatMap((connection) => connection.sent.match(/redis\.call\('TIME'\)/g) ?? []);

describe("I8 Outage: an append whose reply was lost", () => {
  it("resolves with its cursor when the log has it; it is stored once, and nothing overtakes it", async () => {
    await own.emit("c", "0");
    commandConnection().loseReplyTo("emit 1");
    const lost = own.emit("c", "1");
    const next = own.emit("c", "2");
    const cursor = await lost;
    await next;
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e6 });
    expect(entries.map((entry) => entry.json)).toEqual(["0", "1", "2"]);
    expect(entries[1]?.id).toBe(cursor);
  });

  it("is sent again when the log does not have it, in front of what was emitted meanwhile", async () => {
    await own.emit("c", "0");
    proxy.delays = () => ({ toServer: 60_000 });
    const lost = own.emit("c", "1");
    await vi.waitFor(() => expect(commandConnection().sent).toContain("emit 1"));
    proxy.delays = () => ({});
    proxy.cutAll();
    expect(await outcomes([lost, own.emit("c", "2"), own.emit("c", "3")])).toEqual(["stored", "stored", "stored"]);
    expect(await stored()).toEqual(["0", "1", "2", "3"]);
  });

  it("costs one look into the log of its channel, for all that are in doubt", async () => {
    await Promise.all(["a", "b"].map((channel) => own.emit(channel, "0")));
    proxy.delays = () => ({ toServer: 60_000 });
    const lost = Array.from({ length: 20 }, (_, at) => own.emit(at % 2 === 0 ? "a" : "b", `${at + 1}.`));
    await vi.waitFor(() => expect(commandConnection().sent).toContain("emit 20."));
    proxy.delays = () => ({});
    proxy.cutAll();
    expect(new Set(await outcomes(lost))).toEqual(new Set(["stored"]));
    expect(looks()).toHaveLength(2);
    expect(await stored("a")).toEqual(["0", ...Array.from({ length: 10 }, (_, at) => `${2 * at + 1}.`)]);
  });

  it("is not stored twice by a server that was frozen with the command on its way", async () => {
    const clock = fakeClock();
    await using frozen = openBroker(proxy.port, { clock });
    await frozen.emit("c", "0");
    const before = proxy.connections.length;
    server.freeze();
    const lost = frozen.emit("c", "1", 60_000);
    await vi.waitFor(() => expect(commandConnection().sent).toContain("emit 1"));
    await clock.advance(2 * PROBE_MS);
    // The next connection waits for the same server, which finds the old command first, or last.
    await vi.waitFor(async () => {
      await clock.advance(50);
      expect(proxy.connections.length).toBeGreaterThan(before);
    });
    server.thaw();
    expect(await outcomes([lost])).toEqual(["stored"]);
    expect(await stored()).toEqual(["0", "1"]);
  });

  it("survives that the server is killed, and comes back with its data or without", async () => {
    await own.emit("c", "0");
    for (const json of ["kept", "wiped"]) {
      proxy.delays = () => ({ toClient: 60_000 });
      const lost = own.emit("c", json, 20_000);
      await vi.waitFor(async () => expect(await stored()).toContain(json));
      proxy.delays = () => ({});
      await server.kill();
      if (json === "wiped") server.wipe();
      await server.start();
      expect(await outcomes([lost])).toEqual(["stored"]);
      expect((await stored()).filter((other) => other === json)).toHaveLength(1);
    }
  });

  it("is unknown when the log was trimmed past it, for it may have been there", async () => {
    const one = { maxLength: 1, expireAfterMs: 60_000 };
    await own.broker.append("c", draft("0"), one, 5_000);
    const connection = commandConnection();
    connection.loseReplyTo("emit 1");
    proxy.refusing = true;
    const lost = own.broker.append("c", draft("1"), one, 10_000);
    await vi.waitFor(async () => expect(await stored()).toEqual(["1"]));
    await using other = openBroker(server.port);
    await other.broker.append("c", draft("2"), one, 5_000);
    proxy.refusing = false;
    expect(await outcomes([lost])).toEqual(["outcome_unknown"]);
    expect(await stored()).toEqual(["2"]);
  });

  it("is unknown when the log can have expired with it since, and a new log says nothing of that", async () => {
    const brief = { maxLength: 100, expireAfterMs: 400 };
    await own.broker.append("c", draft("0"), brief, 5_000);
    commandConnection().loseReplyTo("emit 1");
    proxy.refusing = true;
    const lost = own.broker.append("c", draft("1"), brief, 10_000);
    await vi.waitFor(async () => expect(await stored()).toEqual(["0", "1"]));
    await vi.waitFor(async () => expect(await stored()).toEqual([]));
    await using other = openBroker(server.port);
    await other.broker.append("c", draft("2"), KEEP, 5_000);
    proxy.refusing = false;
    expect(await outcomes([lost])).toEqual(["outcome_unknown"]);
    expect(await stored()).toEqual(["2"]);
    commandConnection().loseReplyTo("emit 3");
    expect(await outcomes([own.broker.append("c", draft("3"), { ...brief, expireAfterMs: 60_000 }, 10_000)])).toEqual([
      "stored",
    ]);
    expect(await stored()).toEqual(["2", "3"]);
  });

  it("is unknown where nothing is kept, unless it has an id of its own: then it is sent again, and stored once", async () => {
    const none = { maxLength: 0, expireAfterMs: 60_000 };
    const last = async () => (await own.broker.locate("c", { newest: 0 })).last;
    await own.broker.append("c", draft("0"), none, 5_000);
    commandConnection().loseReplyTo("emit 1");
    expect(await outcomes([own.broker.append("c", draft("1"), none, 5_000)])).toEqual(["outcome_unknown"]);
    const before = await last();
    commandConnection().loseReplyTo("emit 2");
    const cursor = await own.broker.append("c", { ...draft("2"), onceId: "once" }, none, 5_000);
    expect(cursor).not.toBe(before);
    expect(await last()).toBe(cursor);
  });

  it("is unknown when the log lacks it and Redis lets us close no connections; what the log has is still found", async () => {
    await direct.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-client|kill");
    await using app = openBroker(proxy.port, { client: { username: "app", password: "pw" } });
    await app.emit("c", "0");
    const connection = () => proxy.connections.findLast((each) => each.sent.includes("tidings-commands")) as ProxiedConnection;
    connection().loseReplyTo("emit 1");
    expect(await outcomes([app.emit("c", "1")])).toEqual(["stored"]);
    proxy.delays = () => ({ toServer: 60_000 });
    const lost = app.emit("c", "2");
    await vi.waitFor(() => expect(connection().sent).toContain("emit 2"));
    proxy.delays = () => ({});
    proxy.cutAll();
    expect(await outcomes([lost])).toEqual(["outcome_unknown"]);
    expect(await stored()).toEqual(["0", "1"]);
  });

  it("is settled with the least permissions that the docs name", async () => {
    const page = readFileSync("docs/reference/errors.md", "utf8");
    const rules = [...page.matchAll(/^ACL SETUSER .*/gm)][0]?.[0].match(/\+\S+/g) ?? [];
    await direct.call("ACL", "SETUSER", "least", "on", ">pw", "~t:*", "~{t:*", "resetchannels", "&{t:*", "-@all", ...rules);
    await using least = openBroker(proxy.port, { client: { username: "least", password: "pw" } });
    await least.emit("c", "0");
    commandConnection().loseReplyTo("emit 1");
    expect(await outcomes([least.emit("c", "1")])).toEqual(["stored"]);
    proxy.delays = () => ({ toServer: 60_000 });
    const lost = least.emit("c", "2");
    await vi.waitFor(() => expect(commandConnection().sent).toContain("emit 2"));
    proxy.delays = () => ({});
    proxy.cutAll();
    expect(await outcomes([lost])).toEqual(["stored"]);
    expect(await stored()).toEqual(["0", "1", "2"]);
  });

  it("with an id of its own is never said to be missing from the log when it may be there", async () => {
    const once = (json: string) => own.broker.append("c", { ...draft(json), onceId: json }, KEEP, 1_000);
    await own.emit("c", "0");
    commandConnection().loseReplyTo("emit 1");
    // The next connection takes what is sent again, and gives no answer.
    proxy.onConnection = () => void (proxy.delays = (each) => (/emit [12]/.test(each.sent) ? { toServer: 60_000 } : {}));
    expect(await outcomes([once("1"), once("2")])).toEqual(["outcome_unknown", "outcome_unknown"]);
    expect(await stored()).toContain("1");
  });

  it("keeps to its time", async () => {
    await own.emit("c", "0");
    commandConnection().loseReplyTo("emit 1");
    proxy.refusing = true;
    expect(await outcomes([own.emit("c", "1", 200)])).toEqual(["outcome_unknown"]);
    expect(await outcomes([own.emit("c", "2", 200)])).toEqual(["not_stored"]);
    proxy.refusing = false;
    await own.emit("c", "3");
    expect(await stored()).toEqual(["0", "1", "3"]);
  });
});
