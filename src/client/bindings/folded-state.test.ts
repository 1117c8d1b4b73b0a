import * as fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import type { Gap } from "../../protocol/frames.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createRealtimeClient } from "../client.ts";
import { FakeServer } from "../fake-server.ts";
import { createFoldedState } from "./folded-state.ts";
import type { Resynced, UntypedStateOptions } from "./state-options.ts";

const warned = vi.spyOn(console, "warn");
const erred = vi.spyOn(console, "error");
/** The callbacks that wait for the next animation frame. */
let frames: Map<number, FrameRequestCallback>;
let frameIds = 0;

// Streams that are cut again and again make a client ask for pages; the server here has none, and so it comes back to streams.
beforeAll(() => import("../transports/long-polling.ts"));
beforeEach(() => {
  warned.mockReset().mockReturnValue();
  erred.mockReset().mockReturnValue();
  frames = new Map();
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => {
    frames.set(++frameIds, callback);
    return frameIds;
  });
  vi.stubGlobal("cancelAnimationFrame", (id: number) => frames.delete(id));
});
afterEach(() => vi.unstubAllGlobals());

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The page is painted. */
function paint(): void {
  const due = [...frames.values()];
  frames.clear();
  for (const callback of due) callback(0);
}

/** What a database would say: the numbers of all events up to a position. */
type Numbers = readonly number[];

/** A promise that the test settles. */
interface Fetch {
  readonly signal: AbortSignal;
  answer(fresh: Resynced<Numbers>): void;
  fail(): void;
}

/** A state of numbers, its client, its server, and a clock that stands still. */
function setUp(options: Partial<UntypedStateOptions<Numbers>> = {}, random?: () => number) {
  const clock = fakeClock(random);
  const server = new FakeServer();
  const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
  const log = server.log("a");
  const given: UntypedStateOptions<Numbers> = {
    channel: "a",
    initial: [],
    reduce: (state, { id }) => [...state, parseInt(id)],
    ...options,
  };
  const state = createFoldedState(client, given, clock);
  /** The states that were told, and whether they were stale. */
  const told: Array<readonly [Numbers, boolean]> = [];
  const onChange = (): void => void told.push([state.get().state, state.get().isStale]);
  const append = (...numbers: number[]): void => {
    for (const n of numbers) log.append(`${n}-0` as RealtimeCursor, "x.y");
  };
  /** Everything that the server has to say arrives, on a stream that is opened now if there is none. */
  const flush = async (ms = 25): Promise<void> => {
    await settle();
    await clock.advance(ms);
    await settle();
    server.flush();
    await settle();
  };
  const emit = async (...numbers: number[]): Promise<void> => {
    append(...numbers);
    await flush();
  };
  /** The page is away until the log holds only the newest `keep`. */
  const miss = async (keep: number, ...numbers: number[]): Promise<void> => {
    server.stream.cut();
    append(...numbers);
    log.trim(keep);
    await settle();
    await flush(500);
    await flush();
  };
  return { clock, server, client, log, given, state, told, onChange, append, flush, emit, miss };
}

/** A `resync` whose calls the test answers. */
function fetches() {
  const calls: Fetch[] = [];
  const resync = vi.fn<(signal: AbortSignal) => Promise<Resynced<Numbers>>>(
    (signal: AbortSignal) =>
      new Promise<Resynced<Numbers>>((resolve, reject) => {
        calls.push({ signal, answer: resolve, fail: () => reject(new Error("no database")) });
      }),
  );
  return { calls, resync };
}

const at = (n: number): string => `${n}-0`;

describe("a state", () => {
  it("folds the events in order and tells once per frame, not once per event", async () => {
    const { state, told, onChange, flush, emit } = setUp({ initial: () => [0] });
    expect(state.get()).toEqual({ state: [0], isStale: false });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1, 2, 3);
    await emit(4);
    expect(told, "nothing before the frame").toEqual([]);
    expect(state.get().state, "nor by looking").toEqual([0]);
    paint();
    expect(told).toEqual([[[0, 1, 2, 3, 4], false]]);
    expect(state.get()).toBe(state.get());
    paint();
    await emit(5);
    paint();
    expect(told.length).toBe(2);
    stop();
  });

  it("tells nobody when nothing has changed", async () => {
    const { state, told, onChange, flush, emit } = setUp({ reduce: (same) => same });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1, 2, 3);
    expect(frames.size).toBe(0);
    expect(told).toEqual([]);
    stop();
  });

  it("goes by a timer where there are no frames: on a page that nobody sees, and without a page", async () => {
    const { clock, state, told, onChange, flush, emit } = setUp();
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1, 2);
    await clock.advance(1_000);
    expect(told).toEqual([[[1, 2], false]]);
    expect(frames.size, "the frame that never came is not waited for any more").toBe(0);
    vi.unstubAllGlobals();
    await emit(3);
    await clock.advance(1_000);
    expect(told.at(-1)).toEqual([[1, 2, 3], false]);
    stop();
  });

  it("F-30: goes on after the cursor that belongs to `initial`", async () => {
    const { state, append, flush } = setUp({ initial: [1, 2], after: at(2) });
    append(1, 2, 3, 4);
    const stop = state.subscribe(() => {});
    await flush();
    paint();
    expect(state.get().state).toEqual([1, 2, 3, 4]);
    stop();
  });

  it("F-58: folds only the `events` that were asked for", async () => {
    const { log, state, flush, emit } = setUp({ events: ["x.y"] });
    const stop = state.subscribe(() => {});
    await flush();
    log.append(at(1) as RealtimeCursor, "x.other");
    await emit(2);
    paint();
    expect(state.get().state).toEqual([2]);
    stop();
  });

  it("F-60: requests nothing without a channel", async () => {
    const { server, clock, state, onChange } = setUp({ channel: undefined });
    const stop = state.subscribe(onChange);
    await clock.advance(1_000);
    expect(server.requests).toBe(0);
    stop();
  });

  it("reports a `reduce` that throws, folds the next event, and says that one is missing", async () => {
    const { given, state, flush, emit } = setUp();
    const stop = state.subscribe(() => {});
    await flush();
    state.update({
      ...given,
      reduce() {
        throw new Error("bad reduce");
      },
    });
    await emit(1);
    state.update(given);
    await emit(2);
    paint();
    expect(state.get()).toEqual({ state: [2], isStale: true });
    expect(erred).toHaveBeenCalledTimes(1);
    stop();
  });

  it("goes on with another client where it stood with the one before", async () => {
    const { clock, given, client, server, state, flush, emit, append } = setUp();
    const stop = state.subscribe(() => {});
    await flush();
    await emit(1, 2);
    const other = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
    client.destroy();
    append(3);
    state.update(given, other);
    await flush();
    await emit(4);
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 3, 4], isStale: false });
    expect(other.getStatus()).toBe("connected");
    stop();
    await flush();
    expect(other.getStatus()).toBe("disconnected");
  });

  it("I9: the last that leaves cancels everything, and who comes back finds it going on where it stood", async () => {
    const { calls, resync } = fetches();
    const { clock, server, state, told, onChange, flush, emit, miss, append } = setUp({ resync });
    const stop = state.subscribe(onChange);
    const stopOther = state.subscribe(onChange);
    await flush();
    await emit(1);
    paint();
    expect(told.length).toBe(2);
    stop();
    stop();
    await emit(2);
    paint();
    expect(told.length, "one still listens").toBe(3);
    await miss(1, 3, 4);
    await flush(500);
    expect(calls.length).toBe(1);
    await emit(5);
    stopOther();
    await clock.advance(25);
    expect(calls[0]?.signal.aborted).toBe(true);
    expect(server.open).toEqual([]);
    expect(clock.pending).toBe(0);
    expect(frames.size).toBe(0);
    calls[0]?.answer({ state: [99], cursor: at(99) });
    append(6);
    state.subscribe(onChange);
    await flush();
    paint();
    expect(state.get(), "the answer to who left is not heard").toEqual({ state: [1, 2, 4, 5, 6], isStale: true });
    await flush(500);
    expect(calls.length, "what was missing is still missing").toBe(2);
    calls[1]?.answer({ state: [1, 2, 3, 4, 5, 6], cursor: at(6) });
    await flush();
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 3, 4, 5, 6], isStale: false });
  });
});

describe("a state after a gap", () => {
  it("F-29: is fetched anew, once; what came meanwhile is folded on top, and nothing twice", async () => {
    const { calls, resync } = fetches();
    const { server, state, told, onChange, flush, emit, miss } = setUp({ resync });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(1, 2, 3, 4);
    paint();
    expect(told.at(-1), "stale, and says so").toEqual([[1, 4], true]);
    await flush(500);
    await emit(5);
    await emit(6, 7);
    paint();
    expect(told.at(-1), "what is known is shown").toEqual([[1, 4, 5, 6, 7], true]);
    const requests = server.requests;
    calls[0]?.answer({ state: [1, 2, 3, 4, 5, 6], cursor: at(6) });
    await flush();
    paint();
    expect(told.at(-1)).toEqual([[1, 2, 3, 4, 5, 6, 7], false]);
    await emit(8);
    paint();
    expect(told.at(-1)).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], false]);
    expect(resync).toHaveBeenCalledTimes(1);
    expect(server.requests, "no other stream was needed").toBe(requests);
    expect(warned).not.toHaveBeenCalledWith(expect.stringContaining("missing"));
    stop();
  });

  it.each([
    ["a position that the stream has not reached yet", 9],
    ["a position from before the call: a cache answered", 5],
    ["a position from before the gap, which the log does not hold any more", 1],
  ])("goes on exactly after the cursor of `resync`: %s", async (_title, position) => {
    const everything = Array.from({ length: 12 }, (_, index) => index + 1);
    const resync = vi.fn<() => Promise<Resynced<Numbers>>>(async () => ({
      state: everything.slice(0, position),
      cursor: at(position),
    }));
    const { server, state, onChange, append, flush, emit, miss } = setUp({ resync });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(2, 2, 3, 4, 5);
    append(6);
    server.flush();
    await settle();
    append(7, 8, 9);
    await flush(500);
    append(10, 11, 12);
    if (position === 1) resync.mockResolvedValue({ state: everything, cursor: at(12) });
    for (let turn = 0; turn < 5; turn++) await flush(500);
    paint();
    expect(state.get()).toEqual({ state: everything, isStale: false });
    expect(resync).toHaveBeenCalledTimes(position === 1 ? 2 : 1);
    stop();
  });

  it("fetches again, after a growing while, when that fails; one call at a time", async () => {
    let running = 0;
    const times: number[] = [];
    let answer: unknown;
    const resync = vi.fn<() => Promise<Resynced<Numbers>>>(async () => {
      expect(++running, "calls at once").toBe(1);
      times.push(clock.now());
      await settle();
      running--;
      if (answer === undefined) throw new Error("no database");
      return answer as Resynced<Numbers>;
    });
    const { clock, state, onChange, flush, emit, miss } = setUp({ resync }, () => 0.999);
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(0, 2, 3);
    const begun = clock.now();
    const turns = async (ms: number): Promise<void> => {
      for (let turn = 0; turn < ms / 250; turn++) {
        await flush(250);
        await settle();
      }
    };
    await turns(100_000);
    const pauses = times.map((time, index) => time - (times[index - 1] ?? begun));
    for (const [index, pause] of pauses.slice(1, 6).entries()) expect(pause).toBeGreaterThan(1.5 * (pauses[index] ?? Infinity));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(31_000);
    expect(state.get().isStale).toBe(true);
    expect(warned.mock.calls.flat().filter((text) => /resync of channel "a" failed/.test(String(text)))).toHaveLength(
      times.length,
    );
    answer = { state: [1, 2, 3] };
    await turns(40_000);
    expect(state.get().isStale, "a state without a cursor is none").toBe(true);
    answer = { state: [1, 2, 3], cursor: at(3) };
    await turns(40_000);
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 3], isStale: false });
    const calls = times.length;
    await emit(4);
    await miss(0, 5);
    answer = { state: [1, 2, 3, 4, 5], cursor: at(5) };
    await turns(1_000);
    expect(times.length, "the next gap is healed soon").toBe(calls + 1);
    stop();
  });

  it("reports a `reduce` that throws for what was kept, folds the rest of it, and fetches again", async () => {
    const { calls, resync } = fetches();
    const { given, state, onChange, flush, emit, miss } = setUp({ resync });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(0, 2);
    await flush(500);
    await emit(3, 4);
    state.update({
      ...given,
      reduce(before, message) {
        if (message.id === at(3)) throw new Error("bad reduce");
        return given.reduce(before, message);
      },
    });
    calls[0]?.answer({ state: [1, 2], cursor: at(2) });
    await flush();
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 4], isStale: true });
    expect(erred).toHaveBeenCalledTimes(1);
    await flush(1_000);
    expect(resync).toHaveBeenCalledTimes(2);
    calls[1]?.answer({ state: [1, 2, 3, 4], cursor: at(4) });
    await flush();
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 3, 4], isStale: false });
    stop();
  });

  it.each([
    ["by what it brings, when that is newer", 5, 1],
    ["by another call, when what it brings is older", 3, 2],
  ])("a second gap while `resync` runs is healed %s", async (_title, position, expected) => {
    const { calls, resync } = fetches();
    const { state, onChange, flush, emit, miss } = setUp({ resync });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(1, 2, 3);
    await flush(500);
    await miss(1, 4, 5);
    await flush(500);
    expect(calls.length, "one at a time").toBe(1);
    calls[0]?.answer({ state: [1, 2, 3, 4, 5].slice(0, position), cursor: at(position) });
    for (let turn = 0; turn < 5; turn++) await flush(1_000);
    expect(calls.length).toBe(expected);
    calls[1]?.answer({ state: [1, 2, 3, 4, 5], cursor: at(5) });
    await flush();
    await emit(6);
    paint();
    expect(state.get()).toEqual({ state: [1, 2, 3, 4, 5, 6], isStale: false });
    stop();
  });

  it("I5: keeps no more than 1,000 events while it is fetched, and still misses none", async () => {
    const { calls, resync } = fetches();
    const { server, state, flush, emit, miss } = setUp({
      resync,
      initial: [],
      reduce: (sum, { id }) => [(sum[0] ?? 0) + parseInt(id)],
    });
    const stop = state.subscribe(() => {});
    await flush();
    await emit(1);
    await miss(0, 2);
    await flush(500);
    const { requests } = server;
    const many = Array.from({ length: 1_001 }, (_, index) => index + 3);
    await emit(...many);
    calls[0]?.answer({ state: [3], cursor: at(2) });
    for (let turn = 0; turn < 3; turn++) await flush(500);
    paint();
    expect(state.get().state).toEqual([3 + many.reduce((sum, n) => sum + n)]);
    expect(resync).toHaveBeenCalledTimes(1);
    expect(server.requests, "the server told them again").toBe(requests + 1);
    stop();
  });

  it("without `resync` stays stale, and calls `onGap`; without either the console says what to do", async () => {
    const gaps: Gap[] = [];
    const { given, state, onChange, flush, emit, miss } = setUp({ onGap: (gap) => gaps.push(gap) });
    const stop = state.subscribe(onChange);
    await flush();
    await emit(1);
    await miss(1, 2, 3);
    expect(gaps).toEqual([{ channel: "a", after: at(1), cursor: at(2), reason: "trimmed" }]);
    paint();
    expect(state.get()).toEqual({ state: [1, 3], isStale: true });
    state.update({ ...given, onGap: undefined });
    warned.mockClear();
    await miss(1, 4, 5);
    expect(warned.mock.calls.flat().join()).toMatch(/channel "a" may be missing \(trimmed\).*resync/);
    expect(gaps).toHaveLength(1);
    stop();
  });
});

const operations = [
  "emit", "emit", "emit", "append", "append", "flush", "flush", "paint", "time", "cut", "trim",
  "answer", "answer", "answerOld", "answerSeen", "fail", "leave", "come", "come", "failOver",
] as const; // prettier-ignore
const steps = fc.array(fc.record({ name: fc.constantFrom(...operations), count: fc.nat(100) }), {
  minLength: 10,
  maxLength: 80,
});

describe.each([
  ["a log that is whole or trimmed", false],
  ["a log that fails over", true],
])("the promise over %s", (_title, failsOver) => {
  it("is the naive fold: each event once, in order, none missing unless it says that it is stale", async () => {
    let healed = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), async (list, chances) => {
        frames.clear();
        const waiting: Array<Fetch & { readonly seen: Resynced<Numbers> }> = [];
        /** The database: it has every event that is stored, in the same moment. */
        const truth: number[] = [];
        const read = (count = truth.length): Resynced<Numbers> => ({
          state: truth.slice(0, count),
          cursor: count > 0 ? at(truth[count - 1] as number) : "0-0",
        });
        let running = 0;
        const resync = (signal: AbortSignal): Promise<Resynced<Numbers>> => {
          expect(++running, "calls at once").toBe(1);
          signal.addEventListener("abort", () => running--, { once: true });
          return new Promise((resolve, reject) => {
            const settled = (settling: () => void): void => {
              if (!signal.aborted) running--;
              settling();
            };
            waiting.push({
              ...{ signal, seen: read() },
              answer: (fresh) => settled(() => resolve(fresh)),
              fail: () => settled(() => reject(new Error("no database"))),
            });
          });
        };
        const random = (): number => chances.next().value as number;
        const { clock, server, client, log, state, append, flush } = setUp({ after: "0-0", resync }, random);
        let last = 0;
        const store = (): void => {
          append(++last);
          truth.push(last);
        };
        let stop: (() => void) | undefined;
        const check = (): void => {
          const { state: shown, isStale } = state.get();
          expect(
            [...new Set(shown)].sort((a, b) => a - b),
            "each once, in order",
          ).toEqual(shown);
          // What a log has lost is shown until the client hears of it.
          const isWhole = isStale || failsOver || shown.every((n, index) => n === truth[index]);
          expect(isWhole, "none is missing").toBe(true);
        };
        for (const { name, count } of list) {
          if (name === "append" || name === "emit") for (let n = 0; n <= count % 4; n++) store();
          if (name === "flush" || name === "emit") await flush(count);
          if (name === "paint") paint();
          if (name === "time") await clock.advance(count * 50);
          if (name === "cut") server.open[count % 2]?.cut();
          if (name === "trim") log.trim(count % 3);
          if (name === "failOver" && failsOver) {
            const held = log.entries.length;
            log.failOver(1 + (count % 3));
            truth.splice(truth.length - (held - log.entries.length));
          }
          if (name === "answer") waiting.shift()?.answer(read());
          if (name === "answerOld") waiting.shift()?.answer(read(Math.max(0, truth.length - (count % 10))));
          if (name === "answerSeen") {
            const oldest = waiting.shift();
            oldest?.answer(oldest.seen);
          }
          if (name === "fail") waiting.shift()?.fail();
          if (name === "leave") {
            stop?.();
            stop = undefined;
          }
          if (name === "come") stop ??= state.subscribe(check);
          await settle();
        }
        stop ??= state.subscribe(check);
        for (let turn = 0; turn < 60; turn++) {
          await flush(1_500);
          if (turn === 20) store();
          healed += waiting.length;
          for (const each of waiting.splice(0)) each.answer(read());
          await settle();
          paint();
        }
        expect(state.get()).toEqual({ state: truth, isStale: false });
        stop();
        client.destroy();
        expect(clock.pending, "I9: a timer is left").toBe(0);
        expect(frames.size, "I9: a frame is left").toBe(0);
      }),
      { numRuns: Number(process.env.PROMISE_RUNS ?? 100), interruptAfterTimeLimit: 40_000 },
    );
    expect(healed, "the runs are not idle").toBeGreaterThan(10);
  }, 60_000);
});
