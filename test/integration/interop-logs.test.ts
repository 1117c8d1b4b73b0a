import { Redis as UpstashRedis } from "@upstash/redis";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { handle, Realtime } from "../../src/index.ts";
import { startForrealtime, startUpstashRealtime, type Keep, type PublishedServer } from "../support/published-packages.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

let server: RedisServer;
let front: UpstashFront;
let raw: Redis;
const open: AsyncDisposable[] = [];
const readers: StreamReader[] = [];
const warn = vi.fn<(message: string, ...details: unknown[]) => void>();

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  raw = new Redis(server.port);
});
beforeEach(async () => {
  warn.mockClear();
  await raw.flushall();
});
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});
afterAll(async () => {
  raw.disconnect();
  await front.close();
  await server.stop();
});

type Interop = "forrealtime" | "upstash";

interface Library {
  readonly interop: Interop;
  readonly redis: () => string | UpstashRedis;
  readonly start: (keep?: Keep) => Promise<PublishedServer>;
  /** The fields of an entry, as that library writes it. */
  readonly fields: (channel: string, event: string, data: unknown) => string[];
}

const inForrealtime: Library["fields"] = (channel, event, data) => ["message", JSON.stringify({ channel, event, data })];
const inUpstash: Library["fields"] = (channel, event, data) => [
  ...["data", typeof data === "string" ? data : JSON.stringify(data)],
  ...["event", event, "channel", channel],
];

const LIBRARIES: Readonly<Record<string, Library>> = {
  forrealtime: {
    interop: "forrealtime",
    redis: () => server.url,
    start: (keep) => startForrealtime(server.url, keep),
    fields: inForrealtime,
  },
  "@upstash/realtime over TCP": {
    interop: "upstash",
    redis: () => server.url,
    start: (keep) => startUpstashRealtime(front, keep),
    fields: inUpstash,
  },
  "@upstash/realtime over REST": {
    interop: "upstash",
    redis: () => new UpstashRedis({ url: front.url, token: front.token }),
    start: (keep) => startUpstashRealtime(front, keep),
    fields: inUpstash,
  },
};

describe.each(Object.entries(LIBRARIES))("a log of %s", (_, { interop, redis, start, fields }) => {
  let realtime: Realtime;
  let endpoint: (request: Request) => Promise<Response>;
  beforeEach(() => {
    realtime = new Realtime({ redis: redis(), interop, logger: { log() {}, warn, error() {} } });
    open.push(realtime);
    endpoint = handle({ realtime, authorize: () => true });
  });

  async function listen(query: string): Promise<StreamReader> {
    const reader = await readStream(endpoint, `v=1&${query}`);
    readers.push(reader);
    await reader.until((frames) => countOf(frames, "connected") + countOf(frames, "problem") > 0);
    return reader;
  }

  const has = (reader: StreamReader, count: number) => reader.until((frames) => countOf(frames, "") === count);
  const gaps = ({ frames }: StreamReader) => frames.filter(({ event }) => event === "gap").map(({ data }) => data);
  const add = async (data: unknown, id = "*") => String(await raw.xadd("room", id, ...fields("room", "a.b", data)));

  describe("is never trimmed and never expires by us", () => {
    /** Their log, longer than any that tidings would keep. */
    async function plant(count: number): Promise<void> {
      const pipeline = raw.pipeline();
      for (let n = 0; n < count; n++) pipeline.xadd("room", "*", ...fields("room", "a.b", n));
      await pipeline.exec();
    }

    it("F-9, U-30: of 50,000 entries with an expiry none goes, and the expiry stays as it was", async () => {
      await plant(50_000);
      const expiresAt = Date.now() + 3_600_000;
      await raw.pexpireat("room", expiresAt);
      await realtime.channel("room").emit("a.b", "ours");
      expect([await raw.xlen("room"), await raw.pexpiretime("room")]).toEqual([50_001, expiresAt]);
      await realtime.channel("room").emit("a.b", "ours, with an id", { id: "order 7" });
      await realtime.channel("room").emit("a.b", "ours, with an id", { id: "order 7" });
      expect([await raw.xlen("room"), await raw.pexpiretime("room")]).toEqual([50_002, expiresAt]);
    });

    it("F-9, U-30: a log without an expiry gets none, and neither does one that we began", async () => {
      await plant(2_000);
      await realtime.channel("room").emit("a.b", "ours");
      await realtime.channel("ours").emit("a.b", "the first");
      expect([await raw.xlen("room"), await raw.pttl("room"), await raw.pttl("ours")]).toEqual([2_001, -1, -1]);
    });

    it("what we remember of ids goes by itself", async () => {
      await realtime.channel("room").emit("a.b", 1, { id: "order 7" });
      const others = (await raw.keys("*")).filter((key) => key !== "room");
      expect(others).toEqual(["{room}:tidings:once:order 7"]);
      expect(await raw.pttl(others[0] as string)).toBeGreaterThan(0);
    });
  });

  describe("is chained by its order", () => {
    it("I4 Chain: whoever comes back to entries of theirs gets what was missed, and no gap", async () => {
      const ids = [await add(1), await add(2), await add(3)];
      for (const [at, values] of [
        ["0-0", [1, 2, 3]],
        [ids[0], [2, 3]],
        [ids[2], []],
      ] as const) {
        const reader = await listen(`channel=room&at=${at}`);
        await has(reader, values.length);
        expect([reader.values, gaps(reader)]).toEqual([values, []]);
      }
      expect((await realtime.channel("room").history({ after: ids[0] })).map(({ data }) => data)).toEqual([2, 3]);
      expect((await realtime.channel("room").history({ limit: 2 })).map(({ data }) => data)).toEqual([2, 3]);
    });

    it("I4 Chain: their first event and ours reach a browser that waits on an empty channel, with no gap", async () => {
      const reader = await listen("channel=room");
      await add("theirs");
      await has(reader, 1);
      await realtime.channel("room").emit("a.b", "ours");
      await has(reader, 2);
      await add("theirs again");
      await has(reader, 3);
      expect([reader.values, gaps(reader)]).toEqual([["theirs", "ours", "theirs again"], []]);
    });

    it("I4 Chain: no gap while their server trims the log as it goes", async () => {
      const theirs = await start({ maxLength: 20, expireAfterSecs: 60 });
      open.push(theirs);
      const reader = await listen("channel=room");
      for (let n = 0; n < 100; n += 10) {
        for (let each = n; each < n + 10; each++) await theirs.emit("a.b", each);
        await has(reader, n + 10);
      }
      expect([reader.values, gaps(reader)]).toEqual([Array.from({ length: 100 }, (_, n) => n), []]);
    });

    it("I4 Chain, B-26: what was trimmed behind a cursor is a gap: proved where an entry of ours or the count of entries tells", async () => {
      const seen = await add("seen", "1-0");
      await add("missed", "2-0");
      const ours = await realtime.channel("room").emit("a.b", "ours");
      await add("theirs", `${Number(ours.split("-")[0]) + 1_000}-0`);
      await raw.xtrim("room", "MAXLEN", 2);

      const before = await listen(`channel=room&at=${seen}`);
      await has(before, 2);
      expect(gaps(before)).toEqual([{ channel: "room", after: seen, cursor: "2-0", reason: "trimmed" }]);

      await raw.xtrim("room", "MAXLEN", 1);
      const unseen = await listen("channel=room&at=0-0");
      await has(unseen, 1);
      expect(gaps(unseen)).toMatchObject([{ channel: "room", after: "0-0", reason: "trimmed" }]);

      const unproven = await listen(`channel=room&at=${seen}`);
      await has(unproven, 1);
      expect(gaps(unproven)).toMatchObject([{ channel: "room", after: seen, reason: "unproven" }]);

      // No one is told again of what was told.
      const { cursor } = gaps(unproven)[0] as { cursor: string };
      const again = await listen(`channel=room&at=${cursor}`);
      await has(again, 1);
      expect([again.values, gaps(again)]).toEqual([["theirs"], []]);
      expect(await realtime.channel("room").history({ after: cursor })).toHaveLength(1);
      await expect(realtime.channel("room").history({ after: ours })).rejects.toMatchObject({ code: "cursor_unavailable" });
    });

    it("I3 Order: a log that expired or was deleted is one reset, then events flow again", async () => {
      await add("before");
      const reader = await listen("channel=room&at=0-0");
      await has(reader, 1);
      await raw.del("room");
      await reader.until((frames) => countOf(frames, "gap") === 1);
      await add("after");
      await has(reader, 2);
      expect([reader.values, gaps(reader).map(({ reason }) => reason)]).toEqual([["before", "after"], ["reset"]]);
    });
  });

  describe("shows a browser nothing but its events", () => {
    it("B-17: entries of another form, of another channel or of no channel only move the position", async () => {
      const junk: readonly string[][] = [
        ["field", "value"],
        ["v", "1", "p", "0-0", "e", "a.b", "d", '"of tidings itself"', "i", "x-1"],
        ["message", "no JSON"],
        ["message", "null"],
        ["message", '{"channel":"room","event":"a.b"'],
        fields("other", "a.b", "of another channel"),
        fields("room", "a\nb", "a name that breaks a line"),
        fields("room", "", "no name"),
        inForrealtime("room2", "a.b", { secret: 1 }),
        ["event", "a.b", "data", "1"],
        ["event", "a.b", "channel", "room"],
        ["p", "not a cursor", "i", ""],
      ];
      await add("first");
      for (const entry of junk) await raw.xadd("room", "*", ...entry);
      await add("second");
      const reader = await listen("channel=room&at=0-0");
      await has(reader, 2);
      for (const entry of junk) await raw.xadd("room", "*", ...entry);
      await add("third");
      await has(reader, 3);
      expect([reader.values, gaps(reader)]).toEqual([["first", "second", "third"], []]);
      expect(reader.frames.filter(({ event }) => event === "").every(({ data }) => data["event"] === "a.b")).toBe(true);
      expect((await realtime.channel("room").history()).map(({ data }) => data)).toEqual(["first", "second", "third"]);
      // Where only such entries follow, there is nothing to come back for.
      const last = await raw.xadd("room", "*", "field", "value");
      const back = await listen(`channel=room&at=${last}`);
      await add("fourth");
      await has(back, 1);
      expect([back.values, gaps(back)]).toEqual([["fourth"], []]);
    });

    it("I10 Text: JSON that others wrote over several lines breaks no frame", async () => {
      const json = ' {\n\n"a":\r1,\r\n"b": "\u2028id: 1-0"\t}\n';
      const entry =
        interop === "upstash" ? ["data", json, "event", "a.b"] : ["message", `{"channel":"room","event":"a.b","data":${json}}`];
      await raw.xadd("room", "*", ...entry, ...(interop === "upstash" ? ["channel", "room"] : []));
      const pretty = ["message", JSON.stringify({ data: [1], event: "a.b", channel: "room" }, null, 2)];
      if (interop === "forrealtime") await raw.xadd("room", "*", ...pretty);
      await add("last");
      const reader = await listen("channel=room&at=-");
      const values = [{ a: 1, b: "\u2028id: 1-0" }, ...(interop === "forrealtime" ? [[1]] : []), "last"];
      await has(reader, values.length);
      expect(reader.values).toEqual(values);
    });

    it("B-17: keys of other types, and streams of others, are never served; the others flow", async () => {
      await raw.set("session:42", "secret text");
      await raw.hset("user:7", { password: "secret text" });
      await raw.xadd("jobs", "*", "payload", "secret text");
      await raw.xadd("app2:room", "*", ...fields("room", "a.b", "secret text"));
      await add("shown");
      const reader = await listen("at=-,-,-,-,-&channel=session:42&channel=user:7&channel=jobs&channel=app2:room&channel=room");
      await has(reader, 1);
      await reader.until((frames) => countOf(frames, "problem") === 2 && countOf(frames, "connected") === 3);
      const problems = reader.frames.filter(({ event }) => event === "problem").map(({ data }) => data);
      expect(problems).toEqual(
        expect.arrayContaining([
          { code: "channel_unavailable", channel: "session:42", retry: true },
          { code: "channel_unavailable", channel: "user:7", retry: true },
        ]),
      );
      expect(reader.values).toEqual(["shown"]);
      expect(JSON.stringify(reader.frames)).not.toMatch(/secret|WRONGTYPE|password/);
      for (const name of ["jobs", "app2:room"]) expect(await realtime.channel(name).history()).toEqual([]);
      await expect(realtime.channel("session:42").emit("a.b", 1)).rejects.toMatchObject({ code: "broker_refused" });
      expect(await raw.get("session:42")).toBe("secret text");
    });
  });

  it("B-15: what one side emits the other one gets with its type, as far as its format can tell", async () => {
    const theirs = await start();
    open.push(theirs);
    await vi.waitFor(() => expect(theirs.browser.streams).toBe(1));
    const reader = await listen("channel=room");
    const values = [{ deep: [1, { a: null }] }, "text", "", 'a "quote"\n\u2028', 0.5, true, [], "{not json"];
    for (const value of values) await theirs.emit("a.b", value);
    await has(reader, values.length);
    expect(reader.values).toEqual(values);
    const ours = [...values, "123", "null", "12345678901234567890", '"quoted"'];
    for (const value of ours) await realtime.channel("room").emit("a.b", value);
    await vi.waitFor(() => expect(theirs.browser.shown.map(({ data }) => data)).toEqual([...values, ...ours]));
    expect((await realtime.channel("room").history()).map(({ data }) => data)).toEqual([...values, ...ours]);
  });
});

it("F-9: `keyPrefix` is the `prefix` of forrealtime's adapter, character by character", async () => {
  const realtime = new Realtime({ redis: server.url, interop: "forrealtime", keyPrefix: "app:" });
  open.push(realtime);
  await raw.xadd("app:room", "*", ...inForrealtime("room", "a.b", "theirs"));
  await realtime.channel("room").emit("a.b", "ours");
  expect((await realtime.channel("room").history()).map(({ data }) => data)).toEqual(["theirs", "ours"]);
  expect(await raw.keys("*")).toEqual(["app:room"]);
});

it.each([
  ["forrealtime", inForrealtime, ""],
  ["upstash", inUpstash, "&room:*"],
] as const)("beside %s a user of Redis needs few permissions", async (interop, fields, channels) => {
  const commands =
    "+eval +xadd +xrange +xrevrange +xlen +xinfo +exists +get +set +time +info +client|id +client|kill +publish +ping";
  const rules = `on >secret resetkeys resetchannels -@all ${commands} ~room:* ~{room:* ${channels}`;
  await raw.call("ACL", "SETUSER", "app", ...rules.trim().split(" "));
  const redis = server.url.replace("redis://", "redis://app:secret@");
  const realtime = new Realtime({ redis, interop, logger: { log() {}, warn, error() {} } });
  open.push(realtime);
  const room = realtime.channel("room:1");
  const seen: unknown[] = [];
  await room.subscribe({ onData: ({ data }) => seen.push(data) });
  await raw.xadd("room:1", "*", ...fields("room:1", "a.b", "theirs"));
  await vi.waitFor(() => expect(seen).toEqual(["theirs"]));
  await room.emit("a.b", "ours", { id: "order 7" });
  await vi.waitFor(() => expect(seen).toEqual(["theirs", "ours"]));
  expect(await room.history()).toHaveLength(2);
  expect(warn).not.toHaveBeenCalled();
  await expect(realtime.channel("session:42").emit("a.b", 1)).rejects.toMatchObject({ code: "broker_refused" });
});
