import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ORIGIN, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { judge } from "../../src/hub/merge.ts";
import { handle, Realtime } from "../../src/index.ts";
import { ONCE_MS } from "../../src/protocol/limits.ts";
import { draft, KEEP, openBroker, outcomes } from "../support/redis-brokers.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream } from "../support/stream-reader.ts";

let server: RedisServer;
let direct: Redis;

beforeAll(async () => {
  server = await startRedis();
  direct = new Redis(server.port);
});

afterEach(async () => {
  await direct.flushall();
});

afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

const numbers = (count: number) => Array.from({ length: count }, (_, at) => String(at));

describe("keys and live channels", () => {
  it("begin with the client's own prefix, then ours; what is emitted is heard", async () => {
    await using own = openBroker(server.port, { client: { keyPrefix: "app:" } });
    const { listener, heard } = own.record();
    await listener.join("room:1");
    await own.emit("room:1", "1");
    expect(await direct.keys("*")).toEqual(["app:t:room:1"]);
    expect(await direct.pubsub("CHANNELS")).toEqual(["{app:t:room:1}:live:0"]);
    await vi.waitFor(() => expect(heard).toHaveLength(1));
  });

  it("of one database are not heard in another", async () => {
    await using zero = openBroker(server.port);
    await using one = openBroker(server.port, { client: { db: 1 } });
    const [inZero, inOne] = [zero.record(), one.record()];
    await Promise.all([inZero.listener.join("c"), inOne.listener.join("c")]);
    await zero.emit("c", '"zero"');
    await one.emit("c", '"one"');
    await vi.waitFor(() => expect([inZero.heard.length, inOne.heard.length]).toEqual([1, 1]));
    expect([inZero.heard[0]?.json, inOne.heard[0]?.json]).toEqual(['"zero"', '"one"']);
    expect((await one.broker.read("c", ORIGIN, { pageBytes: 1e6 })).entries.map((entry) => entry.json)).toEqual(['"one"']);
  });

  it("remember a caller's id of an emit beside the log, for five minutes", async () => {
    await using own = openBroker(server.port);
    const once = () => own.broker.append("c", { ...draft("1"), onceId: "order {7}" }, KEEP, 5_000);
    const id = await once();
    expect(await once()).toBe(id);
    expect((await direct.keys("*")).sort()).toEqual(["t:c", "{t:c}:once:order {7}"]);
    expect(await direct.xlen("t:c")).toBe(1);
    const leftMs = await direct.pttl("{t:c}:once:order {7}");
    expect(leftMs).toBeGreaterThan(ONCE_MS - 60_000);
    expect(leftMs).toBeLessThanOrEqual(ONCE_MS);
  });

  it("I11 Prefix: a name that is none of a channel is refused before anything is sent", async () => {
    await using own = openBroker(server.port);
    const { listener } = own.record();
    for (const name of ["", "a b", "{a}", "a\r\nDEL x", "ü", "a".repeat(129)]) {
      const tried = [
        own.emit(name, "1"),
        own.broker.read(name, ORIGIN, { pageBytes: 1 }),
        own.broker.locate(name, { newest: 1 }),
        listener.join(name),
      ];
      expect(await outcomes(tried)).toEqual(Array(4).fill("bad_channel"));
    }
    expect(await direct.keys("*")).toEqual([]);
  });
});

describe("what is stored", () => {
  it("carries the format version, the chain and the emit id", async () => {
    await using own = openBroker(server.port);
    const first = await own.emit("c", '{"n":1}');
    await own.emit("c", '"2"');
    const stored = await direct.xrange("t:c", "-", "+");
    expect(stored.map(([, fields]) => fields)).toEqual([
      ["v", "1", "p", "0-0", "e", "test.event", "d", '{"n":1}', "i", 'emit {"n":1}'],
      ["v", "1", "p", first, "e", "test.event", "d", '"2"', "i", 'emit "2"'],
    ]);
  });

  it("expires that long after the last append, to the millisecond, or never", async () => {
    await using own = openBroker(server.port);
    const emit = (expireAfterMs: number) => own.broker.append("c", draft("1"), { maxLength: 5, expireAfterMs }, 5_000);
    await emit(90_000.5);
    const left = await direct.pttl("t:c");
    expect(left).toBeGreaterThan(60_000);
    expect(left).toBeLessThanOrEqual(90_001);
    await emit(Number.POSITIVE_INFINITY);
    expect(await direct.pttl("t:c")).toBe(-1);
  });
});

describe("a server that is told other things", () => {
  it("SCRIPT FLUSH in the middle of a burst changes neither the outcome nor the order", async () => {
    await using own = openBroker(server.port);
    const emits: Array<Promise<unknown>> = [];
    for (const json of numbers(600)) {
      emits.push(own.emit("c", json));
      if (Number(json) % 50 === 0) await Promise.all([direct.script("FLUSH"), emits[Number(json) - 20]]);
    }
    expect(new Set(await outcomes(emits))).toEqual(new Set(["stored"]));
    const { entries } = await own.broker.read("c", ORIGIN, { pageBytes: 1e6 });
    expect(entries.map((entry) => entry.json)).toEqual(numbers(600));
  });

  it("a Redis user needs these commands, keys and channels, and no more", async () => {
    const commands =
      "eval xadd xrange xrevrange xlen xinfo exists get set time info client|id client|kill pexpire persist publish subscribe unsubscribe ping";
    const rules = commands.split(" ").map((name) => `+${name}`);
    await direct.call("ACL", "SETUSER", "least", "on", ">pw", "~t:*", "~{t:*", "resetchannels", "&{t:*", "-@all", ...rules);
    await using own = openBroker(server.port, { client: { username: "least", password: "pw" } });
    const { listener, heard } = own.record();
    await listener.join("c");
    await own.emit("c", "1");
    await own.broker.append("c", draft("2"), { maxLength: 0, expireAfterMs: Number.POSITIVE_INFINITY }, 5_000);
    await own.broker.append("c", { ...draft("3"), onceId: "order 7" }, KEEP, 5_000);
    const id = await own.emit("c", "4");
    await vi.waitFor(() => expect(heard).toHaveLength(4));
    expect((await own.broker.read("c", ORIGIN, { pageBytes: 1e6 })).last).toBe(id);
    expect((await own.broker.locate("c", { newest: 1 })).last).toBe(id);
    listener.leave("c");
    await listener.join("d");
    expect(own.warnings).toEqual([]);
  });

  it("that may not write just now: not stored, while reading goes on, also for one who comes now", async () => {
    await using own = openBroker(server.port);
    const id = await own.emit("c", "1");
    await direct.config("SET", "min-replicas-to-write", "1");
    try {
      await using late = openBroker(server.port);
      expect(await outcomes([late.emit("c", "2"), own.emit("c", "2")])).toEqual(["not_stored", "not_stored"]);
      expect((await late.broker.read("c", ORIGIN, { pageBytes: 1e6 })).last).toBe(id);
    } finally {
      await direct.config("SET", "min-replicas-to-write", "0");
    }
  });

  it("without the permission to publish or to expire: stored all the same, and said once", async () => {
    await direct.call("ACL", "SETUSER", "quiet", "on", ">pw", "~*", "&*", "+@all", "-publish", "-pexpire", "-set");
    await using own = openBroker(server.port, { client: { username: "quiet", password: "pw" } });
    expect(await outcomes([own.emit("c", "1"), own.emit("c", "2"), own.emit("d", "3")])).toEqual(Array(3).fill("stored"));
    expect(await direct.xlen("t:c")).toBe(2);
    expect(own.warnings).toHaveLength(2);
    expect(own.warnings[0]).toContain("set the expiry");
    expect(own.warnings[1]).toContain("announce");
    await own.broker.append("c", { ...draft("4"), onceId: "order 7" }, KEEP, 5_000);
    expect(own.warnings[2]).toContain("remember the id of an emit");
  });

  it("without the permission to write: refused, for good", async () => {
    await direct.call("ACL", "SETUSER", "reader", "on", ">pw", "~*", "&*", "+@all", "-xadd");
    await using own = openBroker(server.port, { client: { username: "reader", password: "pw" } });
    await expect(own.emit("c", "1")).rejects.toMatchObject({ code: "broker_refused", retryable: false });
    expect(await direct.keys("*")).toEqual([]);
  });

  it("with a wrong password: nothing is stored, nothing is thrown, and it is said once", async () => {
    await using own = openBroker(server.port, { client: { username: "nobody", password: "wrong" } });
    expect(await outcomes([own.emit("c", "1", 300)])).toEqual(["not_stored"]);
    expect(own.warnings).toHaveLength(1);
    expect(own.warnings[0]).toContain("WRONGPASS");
    expect(own.warnings[0]).not.toContain('wrong"');
  });

  it("B-17: a key that holds something else is refused, named to the operator and left alone", async () => {
    await direct.set("t:c", "mine");
    await using own = openBroker(server.port);
    for (const tried of [
      own.emit("c", "1"),
      own.broker.read("c", ORIGIN, { pageBytes: 1 }),
      own.broker.locate("c", { newest: 1 }),
    ]) {
      await expect(tried).rejects.toMatchObject({
        code: "broker_refused",
        retryable: false,
        message: expect.stringContaining("WRONGTYPE"),
        cause: expect.any(Error),
      });
    }
    expect(await direct.get("t:c")).toBe("mine");
  });

  it("without memory: refused, and it may be tried again", async () => {
    await using own = openBroker(server.port);
    await own.emit("c", "1");
    await direct.config("SET", "maxmemory", "1");
    try {
      await expect(own.emit("c", "2")).rejects.toMatchObject({ code: "broker_refused", retryable: true });
      expect((await own.broker.read("c", ORIGIN, { pageBytes: 1e6 })).entries).toHaveLength(1);
    } finally {
      await direct.config("SET", "maxmemory", "0");
    }
  });
});

describe("entries that someone else wrote", () => {
  const at = (id: string) => id as RealtimeCursor;

  it("I4 Chain: hide no hole when they stand in a log that replaced another", async () => {
    await using own = openBroker(server.port);
    const known = await own.emit("c", "1");
    await direct.del("t:c");
    const [ms = ""] = known.split("-");
    await direct.xadd("t:c", `${Number(ms) - 1}-0`, "message", "never seen");
    await direct.xadd("t:c", `${Number(ms) + 1}-0`, "message", "hello");
    const page = await own.broker.read("c", known, { pageBytes: 1e6 });
    expect(judge(known, page)).toMatchObject({ kind: "gap", reason: "unproven", from: 0 });
  });

  it("move the position and show nothing, and the walk over them ends", async () => {
    await using own = openBroker(server.port);
    await direct.xadd("t:c", "5-5", "message", "hello");
    await direct.xadd("t:c", "5-6", "v", "2", "p", "5-5", "e", "a.b", "d", "{}");
    await direct.xadd("t:c", "6-0", "v", "1", "p", "nonsense", "e", "a\nb", "d", "{}");
    const id = await own.emit("c", "1");
    const page = await own.broker.read("c", at("5-4"), { pageBytes: 1e6 });
    expect(page.entries).toEqual([
      { id: "5-5", prev: "5-4", event: "", json: "" },
      { id: "5-6", prev: "5-5", event: "", json: "" },
      { id: "6-0", prev: "5-6", event: "", json: "" },
      { id, prev: "6-0", event: "test.event", json: "1" },
    ]);
    const first = async (after: string) => (await own.broker.read("c", at(after), { pageBytes: 1e6, count: 1 })).entries[0];
    // Nobody knows what was before the oldest.
    expect(await first("0-0")).toMatchObject({ prev: "5-4", unproven: true });
    // Between two that are there, nothing was trimmed.
    expect(await first("5-5")).toEqual({ id: "5-6", prev: "5-5", event: "", json: "" });
    expect(await first("5-77")).toMatchObject({ prev: "5-18446744073709551615", unproven: true });
    expect(await own.broker.locate("c", { newest: 4 })).toEqual({ after: "5-4", last: id });
    expect(await own.broker.locate("c", { newest: 2 })).toEqual({ after: "5-6", last: id });
  });

  it("I10 Text: forge no field of a frame, and disturb no other channel or session", async () => {
    const user = new Redis(server.port);
    const errors: unknown[] = [];
    const warnings: string[] = [];
    const logger = {
      log() {},
      warn: (text: string) => void warnings.push(text),
      error: (...said: unknown[]) => void errors.push(said),
    };
    const realtime = new Realtime({ redis: user, keyPrefix: "t", logger });
    const endpoint = handle({ realtime });
    const both = await readStream(endpoint, "channel=c&channel=admin&v=1");
    const alone = await readStream(endpoint, "channel=c&at=-");
    try {
      await both.until((frames) => countOf(frames, "connected") === 2);
      await alone.until((frames) => countOf(frames, "connected") === 1);
      const told: unknown[] = [];
      await realtime.channel("c").subscribe({ onData: ({ data }) => told.push(data) });
      const forged = ['1,"channel":"admin","event":"forged.name","id":"18446744073709551615-1"', "{not json", "1}\n\ndata: {}"];
      await realtime.channel("c").emit("e.v", 1);
      for (const json of forged) await direct.xadd("t:c", "*", "v", "1", "e", "e.v", "d", json);
      await realtime.channel("c").emit("e.v", 2);
      // Someone who may publish, too.
      await direct.publish("{t:c}:live:0", `9999999999999-0 0-0 5 e.v ${forged[0]}`);
      await realtime.channel("c").emit("e.v", 3);
      await realtime.channel("admin").emit("e.v", "admin");
      await both.until((frames) => countOf(frames, "") === 4);
      await alone.until((frames) => countOf(frames, "") === 3);
      await vi.waitFor(() => expect(told).toEqual([1, 2, 3]));
      for (const { frames } of [both, alone]) {
        const events = frames
          .filter(({ event }) => event === "")
          .map(({ data }) => [data["channel"], data["event"], data["data"]]);
        expect(events.filter(([channel]) => channel === "c")).toEqual([1, 2, 3].map((n) => ["c", "e.v", n]));
        expect(countOf(frames, "gap")).toBe(0);
      }
      const late = await readStream(endpoint, "channel=c&at=-");
      await late.until((frames) => countOf(frames, "") === 3);
      await late.close();
      expect((await realtime.channel("c").history()).map(({ data }) => data)).toEqual([1, 2, 3]);
      expect(errors).toEqual([]);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).not.toMatch(/forged|not json/);
    } finally {
      await both.close();
      await alone.close();
      await realtime.close();
      user.disconnect();
    }
  });
});
