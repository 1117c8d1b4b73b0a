// oxlint-disable vitest/no-conditional-expect, no-control-regex -- what an answer must be depends on what it is; each of them is looked at
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import * as fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import type { Broker } from "../../src/brokers/broker.ts";
import { handle as handleFetch, Realtime, TidingsError } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { WIRE_CODES } from "../../src/protocol/codes.ts";
import { isRealtimeCursor } from "../../src/protocol/cursor.ts";
import { isChannelName } from "../../src/protocol/names.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw } from "../support/raw-stream.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { streamsOf } from "../support/streams-of.ts";

/** More of them by hand: `FUZZ_RUNS=100000 npm test -- test/integration/hostile-requests.test.ts`. */
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 500);

/** Stands for words of a broker, an exception, another application: none may ever leave the server. */
const SECRET = "hunter2";
/** What was emitted, and may be shown. */
const EMITTED = "emitted-by-us";

const logger = { log() {}, warn() {}, error: vi.fn<(...said: unknown[]) => void>() };

// What a request can be made of

const hostileText = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "room:1",
    "__proto__",
    "constructor",
    "-",
    "-5",
    "-0",
    "-1e9",
    "0-0",
    "1-1",
    "1-1~2-2",
    "~",
    ",",
    ",,,",
  ),
  fc.constantFrom(
    "%",
    "%00",
    "%0d%0aX: y",
    "%ff%fe",
    "%u0041",
    "%C0%80",
    "+",
    "&&",
    "==",
    "#",
    "?",
    "//",
    "/../..",
    "\\",
    "{a}:live:0",
  ),
  fc.constantFrom(
    "<script>",
    "'\"`",
    "${7*7}",
    "\u2028",
    "\ufeff",
    "9".repeat(300),
    "a".repeat(200),
    "18446744073709551616-0",
    "1".repeat(13),
  ),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 12 }).map((text) => encodeURIComponent(Buffer.from(text, "utf8").toString("utf8"))),
);
const parameter = fc.constantFrom(
  ...["channel", "channel", "channel", "at", "at", "v", "wait", "lastEventId", "last_ack_a", "last_ack_", "last_ack___proto__"],
  ...["channels", "Channel", "channel[]", "events", "history", "__proto__", "constructor", "x"],
);
const query = fc
  .array(fc.tuple(parameter, hostileText), { maxLength: 7 })
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join("&"));
const target = fc.oneof(
  { weight: 6, arbitrary: query.map((text) => `/?${text}`) },
  { weight: 1, arbitrary: fc.tuple(hostileText, query).map(([path, text]) => `/${path}?${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("*", "http://evil.example/?channel=a", "//evil.example/?channel=a", "http://[/?channel=a"),
  },
);
/** As HTTP lets them be: bytes of Latin-1 without line breaks. */
const headerText = fc.oneof(
  fc.constantFrom(
    "application/json",
    "text/event-stream",
    "text/event-stream;q=0, application/json",
    "*/*;q=",
    "a/b;q=9".repeat(400),
    "q=".repeat(999),
  ),
  fc.constantFrom(
    "0-0",
    "1-1,2-2",
    "-",
    ",".repeat(200),
    "1-1~".repeat(100),
    "null",
    "https://evil.example",
    "evil.example:99999",
    "a@b",
  ),
  fc.string({ unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 30 }),
);
const headers = fc.dictionary(
  fc.constantFrom("accept", "last-event-id", "origin", "x-address", "x-user", "cookie", "access-control-request-headers"),
  headerText,
  { maxKeys: 4 },
);
const method = fc.constantFrom("GET", "GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "DELETE", "PROPFIND");

// What an answer can be made of

const JSON_TEXT = /^\{"code":"([a-z_]+)","message":"((?:[^"\\]|\\["\\nrtbfu/])*)"\}\n$/;
const HEADERS = new Set(
  "content-type cache-control x-accel-buffering vary allow retry-after date connection keep-alive transfer-encoding content-length access-control-allow-origin access-control-expose-headers access-control-allow-methods access-control-allow-headers access-control-max-age".split(
    " ",
  ),
);

/** @throws for anything that is no frame, and for any value in one that has no business there. */
function expectKnownFrames(text: string, isCut: boolean): void {
  const blocks = text.split("\n\n");
  const rest = blocks.pop();
  if (!isCut) expect(rest).toBe("");
  for (const block of blocks) {
    const {
      event = "",
      data,
      id,
      ...others
    } = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2))) as Record<string, string>;
    expect(Object.keys(others).filter((name) => name !== "" && name !== "retry")).toEqual([]);
    if (id !== undefined) expect(id).toMatch(/^[\d,~-]*$/);
    if (data === undefined) continue;
    expectKnownFrame(event, JSON.parse(data) as Record<string, unknown>);
  }
}

function expectKnownFrame(name: string, fields: Record<string, unknown>): void {
  const members: Readonly<Record<string, string>> = {
    "": "id channel event data",
    connected: "channel cursor tail heartbeatMs",
    gap: "channel after cursor reason",
    position: "channel cursor",
    problem: "code channel retry",
    reconnect: "delayMs",
  };
  expect(Object.keys(members)).toContain(name);
  for (const [member, value] of Object.entries(fields)) {
    expect((members[name] as string).split(" ")).toContain(member);
    if (member === "channel") expect(isChannelName(value)).toBe(true);
    else if (["id", "cursor", "tail", "after"].includes(member)) expect(isRealtimeCursor(value)).toBe(true);
    else if (member === "reason") expect(["trimmed", "reset", "unproven", "limit"]).toContain(value);
    else if (member === "code") expect(Object.keys(WIRE_CODES)).toContain(value);
    else if (member === "event") expect(value).toBe("e.v");
    else if (member === "data") expect(value).toBe(EMITTED);
    else expect(["number", "boolean"]).toContain(typeof value);
  }
}

/** Every byte of an answer is one that we know. */
function expectKnownAnswer(status: number, given: Iterable<[string, string]>, text: string, isCut: boolean): void {
  for (const [name, value] of given) {
    expect(HEADERS, name).toContain(name);
    expect(value).not.toContain(SECRET);
  }
  expect(text).not.toContain(SECRET);
  if (status === 204 || text === "") return;
  if (status !== 200) {
    const [, code = "", message = ""] = JSON_TEXT.exec(text) ?? [];
    expect(Object.entries(WIRE_CODES).filter(([name, info]) => name === code && info.status === status)).toHaveLength(1);
    expect(
      message.replaceAll(/<(?:ms|seq|n|name|cursor)>/g, ""),
      "one short line without what a page or a terminal obeys",
    ).toMatch(/^[^<>\n\u0000-\u001f\u007f-\u009f\u2028\u2029]{10,400}$/);
  } else if (text.startsWith("{")) {
    const page = JSON.parse(text) as { at: string; frames: Array<Record<string, unknown>> };
    expect(page.at).toMatch(/^[\d,~-]*$/);
    for (const { type, ...fields } of page.frames) expectKnownFrame(type === "event" ? "" : String(type), fields);
  } else {
    expectKnownFrames(text, isCut);
  }
}

/** A broker that now and then fails, with words that are nobody's business, and holds what is none of ours. */
function faultyBroker(): Broker {
  const broker = createMemoryBroker();
  const { read, locate, append } = broker;
  let calls = 0;
  const fault = (): Promise<never> | undefined => {
    const turn = ++calls % 7;
    if (turn === 2) return Promise.reject(new Error(`ERR ${SECRET}`));
    if (turn === 4) return Promise.reject(new TidingsError("broker_refused", SECRET, { cause: new Error(SECRET) }));
    return undefined;
  };
  broker.read = async (channel, ...rest) => {
    await fault();
    const page = await read.call(broker, channel, ...rest);
    // Someone else writes to the log: text that is no event, and text that would close the frame's object.
    const foreign = [`1,"channel":"${SECRET}"`, `"${SECRET}`, `\n\ndata: ${SECRET}`, SECRET];
    const entries = page.entries.map((entry, at) =>
      at % 2 === 0
        ? entry
        : { ...entry, ...(at % 4 === 1 ? { json: foreign[at % foreign.length] as string } : { event: SECRET.repeat(40) }) },
    );
    return { ...page, entries };
  };
  broker.locate = async (...given) => (await fault()) ?? locate.call(broker, ...given);
  broker.append = append.bind(broker);
  return broker;
}

const guard = {
  identify: (request: Request) => {
    const user = request.headers.get("x-user") ?? undefined;
    if (user?.includes("1")) throw new Error(SECRET);
    return user;
  },
  address: (request: Request) => request.headers.get("x-address") ?? undefined,
  authorize: ({ channel }: { channel: string }) => channel !== "constructor",
  cors: { origin: "https://a.example" },
};

function isRequest(url: string, given: IncomingHttpHeaders): boolean {
  try {
    return Boolean(
      new Request(url, { headers: Object.entries(given).map(([key, value]): [string, string] => [key, String(value)]) }),
    );
  } catch {
    return false;
  }
}

describe("hostile requests", () => {
  let realtime: Realtime;
  const servers: TestServer[] = [];

  beforeAll(async () => {
    realtime = new Realtime({ broker: faultyBroker(), logger }) as never as Realtime;
    for (const channel of ["a", "room:1", "__proto__", "default"])
      for (let each = 0; each < 6; each++) await realtime.channel(channel).emit("e.v", EMITTED);
  });

  afterAll(async () => {
    await realtime.close();
    for (const server of servers) await server[Symbol.asyncDispose]();
  });

  it("through fetch: whatever the URL and the headers are, each byte of the answer is a known one", async () => {
    const handler = handleFetch({ realtime, ...guard });
    await fc.assert(
      fc.asyncProperty(method, target, headers, async (verb, path, given) => {
        let request: Request;
        try {
          const url = new URL(path, "http://localhost");
          request = new Request(url, { method: verb, headers: given });
        } catch {
          return;
        }
        const response = await handler(request);
        const reader = response.body?.getReader();
        let text = "";
        const decoder = new TextDecoder();
        if (response.headers.get("content-type") === "text/event-stream") {
          for (let pieces = 0; pieces < 3; pieces++) {
            const piece = await Promise.race([
              reader?.read(),
              new Promise<undefined>((resolve) => setTimeout(resolve, 5, undefined)),
            ]);
            if (!piece || piece.done) break;
            text += decoder.decode(piece.value, { stream: true });
          }
          await reader?.cancel();
        } else {
          for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read())
            text += decoder.decode(piece.value, { stream: true });
        }
        expectKnownAnswer(response.status, response.headers, text, true);
      }),
      { numRuns },
    );
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
    const stream = await handler(new Request("http://localhost/?channel=a"));
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
  }, 600_000);

  it.each(Object.entries(TRANSPORTS))(
    "over HTTP, through %s: the same, down to the request line",
    async (name, createListener) => {
      const failures: unknown[] = [];
      const listener = createListener({ realtime, ...guard });
      const server = await serve((req, res) => {
        // What the test's own bridge to fetch cannot make a Request of is no matter of ours.
        if (name === "fetch" && !isRequest(`http://${req.headers.host}${req.url}`, req.headers)) {
          res.writeHead(204).end();
          return;
        }
        Promise.resolve(listener(req, res) as unknown).catch((error: unknown) => failures.push(error));
      });
      servers.push(server);
      const line = fc.oneof(
        { weight: 5, arbitrary: fc.tuple(method, target).map(([verb, path]) => `${verb} ${path} HTTP/1.1`) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
      );
      const head = fc.tuple(line, headers, fc.constantFrom("x", "a b", "[::1]:80", "evil/../x", "", "localhost:1")).map(
        ([first, given, host]) =>
          `${first}\r\nhost: ${host}\r\nconnection: close\r\n${Object.entries(given)
            .map(([key, value]) => `${key}: ${value}\r\n`)
            .join("")}\r\n`,
      );
      let answered = 0;
      await fc.assert(
        fc.asyncProperty(head, async (text) => {
          const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
          let got = "";
          socket
            .setEncoding("latin1")
            .on("data", (piece: string) => (got += piece))
            .on("error", () => {});
          socket.write(Buffer.from(text, "latin1"));
          const closed = once(socket, "close");
          const opened = (async () => {
            while (!got.includes("\r\n\r\n")) await new Promise((resolve) => setTimeout(resolve, 1));
          })();
          // Garbage that never becomes a request is Node's to wait for.
          await Promise.race([closed, opened, new Promise((resolve) => setTimeout(resolve, 50))]);
          socket.destroy();
          await closed;
          const [top = "", ...body] = got.split("\r\n\r\n");
          const [status = "", ...fields] = top.split("\r\n");
          const code = Number(status.split(" ")[1]);
          // Node's own answer to what is no HTTP.
          if (got === "" || (code === 400 && !got.includes('"code"') && fields.length <= 1) || code === 431) return;
          answered++;
          expect(got).not.toContain(SECRET);
          const known = fields.map((field): [string, string] => [field.split(":", 1)[0]?.toLowerCase() ?? "", field]);
          for (const [key] of code === 204 ? [] : known) expect(HEADERS, key).toContain(key);
          expect([200, 204, ...Object.values(WIRE_CODES).map((info) => info.status)]).toContain(code);
          expect(body.join("\r\n\r\n")).not.toMatch(/Error|node:|at \w+ \(/);
        }),
        { numRuns: Math.ceil(numRuns / 2) },
      );
      expect(answered).toBeGreaterThan(numRuns / 10);
      expect(failures).toEqual([]);
      await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
      const stream = await openRaw(`${server.url}/?channel=a`);
      expect(stream.status).toBe(200);
      stream.destroy();
    },
    600_000,
  );
});

describe("keys of others in the same Redis", () => {
  let server: RedisServer;
  let direct: Redis;

  beforeAll(async () => {
    server = await startRedis();
    direct = new Redis(server.port);
  });

  afterAll(async () => {
    direct.disconnect();
    await server.stop();
  });

  it("I10 Text, I11 Prefix: no request reads one, and none of its words leave", async () => {
    const stream = (key: string) =>
      direct.xadd(key, "*", "v", "1", "p", "0-0", "e", "e.v", "d", JSON.stringify(SECRET), "i", "x");
    await direct.set("secret", SECRET);
    await direct.set("tidings", SECRET);
    await direct.set("tidings:string", SECRET);
    await direct.lpush("tidings:list", SECRET);
    await direct.hset("tidings:hash", "d", JSON.stringify(SECRET));
    await direct.sadd("tidings:set", SECRET);
    await direct.zadd("tidings:zset", 1, SECRET);
    // Streams that look like ours, of another prefix, of none, and of a prefix that ours begins with.
    for (const key of ["secret-stream", "other:a", "tidings2:a", "tiding:a", "a", "room:1"]) await stream(key);
    // A stream of another application under a key of ours.
    await direct.xadd("tidings:foreign", "*", "password", SECRET);
    await direct.xadd("tidings:foreign", "*", "e", `x\n\ndata: ${SECRET}`, "d", `{"a":"${SECRET}"`);

    await using realtime = new Realtime({ redis: { driver: "redis", url: server.url }, logger }) as never as Realtime;
    await realtime.channel("a").emit("e.v", EMITTED);
    const http = await serve(handleNode({ realtime }));
    const monitor = await direct.duplicate().monitor();
    const touched = new Set<string>();
    monitor.on("monitor", (_time: string, [command = "", ...args]: string[]) => {
      const name = command.toLowerCase();
      if (name.startsWith("eval")) for (const key of args.slice(2, 2 + Number(args[1]))) touched.add(key);
      else if (/^(?:s?subscribe|get|exists|type|mget|del)$/.test(name)) for (const key of args) touched.add(key);
      else if (name.startsWith("x")) touched.add(args[name === "xinfo" ? 1 : 0] ?? "");
    });
    try {
      const planted = [
        "string",
        "list",
        "hash",
        "set",
        "zset",
        "foreign",
        "secret",
        "../secret",
        "other:a",
        ":secret",
        "@",
        "a",
        "room:1",
      ];
      const names = fc.oneof(
        fc.constantFrom(...planted),
        hostileText,
        fc.string({ unit: fc.constantFrom(...Array.from("abcst:./@=+~-_:secret")), minLength: 1, maxLength: 12 }),
      );
      let known = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(names, { minLength: 1, maxLength: 3 }),
          fc.constantFrom("-", "-5", "0-0", ""),
          async (channels, start) => {
            const at = channels.map(() => start).join();
            const path = `/?${channels.map((name) => `channel=${encodeURIComponent(name)}`).join("&")}&at=${at}`;
            const answer = await openRaw(http.url + path, { headers: { accept: "application/json" } });
            const text = await answer.ended;
            const fields = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
            expectKnownAnswer(answer.status, fields, text, false);
            known++;
          },
        ),
        { numRuns: Math.ceil(numRuns / 2.5), examples: planted.map((name) => [[name], "-"]) },
      );
      expect(known).toBeGreaterThan(100);
      const shown = await openRaw(`${http.url}/?channel=a&at=-`, { headers: { accept: "application/json" } });
      expect(await shown.ended, "what is ours is shown").toContain(EMITTED);
      expect([...touched].filter((key) => !/^(?:tidings:|\{tidings:)/.test(key))).toEqual([]);
      expect(touched.size).toBeGreaterThan(10);
    } finally {
      monitor.disconnect();
      await http[Symbol.asyncDispose]();
    }
  }, 600_000);
});
