import { afterAll, beforeAll, describe, expect, it, vi, type Mock } from "vitest";
import * as z from "zod";
import { Redis } from "ioredis";
import { createIORedisAdapter, type IoRedisAdapterOptions } from "../../src/adapters/ioredis.ts";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import type { Broker } from "../../src/brokers/broker.ts";
import { handle as handleFetch, isTidingsError, Realtime, TidingsError } from "../../src/index.ts";
import type {
  ChannelOptions,
  DisconnectOptions,
  DrainOptions,
  HandleOptions,
  HistoryQuery,
  RealtimeOptions,
  SubscribeOptions,
} from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { WIRE_CODES, SERVER_CODES, type ErrorCode, type WireCode } from "../../src/protocol/codes.ts";
import { serve, TRANSPORTS, type TestServer } from "../support/http-server.ts";
import { openRaw, type RawStream } from "../support/raw-stream.ts";
import { streamsOf } from "../support/streams-of.ts";

/** Stands for what must never leave the server: words of a broker, of an exception. */
const SECRET = "WRONGPASS hunter2";

type Say = (message: string, ...details: unknown[]) => void;
const logger = { log: vi.fn<Say>(), warn: vi.fn<Say>(), error: vi.fn<Say>() };

/** A Standard Schema that does what no library does. */
function validator(validate: (value: unknown) => unknown): z.ZodType {
  return { "~standard": { version: 1, vendor: "test", validate } } as never;
}

const schema = {
  chat: {
    message: z.object({ text: z.string() }),
    whatever: z.unknown(),
    throws: validator(() => {
      throw new Error("a validator of the test");
    }),
    rejects: validator(() => Promise.reject(new Error("a validator of the test"))),
    mute: validator(() => undefined),
  },
};

/** A broker that answers nothing but this. */
function failingBroker(reason: unknown): Broker {
  const fail = (): Promise<never> => Promise.reject(reason);
  const listen: Broker["listen"] = () => ({ join: fail, leave() {}, close() {} });
  return { append: fail, read: fail, locate: fail, listen, close: async () => {} };
}

/** A broker that cannot be reached, as a broker of tidings says so. */
function unreachableBroker(): Broker {
  const cause = new Error(SECRET);
  const broker = failingBroker(new TidingsError("broker_unavailable", "the broker cannot be reached.", { cause }));
  broker.append = () => Promise.reject(new TidingsError("not_stored", "the broker could not be reached in time.", { cause }));
  broker.listen = () => ({ join: () => new Promise(() => {}), leave() {}, close() {} });
  return broker;
}

interface Row {
  readonly input: string;
  /** Must throw, or return a promise that rejects. */
  readonly give: (realtime: Realtime) => unknown;
  readonly code: ErrorCode;
  /** What the text says: the thing that was wrong, and what to do. */
  readonly says: RegExp;
}

type Method = "emit" | "channel" | "history" | "subscribe" | "disconnect" | "drain";
const loose = (realtime: Realtime): Record<Method, (...given: unknown[]) => unknown> => realtime as never;
/** A client that never connects. */
const adapter = (options: unknown): object => createIORedisAdapter(new Redis({ lazyConnect: true }), options as never);
const create = (options: object): Realtime => new Realtime({ logger, ...options }) as never as Realtime;
const over = (broker: Broker, use: (realtime: Realtime) => unknown): unknown => use(create({ broker }));

const rows: Row[] = [
  {
    input: "invalid payload",
    give: (realtime) => loose(realtime).emit("chat.message", { text: 5 }),
    code: "invalid_payload",
    says: /"chat\.message".*nothing was stored.*data\.text/,
  },
  ...["throws", "rejects", "mute"].map((name): Row => ({
    input: `payload whose validator is broken: ${name}`,
    give: (realtime) => loose(realtime).emit(`chat.${name}`, "x"),
    code: "invalid_payload",
    says: /validator of "chat\.\w+".*nothing was stored.*(report an issue|Use one)/,
  })),
  {
    input: "unknown event",
    give: (realtime) => loose(realtime).emit("chat.massage", { text: "hi" }),
    code: "unknown_event",
    says: /"chat\.massage", so nothing was stored\. Did you mean "chat\.message"\?/,
  },
  {
    input: "event that is no text",
    give: (realtime) => loose(realtime).emit(undefined, {}),
    code: "unknown_event",
    says: /no event undefined.*"chat\.message"/,
  },
  {
    input: "event without a schema, with a name that is none",
    give: () => create({ broker: createMemoryBroker() }).emit("chat message", 1),
    code: "bad_event",
    says: /"chat message" cannot name an event: 1 to 10 segments/,
  },
  {
    input: "payload above 1 MB",
    give: (realtime) => loose(realtime).emit("chat.whatever", "é".repeat(600_000)),
    code: "payload_too_large",
    says: /"chat\.whatever" has 1200002 bytes of JSON; `limits\.maxPayloadBytes` is 1048576\. Emit a reference/,
  },
  {
    input: "payload that JSON cannot carry",
    give: (realtime) => loose(realtime).emit("chat.whatever", { a: [1n] }),
    code: "payload_not_json",
    says: /"chat\.whatever".*nothing was stored: data\.a\[0\] is a BigInt/,
  },
  ...["", "a b", "{slot}", "a\nb", "x".repeat(129), 5, undefined, null].map((name): Row => ({
    input: `channel name ${JSON.stringify(name)}`,
    give: (realtime) => loose(realtime).channel(name),
    code: "bad_channel",
    says: /is not a channel name: 1 to 128 of the characters/,
  })),
  {
    input: "cursor of history",
    give: (realtime) => realtime.history({ after: "yesterday" }),
    code: "bad_cursor",
    says: /`after` takes a cursor.*"yesterday"/,
  },
  {
    input: "cursor of subscribe",
    give: (realtime) => realtime.subscribe({ after: "-", onData() {} }),
    code: "bad_cursor",
    says: /`after` takes a cursor.*"-"/,
  },
  ...[{ history: true }, { history: { limit: 5 } }].map(({ history }): Row => ({
    input: `subscribe with after and with history ${JSON.stringify(history)}`,
    give: (realtime) => realtime.subscribe({ after: "0-0", history, onData() {} }),
    code: "bad_option",
    says: /`subscribe` takes `after` or `history`, not both/,
  })),
  {
    input: "subscribe to an event that the schema does not have",
    give: (realtime) => loose(realtime).subscribe({ events: ["chat.message", "chat.massage"], onData() {} }),
    code: "unknown_event",
    says: /the schema has no event "chat\.massage"\. Did you mean "chat\.message"\?/,
  },
  ...[5, null, undefined].map((event): Row => ({
    input: `subscribe to an event that is no text: ${String(event)}`,
    give: (realtime) => loose(realtime).subscribe({ events: [event], onData() {} }),
    code: "unknown_event",
    says: /the schema has no event (number|null|undefined)\. It has "chat\.message"/,
  })),
  {
    input: "subscribe, without a schema, to an event with a name that is none",
    give: () => create({ broker: createMemoryBroker() }).subscribe({ events: ["chat message"], onData() {} }),
    code: "bad_event",
    says: /"chat message" cannot name an event: 1 to 10 segments/,
  },
  {
    input: "broker unreachable: emit",
    give: () => over(unreachableBroker(), (realtime) => realtime.emit("e.v", 1)),
    code: "not_stored",
    says: /could not be reached/,
  },
  {
    input: "broker unreachable: history",
    give: () => over(unreachableBroker(), (realtime) => realtime.history()),
    code: "broker_unavailable",
    says: /cannot be reached/,
  },
  {
    input: "broker unreachable: cursor",
    give: () => over(unreachableBroker(), (realtime) => realtime.cursor()),
    code: "broker_unavailable",
    says: /cannot be reached/,
  },
  {
    input: "broker that fails with something else: emit",
    give: () => over(failingBroker(new Error(SECRET)), (realtime) => realtime.emit("e.v", 1)),
    code: "outcome_unknown",
    says: /channel "default" may or may not be stored.*`cause`/,
  },
  {
    input: "broker that fails with something else: history",
    give: () => over(failingBroker(SECRET), (realtime) => realtime.history()),
    code: "broker_refused",
    says: /channel "default" could not be read.*`cause`/,
  },
  {
    input: "broker that refuses a channel: subscribe",
    give: () => over(failingBroker(new Error(SECRET)), (realtime) => realtime.subscribe({ onData() {} })),
    code: "channel_unavailable",
    says: /channel "default" cannot be read.*in the log/,
  },
  {
    input: "closed instance: emit",
    give: async () => {
      const realtime = create({ broker: createMemoryBroker() });
      await realtime.close();
      await realtime.emit("e.v", 1);
    },
    code: "closed",
    says: /was closed\. Make a new one/,
  },
  ...[5, "schema", [], { chat: 5 }, { chat: {} }, { "a b": z.string() }, { chat: { message: () => {} } }, z.string()].map(
    (mistake, index): Row => ({
      input: `schema mistake ${index + 1}: ${JSON.stringify(mistake)?.slice(0, 40)}`,
      give: () => create({ schema: mistake }),
      code: "bad_schema",
      says: /schema/,
    }),
  ),
  {
    input: "redis and broker together",
    give: () => create({ redis: { driver: "memory" }, broker: createMemoryBroker() }),
    code: "bad_option",
    says: /`redis` and `broker` both.*Pass one/,
  },
  {
    input: "no options object",
    give: () => new Realtime(null as never),
    code: "bad_option",
    says: /`new Realtime\(…\)` takes an object of options; it got null/,
  },
  ...[null, 5, "history"].map((options): Row => ({
    input: `channel options that are none: ${JSON.stringify(options)}`,
    give: (realtime) => loose(realtime).channel("c", options),
    code: "bad_option",
    says: /`channel\(…\)` takes \{ history \}; it got/,
  })),
  ...[{}, { user: undefined }, { timeoutSecs: 1 }].map((options): Row => ({
    input: `disconnect of nobody: ${JSON.stringify(options)}`,
    give: (realtime) => realtime.disconnect(options),
    code: "bad_option",
    says: /`disconnect` takes `\{ user \}`.*It got neither/,
  })),
  {
    input: "revalidateSecs with nobody to ask",
    give: (realtime) => handleFetch({ realtime, revalidateSecs: 60 }),
    code: "bad_option",
    says: /`revalidateSecs`.*there is none of them/,
  },
  ...[null, 5, "after"].flatMap((options): Row[] => [
    {
      input: `disconnect options that are none: ${JSON.stringify(options)}`,
      give: (realtime) => loose(realtime).disconnect(options),
      code: "bad_option",
      says: /`disconnect\(…\)` takes \{ user, channel \}; it got/,
    },
    {
      input: `drain options that are none: ${JSON.stringify(options)}`,
      give: (realtime) => loose(realtime).drain(options),
      code: "bad_option",
      says: /`drain\(…\)` takes \{ graceSecs \}; it got/,
    },
    {
      input: `history options that are none: ${JSON.stringify(options)}`,
      give: (realtime) => loose(realtime).history(options),
      code: "bad_option",
      says: /`history\(…\)` takes \{ limit, after, start, end \}; it got/,
    },
    {
      input: `subscribe options that are none: ${JSON.stringify(options)}`,
      give: (realtime) => loose(realtime).subscribe(options),
      code: "bad_option",
      says: /`subscribe\(…\)` takes an object with onData; it got/,
    },
    {
      input: `adapter options that are none: ${JSON.stringify(options)}`,
      give: () => adapter(options),
      code: "bad_option",
      says: /`createIORedisAdapter\(client, …\)` takes \{ keyPrefix \}; it got/,
    },
  ]),
  {
    input: "handle without a Realtime",
    give: () => handleFetch(undefined as never),
    code: "bad_option",
    says: /takes `\{ realtime \}`.*forget to export/,
  },
  {
    input: "cors for every origin, with cookies",
    give: (realtime) => handleFetch({ realtime, cors: { origin: "*", credentials: true } }),
    code: "bad_option",
    says: /origin: "\*".*credentials.*Name the origins/,
  },
];

/** Values of the wrong type or out of range for each option: a new option without a row here does not compile. */
const wrongOptions: {
  readonly Realtime: Record<Exclude<keyof RealtimeOptions, "schema">, readonly unknown[]>;
  readonly handle: Record<keyof HandleOptions, readonly unknown[]>;
  readonly channel: Record<keyof ChannelOptions, readonly unknown[]>;
  readonly adapter: Record<keyof IoRedisAdapterOptions, readonly unknown[]>;
  readonly disconnect: Record<keyof DisconnectOptions, readonly unknown[]>;
  readonly drain: Record<keyof DrainOptions, readonly unknown[]>;
  readonly history: Record<keyof HistoryQuery, readonly unknown[]>;
  readonly subscribe: Record<Exclude<keyof SubscribeOptions<string, never>, "after">, readonly unknown[]>;
} = {
  Realtime: {
    redis: [
      " ",
      "127.0.0.1:6379",
      "redis://h/db",
      "redis://user:100%@h",
      "https://x.upstash.io",
      5,
      null,
      {},
      { driver: "memcached" },
      { driver: "redis" },
    ],
    broker: [5, null, {}, { append() {}, listen() {} }],
    keyPrefix: [5, "", "a{b}", "a b"],
    interop: [true, "", "upstash/realtime", "forrealtime", null],
    emitTimeoutSecs: [0, -1, Number.NaN, "5"],
    history: [5, "all", null, { maxLength: 0 }, { maxLength: 1.5 }, { maxLength: "9" }, { expireAfterSecs: 0 }],
    maxDurationSecs: [0, -1, Number.NaN, "300"],
    plugins: [5, {}, [{}], [undefined]],
    verbose: ["yes", 1],
    logger: [5, null, {}],
    limits: [5, null, { maxPayloadBytes: 0 }, { maxPayloadBytes: "1 MB" }, { maxTotalBufferedBytes: 0 }],
    hooks: [5, null, { onConnect: "log" }, { onEmit: null }],
  },
  handle: {
    realtime: [undefined, null, {}, 5, "realtime"],
    middleware: [5, {}, null],
    identify: ["cookie", null],
    authorize: [true, null],
    // "socket" is for `tidings/node` alone, below.
    address: [true, null, "127.0.0.1"],
    revalidateSecs: [0, -1, Number.NaN, "60", null],
    cors: [true, "*", null, {}, { origin: 5 }, { origin: [5] }, { origin: "https://a.example", credentials: "include" }],
    limits: [
      ...[5, null, { maxChannels: 0 }, { maxChannels: "50" }, { maxUrlBytes: Number.NaN }],
      ...[{ maxBufferedBytes: 0 }, { maxReplayBytes: -1 }, { maxStreamsPerUser: 5 }, { maxStreamsPerAddress: 5 }],
      ...[{ decideSecs: 0 }, { decideSecs: "10" }, { decideSecs: Number.NaN }, { decideSecs: -1 }],
    ],
  },
  channel: {
    history: [5, "all", null, { maxLength: 0 }, { maxLength: 1.5 }, { maxLength: "9" }, { expireAfterSecs: 0 }],
  },
  adapter: {
    keyPrefix: [5, "", "a{b}", "a b", null],
  },
  disconnect: {
    user: [5, null, {}],
    channel: [5, null, "", "a b", "!control"],
    timeoutSecs: [-1, "1", Number.NaN, Infinity],
  },
  drain: {
    graceSecs: [-1, "10", Number.NaN, Infinity],
  },
  history: {
    limit: [0, -1, 1.5, "20", null],
    after: [],
    start: ["yesterday", -1, 1.5, Number.NaN],
    end: [new Date(), "now"],
  },
  subscribe: {
    events: ["chat.message", {}, 5],
    onData: [undefined, null, "log"],
    history: [5, "all", null, { limit: 0 }, { limit: "20" }, { start: "yesterday" }, { end: -1 }],
    onGap: [5, {}, null],
    signal: [5, {}, new AbortController()],
  },
};

function errorOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const optionMakers: Record<keyof typeof wrongOptions, (name: string, value: unknown) => (realtime: Realtime) => unknown> = {
  Realtime: (name, value) => () => create({ [name]: value }),
  handle: (name, value) => (realtime) => {
    const options = { realtime, [name]: value } as never;
    const [ofFetch, ofNode] = [errorOf(() => handleFetch(options)), errorOf(() => handleNode(options))];
    expect(ofNode).toEqual(ofFetch);
    if (ofFetch !== undefined) throw ofFetch;
  },
  channel: (name, value) => (realtime) => loose(realtime).channel("c", { [name]: value }),
  adapter: (name, value) => () => adapter({ [name]: value }),
  disconnect: (name, value) => (realtime) =>
    loose(realtime).disconnect({ ...(name === "timeoutSecs" && { user: "ann" }), [name]: value }),
  drain: (name, value) => (realtime) => loose(realtime).drain({ [name]: value }),
  history: (name, value) => (realtime) => loose(realtime).history({ [name]: value }),
  subscribe: (name, value) => (realtime) => loose(realtime).subscribe({ onData() {}, [name]: value }),
};

for (const [of, options] of Object.entries(wrongOptions) as Array<[keyof typeof wrongOptions, Record<string, unknown[]>]>) {
  for (const [name, values] of Object.entries(options)) {
    for (const value of values) {
      const shown = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
      rows.push({
        input: `option ${name} of ${of}: ${shown}`,
        give: optionMakers[of](name, value),
        code: "bad_option",
        says: new RegExp(name === "realtime" ? "`handle` takes `{ realtime }`" : `\`(${name}|\\w+\\.${name})\\b`),
      });
    }
  }
}

/** Options that do not exist: of which object, the name, and the end of what is said about it. */
const unknownOptions: ReadonlyArray<readonly [keyof typeof wrongOptions, path: string, says: string]> = [
  ["Realtime", "shema", "`shema` is no option of `new Realtime(…)`. Did you mean `schema`?"],
  ["Realtime", "Schema", "Did you mean `schema`?"],
  ["Realtime", "maxDuration", "Did you mean `maxDurationSecs`?"],
  ["Realtime", "emitTimeoutMs", "Did you mean `emitTimeoutSecs`?"],
  ["Realtime", "prefix", "Did you mean `keyPrefix`?"],
  ["Realtime", "colour", "It takes `schema`, `redis`, `broker`"],
  ["Realtime", "history.maxLen", "`maxLen` is no option of `history`. Did you mean `maxLength`?"],
  ["Realtime", "history.expireAfter", "Did you mean `expireAfterSecs`?"],
  ["Realtime", "limits.maxPayload", "`maxPayload` is no option of `limits`. Did you mean `maxPayloadBytes`?"],
  ["Realtime", "redis.url", '`url` is no option of `redis: { driver: "memory" }`. It takes `driver`.'],
  ["handle", "authorise", "`authorise` is no option of `handle`. Did you mean `authorize`?"],
  ["handle", "auth", "Did you mean `authorize`?"],
  ["handle", "middlewares", "Did you mean `middleware`?"],
  [
    "handle",
    "onRequest",
    "It takes `realtime`, `middleware`, `identify`, `authorize`, `address`, `revalidateSecs`, `cors`, `limits`.",
  ],
  ["handle", "cors.origins", "`origins` is no option of `cors` of `handle`. Did you mean `origin`?"],
  ["handle", "cors.withCredentials", "Did you mean `credentials`?"],
  ["handle", "limits.maxChannel", "`maxChannel` is no option of `limits` of `handle`. Did you mean `maxChannels`?"],
  ["channel", "histroy", "`histroy` is no option of `channel(…)`. Did you mean `history`?"],
  ["channel", "history.maxlength", "`maxlength` is no option of `history`. Did you mean `maxLength`?"],
  ["adapter", "prefix", "`prefix` is no option of `createIORedisAdapter(client, …)`. Did you mean `keyPrefix`?"],
  ["history", "since", "`since` is no option of `history(…)`. It takes `limit`, `after`, `start`, `end`."],
  ["history", "Limit", "Did you mean `limit`?"],
  ["subscribe", "event", "`event` is no option of `subscribe(…)`. Did you mean `events`?"],
  ["subscribe", "ondata", "Did you mean `onData`?"],
  ["subscribe", "channels", "It takes `events`, `onData`, `history`, `after`, `onGap`, `signal`."],
  ["subscribe", "history.length", "`length` is no option of `history` of `subscribe`. It takes `limit`, `start`, `end`."],
];

/** What must be there for the option under test to be the only mistake. */
const besides: Readonly<Record<string, object>> = {
  "Realtime redis": { driver: "memory" },
  "handle cors": { origin: "https://a.example" },
};

for (const [of, path, says] of unknownOptions) {
  const [outer = "", inner] = path.split(".");
  const give = (value: unknown) =>
    optionMakers[of](outer, inner === undefined ? value : { ...besides[`${of} ${outer}`], [inner]: value });
  rows.push({
    input: `option ${path} of ${of}, which does not exist`,
    // What has no value is no mistake: `{ schema, maxDuration: undefined }` says nothing.
    give: (realtime) => (void give(undefined)(realtime), give(1)(realtime)),
    code: "bad_option",
    says: new RegExp(says.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")),
  });
}

interface Ask {
  readonly input: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly options?: Omit<HandleOptions, "realtime">;
  readonly code: WireCode;
  readonly says: RegExp;
  /** Whether the server's log holds what the browser must not see. */
  readonly logs?: boolean;
}

const thrower = (): never => {
  throw new Error(SECRET);
};

const asks: Ask[] = [
  ...["a b", "%7Bslot%7D", "", "a%0Ab", "%F0%9F%98%80", "x".repeat(129), "a+b"].map((name): Ask => ({
    input: `channel ${JSON.stringify(name.slice(0, 20))}`,
    path: `/?channel=fine&channel=${name.replaceAll(" ", "%20")}`,
    code: "bad_channel",
    says: /is not a channel name: 1 to 128 of the characters/,
  })),
  ...[
    "yesterday",
    "1-",
    "-0",
    "--1",
    "1-1~",
    "~1-1",
    "1-1~x",
    "1-1~2-2~3-3",
    "-~-",
    "1-1,",
    ",",
    "0x1-0",
    "99999999999999999999-0",
    "1-1%0A",
    "%3Cscript%3E",
  ].map((at): Ask => ({ input: `at=${at}`, path: `/?channel=a&at=${at}`, code: "bad_cursor", says: /cursor/ })),
  { input: "fewer cursors than channels", path: "/?channel=a&channel=b&at=1-1", code: "bad_cursor", says: /1 cursors for 2/ },
  { input: "more cursors than channels", path: "/?channel=a&at=1-1,2-2", code: "bad_cursor", says: /2 cursors for 1/ },
  { input: "last_ack", path: "/?channel=a&last_ack_a=9", code: "bad_cursor", says: /"9" is not a cursor/ },
  { input: "lastEventId", path: "/?channel=a&at=1-1&lastEventId=9", code: "bad_cursor", says: /"9" is not a cursor/ },
  { input: "Last-Event-ID", headers: { "last-event-id": "17" }, code: "bad_cursor", says: /"17" is not a cursor/ },
  ...["channels=a,b", "channel[]=a", "Channel=a", "chanel=a", "channelId=a"].map((query): Ask => ({
    input: query,
    path: `/?channel=a&${query}`,
    code: "bad_parameter",
    says: /^`[\w[\]]+` is no parameter of a stream\. Name each channel with `channel=<name>`/,
  })),
  ...["after=1-1", "since=5", "cursor=1-1", "cursors=1-1", "history=true", "At=1-1", "at[]=1-1"].map((query): Ask => ({
    input: query,
    path: `/?channel=a&${query}`,
    code: "bad_parameter",
    says: /^`[\w[\]]+` is no parameter of a stream\. Say where it starts with `at=<cursor>`/,
  })),
  ...["last-event-id=1-1", "Last_Event_ID=1-1", "last_ack=1-1", "lastAck_a=1-1"].map((query): Ask => ({
    input: query,
    path: `/?channel=a&${query}`,
    code: "bad_parameter",
    says: /^`[\w-]+` is no parameter of a stream\. Say where it starts with `at=<cursor>`/,
  })),
  {
    input: "events=chat.message",
    path: "/?events=chat.message",
    code: "bad_parameter",
    says: /^`events` is no parameter of a stream\. A stream carries every event of its channels: choose where you listen\.$/,
  },
  {
    input: "a near miss that holds what a page would run",
    path: "/?%3Cscript%3Eat%3C%2Fscript%3E=1&%3Cat%3E=1",
    code: "bad_parameter",
    says: /^`\?at\?` is no parameter of a stream\./,
  },
  {
    input: "too many channels",
    path: `/?${Array.from({ length: 51 }, (_, n) => `channel=c${n}`).join("&")}`,
    code: "too_many_channels",
    says: /takes 50 channels at most; this request names 51/,
  },
  {
    input: "too many channels in one parameter",
    path: `/?channel=${Array.from({ length: 51 }, (_, n) => `c${n}`).join()}`,
    code: "too_many_channels",
    says: /takes 50 channels at most; this request names 51/,
  },
  {
    input: "nothing between two commas",
    path: "/?channel=a,,b",
    code: "bad_channel",
    says: /is not a channel name/,
  },
  {
    input: "more channels than limits.maxChannels",
    path: "/?channel=a&channel=b",
    options: { limits: { maxChannels: 1 } },
    code: "too_many_channels",
    says: /takes 1 channels at most; this request names 2/,
  },
  {
    input: "URL above 8 kB",
    path: `/?channel=a&x=${"y".repeat(8_192)}`,
    code: "url_too_long",
    says: /8206 bytes; 8192 is the limit/,
  },
  {
    input: "URL above limits.maxUrlBytes",
    path: `/?channel=${"y".repeat(100)}`,
    options: { limits: { maxUrlBytes: 100 } },
    code: "url_too_long",
    says: /110 bytes; 100 is the limit/,
  },
  {
    input: "a version of the protocol that is to come",
    path: "/?channels=a&v=2",
    code: "unsupported_version",
    says: /version 2 of the protocol and this server version 1\. The server is older.*: deploy the server/,
  },
  {
    input: "a version of the protocol that has gone",
    path: "/?channel=a&v=0",
    code: "unsupported_version",
    says: /version 0 of the protocol and this server version 1\. The client is older.*: reload the page/,
  },
  ...["", "1.0", "x", "20261121", "<b>"].map((version): Ask => ({
    input: `v=${version}`,
    path: `/?channel=a&v=${encodeURIComponent(version)}`,
    code: "unsupported_version",
    says: /^`v` is the version of the protocol, and "[^<]*" is none: .*of the application's own needs another name\.$/,
  })),
  ...["", "-1", "30.1", "31", "300", "1e1", "5s", "Infinity", "NaN", " 5", "<b>"].map((wait): Ask => ({
    input: `a page with wait=${wait}`,
    path: `/?channel=a&wait=${encodeURIComponent(wait)}`,
    headers: { accept: "application/json" },
    code: "bad_parameter",
    says: /^`wait` is how many seconds a page may wait for an event: a number from 0 to 30, not "[^<]*"\.$/,
  })),
  ...["POST", "PUT", "DELETE", "OPTIONS"].map((method): Ask => ({
    input: `method ${method}`,
    method,
    code: "method_not_allowed",
    says: new RegExp(`GET, not ${method}`),
  })),
  {
    input: "a page by POST",
    method: "POST",
    headers: { accept: "application/json" },
    code: "method_not_allowed",
    says: /GET, not POST/,
  },
  { input: "middleware throws", options: { middleware: thrower }, code: "internal", says: /could not decide/, logs: true },
  {
    input: "middleware rejects",
    options: { middleware: () => Promise.reject(new Error(SECRET)) },
    code: "internal",
    says: /could not decide/,
    logs: true,
  },
  {
    input: "middleware throws what is no Error",
    options: {
      middleware: () => {
        // eslint-disable-next-line no-throw-literal, only-throw-error
        throw SECRET;
      },
    },
    code: "internal",
    says: /could not decide/,
    logs: true,
  },
  ...[null, true, {}, "no", 403].map((answer): Ask => ({
    input: `middleware returns ${JSON.stringify(answer)}`,
    options: { middleware: () => answer as never },
    code: "internal",
    says: /could not decide/,
  })),
  // What is no name would be counted by nobody, and no `disconnect` would find its streams.
  ...[null, 5, true, { id: 1 }, ["ann"]].map((answer): Ask => ({
    input: `identify returns ${JSON.stringify(answer)}`,
    options: { identify: () => answer as never },
    code: "internal",
    says: /could not decide/,
  })),
  { input: "identify throws", options: { identify: thrower }, code: "internal", says: /could not decide/, logs: true },
  { input: "authorize throws", options: { authorize: thrower }, code: "internal", says: /could not decide/, logs: true },
  { input: "authorize refuses", options: { authorize: () => false }, code: "forbidden", says: /may not read any/ },
];

/** A reader and a subscription that have nothing to do with what the rows do. */
interface Bystander {
  /** Both get the next event and have seen nothing else. */
  expectUndisturbed(): Promise<void>;
}

async function standBy(realtime: Realtime, server: TestServer): Promise<Bystander> {
  const channel = realtime.channel("bystander");
  const stream = await openRaw(`${server.url}/?channel=bystander`);
  await stream.until("event: connected");
  const heard: unknown[] = [];
  const gaps: unknown[] = [];
  await channel.subscribe({ onData: ({ data }) => heard.push(data), onGap: (gap) => gaps.push(gap) });
  let expected = "";
  const numbers: number[] = [];
  return {
    async expectUndisturbed() {
      const n = numbers.length;
      numbers.push(n);
      await channel.emit("chat.whatever", n);
      const event = new RegExp(
        `id: \\S+\\ndata: \\{"id":"[^"]+","channel":"bystander","event":"chat.whatever","data":${n}\\}\\n\\n$`,
      );
      expected += `${n};`;
      await stream.until(event);
      const shown = [...stream.text.matchAll(/"event":"chat.whatever","data":(\d+)\}/g)].map(([, data]) => `${data};`).join("");
      expect(shown).toBe(expected);
      await vi.waitFor(() => expect(heard).toEqual(numbers));
      expect(gaps).toEqual([]);
      expect(stream.text).not.toMatch(/event: (gap|problem|reconnect)/);
    },
  };
}

function said(log: Mock<Say>): string {
  return log.mock.calls
    .map((call) => call.map((part) => (part instanceof Error ? part.message : String(part))).join(" "))
    .join("\n");
}

describe("bad input, and what it gets", () => {
  let realtime: Realtime;
  let server: TestServer;
  let bystander: Bystander;

  beforeAll(async () => {
    realtime = create({ schema, broker: createMemoryBroker() });
    server = await serve(handleNode({ realtime }));
    bystander = await standBy(realtime, server);
  });

  afterAll(async () => {
    await realtime.close();
    await server[Symbol.asyncDispose]();
  });

  describe("on the server: input → code → text", () => {
    it.each(rows.map((row) => [row.input, row.code, row] as const))("%s → %s", async (_input, code, { give, says }) => {
      const before = await realtime.history();
      let given: unknown;
      try {
        given = await give(realtime);
      } catch (error) {
        given = error;
      }
      expect(isTidingsError(given), `a TidingsError, not ${String(given)}`).toBe(true);
      const error = given as TidingsError;
      expect(error).toMatchObject({ name: "TidingsError", code, retryable: { ...WIRE_CODES, ...SERVER_CODES }[code].retry });
      expect(error.message).toMatch(/^tidings: /);
      expect(error.message).toMatch(says);
      expect(error.message, "one line, of a length that people read").toMatch(/^[^\n]{20,600}$/);
      expect(await realtime.history(), "nothing was stored, nothing lost").toEqual(before);
      await bystander.expectUndisturbed();
    });
  });

  describe.each(Object.entries(TRANSPORTS))("from a browser, %s: input → status, code → text", (_, createListener) => {
    it.each(asks.map((ask) => [ask.input, ask.code, ask] as const))("%s → %s", async (_input, code, ask) => {
      logger.error.mockClear();
      const streams = streamsOf(realtime);
      const own = await serve(createListener({ ...ask.options, realtime }));
      try {
        const answer = await openRaw(own.url + (ask.path ?? "/"), { method: ask.method ?? "GET", headers: ask.headers ?? {} });
        await expectRefusal(answer, code, ask.says);
        expect(said(logger.error).includes(SECRET), "the reason is in the server's log").toBe(ask.logs === true);
        expect(streamsOf(realtime), "no stream was opened").toBe(streams);
      } finally {
        await own[Symbol.asyncDispose]();
      }
      await bystander.expectUndisturbed();
    });

    it("a parameter of the application's own is let pass", async () => {
      const query =
        "_=17&t=5&ts=5&cb=x&wait=soon&token=x&access_token=x&utm_source=x&fbclid=x&userId=u&tenant=x&lang=de&id=5&event=5";
      const own = await serve(createListener({ realtime }));
      const stream = await openRaw(`${own.url}/?channel=own&${query}&from=x&limit=5&format=x&state=x&last_ack_other=1-1`);
      await stream.until("event: connected");
      expect(stream.status).toBe(200);
      stream.destroy();
      await own[Symbol.asyncDispose]();
    });

    it("broker unreachable: the stream opens all the same, is silent, and tells nothing of the reason", async () => {
      const other = create({ broker: unreachableBroker() });
      const own = await serve(createListener({ realtime: other }));
      const stream = await openRaw(`${own.url}/?channel=a&channel=b&v=1`);
      expect(stream.status).toBe(200);
      await bystander.expectUndisturbed();
      await other.close();
      expect(await stream.ended).toBe("retry: 1000\n:\n\n");
      await own[Symbol.asyncDispose]();
    });

    it("broker refuses a channel: a problem frame with a code, and the broker's words in the log alone", async () => {
      logger.warn.mockClear();
      const broker = createMemoryBroker();
      const { locate } = broker;
      broker.locate = (channel, range) =>
        channel === "bad"
          ? Promise.reject(new TidingsError("broker_refused", SECRET, { cause: new Error(SECRET) }))
          : locate.call(broker, channel, range);
      const other = create({ broker });
      const own = await serve(createListener({ realtime: other }));
      const stream = await openRaw(`${own.url}/?channel=bad&channel=good&v=1`);
      await stream.until('event: problem\ndata: {"code":"channel_unavailable","channel":"bad","retry":true}\n\n');
      await stream.until("event: connected");
      await other.channel("good").emit("e.v", "flows");
      await stream.until("flows");
      expect(stream.text).not.toContain("hunter2");
      expect(said(logger.warn)).toContain(SECRET);
      await bystander.expectUndisturbed();
      await other.close();
      await own[Symbol.asyncDispose]();
    });

    it("broker whose methods throw at once: a problem frame, and no crash", async () => {
      const broker = createMemoryBroker();
      broker.listen = thrower;
      const other = create({ broker });
      const own = await serve(createListener({ realtime: other }));
      const stream = await openRaw(own.url);
      await stream.until('event: problem\ndata: {"code":"channel_unavailable","channel":"default","retry":true}\n\n');
      expect(stream.text).not.toContain("hunter2");
      await bystander.expectUndisturbed();
      await other.close();
      await own[Symbol.asyncDispose]();
    });
  });

  it.each(["throws", "rejects"])("an onData that %s → one line in the log; the next event follows", async (how) => {
    logger.error.mockClear();
    const channel = realtime.channel(`thrower-${how}`);
    const seen: unknown[] = [];
    const unsubscribe = await channel.subscribe({
      onData({ data }) {
        seen.push(data);
        return how === "throws" ? thrower() : Promise.reject(new Error(SECRET));
      },
    });
    await channel.emit("chat.whatever", 1);
    await channel.emit("chat.whatever", 2);
    await vi.waitFor(() => expect(logger.error).toHaveBeenCalledTimes(2));
    expect(seen).toEqual([1, 2]);
    expect(logger.error.mock.calls[0]?.[0]).toBe(
      `tidings: a subscriber of channel "thrower-${how}" threw; the next event follows.`,
    );
    expect(logger.error.mock.calls[0]?.[1]).toMatchObject({ message: SECRET });
    unsubscribe();
    await bystander.expectUndisturbed();
  });

  it("every code is the answer to some row, or is known to have tests of its own", () => {
    const elsewhere: ErrorCode[] = [
      "unauthorized",
      "bad_request",
      "cursor_unavailable",
      "channel_unavailable",
      "closing",
      "too_many_streams",
      "undecided",
    ];
    const covered = new Set<ErrorCode>([...rows, ...asks].map(({ code }) => code).concat(elsewhere));
    expect(
      [...Object.keys(WIRE_CODES), ...Object.keys(SERVER_CODES)].filter((code) => !covered.has(code as ErrorCode)),
    ).toEqual([]);
  });
});

async function expectRefusal(answer: RawStream, code: WireCode, says: RegExp): Promise<void> {
  const text = await answer.ended;
  expect([answer.status, answer.headers["content-type"]]).toEqual([WIRE_CODES[code].status, "application/json"]);
  const body = JSON.parse(text) as { code: string; message: string };
  expect(Object.keys(body)).toEqual(["code", "message"]);
  expect(body.code).toBe(code);
  expect(body.message).toMatch(says);
  expect(text, "no stack, no word of an exception, nothing that a page would run").not.toMatch(
    /hunter2|\n\s*at |\.ts:|<script/,
  );
}
