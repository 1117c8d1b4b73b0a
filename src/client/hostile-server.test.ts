import * as fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { compareCursors, isCursorText, type RealtimeCursor } from "../protocol/cursor.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { createRealtimeClient } from "./client.ts";
import type { ClientMessage } from "./options.ts";
import { createSseParser } from "./sse-parser.ts";
// Loaded by now, so that they take no time when a client asks for them.
import "./explain.ts";
import "./transports/long-polling.ts";

/** More of them by hand: `FUZZ_RUNS=100000 npm test -- src/client/hostile-server.test.ts`. */
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1_000);

const warned = vi.spyOn(console, "warn");
const erred = vi.spyOn(console, "error");
const unhandled = vi.fn<(reason: unknown) => void>();
process.on("unhandledRejection", unhandled);

beforeEach(() => {
  warned.mockReset().mockReturnValue();
  erred.mockReset().mockReturnValue();
});

afterAll(() => void process.off("unhandledRejection", unhandled));

const ASKED = "a";
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream or page is asked for, and what came of it is read; then half a minute passes. */
async function live(clock: FakeClock, requests: () => number): Promise<void> {
  const before = requests();
  await clock.advance(25);
  for (let turn = 0; turn < 30 && requests() === before; turn++) await settle();
  for (let turn = 0; turn < 6; turn++) await settle();
  await clock.advance(31_000);
}

// oxlint-disable-next-line unicorn/no-thenable -- of a server that is up to no good
const thenable = { then: 1 };

/** Values that are none of what a frame holds, and some that are. */
const oddValue = fc.oneof(
  fc.constantFrom<unknown>("5-0", "4-0", "6-0", "0-0", "5-0~6-0", "-", "", "99999999999999999999-99999999999999999999"),
  fc.constantFrom<unknown>(ASKED, "b", "__proto__", "constructor", "toString", null, true, 0, -1, 1e308, 15_000, 2 ** 53),
  fc.constantFrom<unknown>("trimmed", "reset", "limit", { toString: 1 }, { length: 1e9 }, thenable, [], ["a"], {}),
  fc.jsonValue({ maxDepth: 2 }),
);
const fieldName = fc.constantFrom(
  ...["id", "channel", "event", "data", "cursor", "tail", "after", "reason", "heartbeatMs", "delayMs", "code", "retry", "type"],
  ...["__proto__", "constructor", "prototype", "toJSON", "then", "asked", "joined", "leaving"],
);
const frameName = fc.constantFrom(
  "",
  "connected",
  "gap",
  "position",
  "problem",
  "reconnect",
  "__proto__",
  "constructor",
  "later",
);
/** As text, so that `__proto__` is a name like any other. */
const object = fc
  .array(fc.tuple(fieldName, oddValue), { maxLength: 8 })
  .map((fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`);
const cursor = fc.integer({ min: 0, max: 99 }).map((n) => `${n}-0`);
const channel = fc.constantFrom(ASKED, ASKED, ASKED, "b", "__proto__");
const soundFrame = fc.oneof(
  fc
    .tuple(channel, cursor, cursor)
    .map(([name, at, tail]) =>
      [`event: connected`, `data: {"channel":"${name}","cursor":"${at}","tail":"${tail}","heartbeatMs":15000}`].join("\n"),
    ),
  fc.tuple(channel, cursor).map(([name, id]) => `data: {"id":"${id}","channel":"${name}","event":"x.y","data":"${name}"}`),
  fc
    .tuple(channel, cursor, fc.constantFrom("trimmed", "reset", "limit"))
    .map(([name, at, why]) => `event: gap\ndata: {"channel":"${name}","after":"0-0","cursor":"${at}","reason":"${why}"}`),
);
const hostileFrame = fc.tuple(frameName, object).map(([name, data]) => `event: ${name}\ndata: ${data}`);
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => new TextEncoder().encode(text)),
  fc
    .constantFrom("\ufeff", "\r", "\n", "\r\n\r\n", "\0", "data", "data:", ":".repeat(5_000), "data: {".repeat(500), "\u2028")
    .map((text) => new TextEncoder().encode(text)),
);
const piece = fc.oneof(
  { weight: 4, arbitrary: soundFrame.map((text) => new TextEncoder().encode(`${text}\n\n`)) },
  { weight: 3, arbitrary: hostileFrame.map((text) => new TextEncoder().encode(`${text}\n\n`)) },
  { weight: 1, arbitrary: garbage },
);
type Answer = { readonly status: number; readonly headers: Record<string, string>; readonly pieces: readonly Uint8Array[] };
/** A stream as a server would begin it. */
const opening = new TextEncoder().encode(
  `retry: 1000\n:\n\nevent: connected\ndata: {"channel":"${ASKED}","cursor":"5-0","tail":"20-0","heartbeatMs":15000}\n\n`,
);
const stream: fc.Arbitrary<Answer> = fc.array(piece, { maxLength: 20 }).map((pieces) => ({
  status: 200,
  headers: { "content-type": "text/event-stream" },
  pieces: [opening, ...pieces],
}));
const oddAnswer: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 200, 200, 204, 301, 400, 401, 403, 429, 500, 503, 599),
  headers: fc.record({
    "content-type": fc.constantFrom(
      ...["text/event-stream", "text/event-stream", "text/event-stream; charset=x", "application/json", "text/html", ""],
    ),
    "retry-after": fc.constantFrom("", "1", "-1", "1e999", "Infinity", "soon", "0x10", "Wed, 21 Oct 2026 07:28:00 GMT"),
  }),
  pieces: fc.array(piece, { maxLength: 12 }),
});
const answer = fc.oneof({ weight: 2, arbitrary: stream }, { weight: 1, arbitrary: oddAnswer });

function expectUnpolluted(): void {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
}

describe("a client of a malicious server", () => {
  it("is shown nothing that it did not ask for, nothing twice, and nothing breaks out of it", async () => {
    let shownInAll = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { maxLength: 6 }), async (answers) => {
        const clock = fakeClock();
        let requests = 0;
        const controllers: Array<ReadableStreamDefaultController<Uint8Array>> = [];
        const fetch: typeof globalThis.fetch = async (_input, init) => {
          init?.signal?.throwIfAborted();
          const given = answers[requests++];
          if (!given) throw new TypeError("Failed to fetch");
          const body = new ReadableStream<Uint8Array>({
            start(controller) {
              controllers.push(controller);
              for (const bytes of given.pieces) controller.enqueue(bytes);
              if (given.headers["content-type"] === "application/json") controller.close();
            },
          });
          init?.signal?.addEventListener("abort", () => {
            try {
              controllers.at(-1)?.error(new Error("aborted"));
            } catch {
              // It is over.
            }
          });
          const { status, headers } = given;
          return new Response(status === 204 || status === 301 ? null : body, { status, headers });
        };
        const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch, clock });
        const shown: ClientMessage[] = [];
        const cursors = new Map<string, RealtimeCursor>();
        /** Where the listener stands, as it was told. */
        let at: string | undefined;
        const stop = client.subscribe({
          channels: [ASKED],
          cursors,
          history: true,
          onData(message) {
            shown.push(message);
            expect(message.channel).toBe(ASKED);
            expect(isCursorText(message.id)).toBe(true);
            expect(typeof message.event).toBe("string");
            expect(cursors.get(ASKED)).toBe(message.id);
            if (at !== undefined) expect(compareCursors(message.id, at as RealtimeCursor)).toBeGreaterThan(0);
            at = message.id;
          },
          onGap(gap) {
            expect(gap.channel).toBe(ASKED);
            expect(isCursorText(gap.cursor)).toBe(true);
            at = gap.cursor;
          },
        });
        for (let round = 0; round < 6; round++) await live(clock, () => requests);
        // Whatever was said, it goes on asking, or knows that it may not, and never in a hurry.
        expect(requests).toBeLessThan(60);
        expect([...cursors.keys()].filter((name) => name !== ASKED)).toEqual([]);
        stop();
        client.destroy();
        await settle();
        expect(clock.pending).toBe(0);
        shownInAll += shown.length;
        expectUnpolluted();
        expect(erred.mock.calls.map(([text, error]) => [text, String(error)])).toEqual([]);
        expect(unhandled.mock.calls).toEqual([]);
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
    expect(shownInAll, "some of it is sound").toBeGreaterThan(numRuns / 20);
  }, 600_000);

  it("pages: whatever JSON they are, nothing is shown that was not asked for, and nothing breaks out", async () => {
    let shownInAll = 0;
    const pageFrame = fc.oneof(
      fc
        .tuple(channel, cursor)
        .map(([name, at]) => JSON.stringify({ type: "connected", channel: name, cursor: at, tail: at, heartbeatMs: 15_000 })),
      fc
        .tuple(channel, cursor)
        .map(([name, id]) => JSON.stringify({ type: "event", id, channel: name, event: "x.y", data: 1 })),
    );
    const page = fc
      .tuple(
        fc.oneof(cursor, cursor, fc.constantFrom<unknown>("", "-", 5, null, {}, ["1-0"], "&channel=admin", "x".repeat(3_000))),
        fc.array(
          fc.oneof(
            ...Array<typeof pageFrame>(6).fill(pageFrame),
            object,
            fc.jsonValue().map((value) => JSON.stringify(value)),
          ),
          { maxLength: 9 },
        ),
      )
      .map(([at, frames]) => `{"at":${JSON.stringify(at)},"frames":[${frames.join()}]}`);
    const body = fc.oneof(
      { weight: 5, arbitrary: page },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: fc.string() },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 8 }), async (bodies) => {
        const clock = fakeClock();
        let requests = 0;
        const fetch: typeof globalThis.fetch = async () => {
          const text = bodies[requests++];
          if (text === undefined) throw new TypeError("Failed to fetch");
          return new Response(text, { headers: { "content-type": "application/json" } });
        };
        // A way that holds streams back, whatever it does to pages.
        const route = {
          cuts: 0,
          get polls() {
            return true;
          },
          set polls(_stream: boolean) {},
        };
        const client = createRealtimeClient({
          ...{ api: { url: "http://fake.test/events" }, fetch, clock },
          ...({ route } as object),
        });
        const shown: string[] = [];
        const onData = (message: ClientMessage): unknown => shown.push(message.channel);
        const stop = client.subscribe({ channels: [ASKED], history: true, onData, onGap() {} });
        for (let round = 0; round < 8; round++) await live(clock, () => requests);
        expect(new Set([...shown, ASKED])).toEqual(new Set([ASKED]));
        shownInAll += shown.length;
        stop();
        client.destroy();
        await settle();
        expectUnpolluted();
        expect(erred).not.toHaveBeenCalled();
        expect(unhandled.mock.calls).toEqual([]);
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
    expect(shownInAll, "some of it is sound").toBeGreaterThan(numRuns / 20);
  }, 600_000);

  it("channels that a server makes up are not remembered", async () => {
    const clock = fakeClock();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const fetch: typeof globalThis.fetch = async () =>
      new Response(new ReadableStream({ start: (given) => void (controller = given) }), {
        headers: { "content-type": "text/event-stream" },
      });
    const set = vi.spyOn(Map.prototype, "set");
    const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch, clock });
    const stop = client.subscribe({ channels: [ASKED], onData() {} });
    await settle();
    await clock.advance(25);
    await settle();
    set.mockClear();
    const frames = Array.from({ length: 1_000 }, (_, n) => {
      const fields = `"channel":"made-up-${n}","cursor":"1-0","tail":"1-0","heartbeatMs":15000`;
      return `event: connected\ndata: {${fields}}\n\nevent: problem\ndata: {${fields},"code":"forbidden","retry":false}\n\n`;
    });
    controller.enqueue(new TextEncoder().encode(frames.join("")));
    await settle();
    const remembered = set.mock.calls.filter(([key]) => String(key).startsWith("made-up"));
    set.mockRestore();
    expect(remembered).toEqual([]);
    stop();
    client.destroy();
  });

  it("a line without an end, and a message without one, are given up before they fill the memory", () => {
    const chunk = "x".repeat(20_000_000);
    for (const text of [chunk, `data: ${chunk}\n`]) {
      const parse = createSseParser(() => {});
      let pieces = 0;
      expect(() => {
        for (; pieces < 20; pieces++) parse(text);
      }).toThrow(Error);
      expect(pieces).toBeLessThan(8);
    }
  });
});
