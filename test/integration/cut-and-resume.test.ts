import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { handle, Realtime, type HistoryOptions } from "../../src/index.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type ReadFrame } from "../support/stream-reader.ts";

let server: RedisServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.stop();
});

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** The cursor of a client that has handled exactly these frames (PROTOCOL.md, "Cursors"). */
function cursorAfter(frames: readonly ReadFrame[], before: string): string {
  let cursor = before;
  for (const { event, data } of frames) {
    if (event === "") cursor = String(data["id"]);
    else if (event === "gap" || event === "position") cursor = String(data["cursor"]);
    else if (event === "connected" && cursor === "") cursor = String(data["cursor"]);
  }
  return cursor;
}

describe.each(["memory", "redis"] as const)("cut and resume on %s", (place) => {
  const make = (history: HistoryOptions = {}) =>
    new Realtime({
      keyPrefix: `cut-${place}`,
      history,
      redis: place === "redis" ? redis : { driver: "memory" },
    });

  it("I1 Position: cut after any frame of join, replay and live, a client gets each event once", async () => {
    await using realtime = make();
    const endpoint = handle({ realtime });
    const channel = realtime.channel("every-frame");
    const start = await channel.cursor();
    for (const n of numbers(5)) await channel.emit("n.n", n);
    // connected, five replayed, three live: nine frames at first, so ten places to cut.
    for (let cut = 0; cut <= 9; cut++) {
      const first = await readStream(endpoint, `channel=every-frame&v=1&at=${start}`);
      const before = 5 + 3 * cut;
      await first.until((frames) => countOf(frames, "") === before);
      for (const n of numbers(3)) await channel.emit("n.n", before + n);
      await first.until((frames) => countOf(frames, "") === before + 3);
      const handled = first.frames.slice(0, cut);
      await first.close();

      const total = before + 3;
      const second = await readStream(endpoint, `channel=every-frame&v=1&at=${cursorAfter(handled, start)}`);
      await second.until((frames) => frames.some(({ data }) => data["data"] === total));
      const seen = [...handled.filter(({ event }) => event === "").map(({ data }) => data["data"]), ...second.values];
      expect(seen, `cut after ${cut} frames`).toEqual(numbers(total));
      expect(countOf(second.frames, "gap")).toBe(0);
      await second.close();
    }
  });

  it.each([
    ["Last-Event-ID", (id: string) => ["", { "last-event-id": id }] as const],
    ["a polyfill's lastEventId", (id: string) => [`&lastEventId=${encodeURIComponent(id)}`, {}] as const],
  ])("I1 Position: a plain EventSource resumes by %s after any frame, also with several channels", async (_by, remember) => {
    await using realtime = make();
    const endpoint = handle({ realtime });
    const names = ["plain-a", "plain-b"];
    const probe = await readStream(endpoint, "channel=plain-a&channel=plain-b");
    await probe.until((frames) => countOf(frames, "connected") === 2);
    const start = probe.frames.filter(({ id }) => id !== undefined).at(-1)?.id as string;
    await probe.close();
    for (const n of numbers(4)) for (const name of names) await realtime.channel(name).emit("n.n", n);

    const whole = await readStream(endpoint, "channel=plain-a&channel=plain-b", { "last-event-id": start });
    await whole.until((frames) => countOf(frames, "") === 8);
    await whole.close();
    for (let cut = 0; cut <= whole.frames.length; cut++) {
      const handled = whole.frames.slice(0, cut);
      // An EventSource remembers the last `id:` that came; what came after it comes again.
      const remembered = handled.findLastIndex(({ id }) => id !== undefined);
      const lastEventId = remembered < 0 ? start : (handled[remembered]?.id as string);
      const [more, headers] = remember(lastEventId);
      const back = await readStream(endpoint, `channel=plain-a&channel=plain-b${more}`, headers);
      for (const name of names) {
        const kept = handled
          .slice(0, remembered + 1)
          .filter(({ event, data }) => event === "" && data["channel"] === name).length;
        await back.until(
          (frames) => frames.filter(({ event, data }) => event === "" && data["channel"] === name).length === 4 - kept,
        );
        const values = [...handled.slice(0, remembered + 1), ...back.frames].filter(
          ({ event, data }) => event === "" && data["channel"] === name,
        );
        expect(
          values.map(({ data }) => data["data"]),
          `${name}, cut after ${cut} frames`,
        ).toEqual(numbers(4));
      }
      expect(countOf(back.frames, "gap")).toBe(0);
      await back.close();
    }
  });

  it("B-26: as many missed as the log still holds is no gap; one more is exactly one", async () => {
    await using realtime = make({ maxLength: 5 });
    const endpoint = handle({ realtime });
    const channel = realtime.channel("edge");
    const start = await channel.emit("n.n", 0);
    for (const n of numbers(5)) await channel.emit("n.n", n);
    const level = await readStream(endpoint, `channel=edge&v=1&at=${start}`);
    await level.until((frames) => countOf(frames, "") === 5);
    expect(countOf(level.frames, "gap")).toBe(0);
    await channel.emit("n.n", 6);
    // This server has heard of it: until then its memory holds what the log has dropped, and nobody misses it.
    await level.until((frames) => countOf(frames, "") === 6);
    await level.close();

    const late = await readStream(endpoint, `channel=edge&v=1&at=${start}`);
    await late.until((frames) => countOf(frames, "") === 5);
    expect(late.frames.filter(({ event }) => event === "gap").map(({ data }) => [data["after"], data["reason"]])).toEqual([
      [start, "trimmed"],
    ]);
    expect(late.values).toEqual([2, 3, 4, 5, 6]);
    await late.close();
  });

  it("F-29: `-` is what is held and never a gap, `-2` the newest two", async () => {
    await using realtime = make({ maxLength: 3 });
    const endpoint = handle({ realtime });
    const channel = realtime.channel("held");
    for (const n of numbers(7)) await channel.emit("n.n", n);
    for (const [at, values] of [
      ["-", [5, 6, 7]],
      ["-2", [6, 7]],
      ["-50", [5, 6, 7]],
    ] as const) {
      const reader = await readStream(endpoint, `channel=held&v=1&at=${at}`);
      await reader.until((frames) => countOf(frames, "") === values.length);
      expect(reader.values).toEqual(values);
      expect(countOf(reader.frames, "gap")).toBe(0);
      await reader.close();
    }
  });

  it("U-21: with `history: false` nothing is kept, and who was away is told so once", async () => {
    await using realtime = make();
    const endpoint = handle({ realtime });
    const channel = realtime.channel("fleeting", { history: false });
    const live = await readStream(endpoint, "channel=fleeting&v=1");
    await live.until((frames) => countOf(frames, "connected") === 1);
    const first = await channel.emit("n.n", 1);
    await live.until((frames) => countOf(frames, "") === 1);
    await live.close();

    const level = await readStream(endpoint, `channel=fleeting&v=1&at=${first}`);
    await level.until((frames) => countOf(frames, "connected") === 1);
    const second = await channel.emit("n.n", 2);
    await level.until((frames) => countOf(frames, "") === 1);
    await level.close();
    expect(await channel.history()).toEqual([]);
    const late = await readStream(endpoint, `channel=fleeting&v=1&at=${first}`);
    await late.until((frames) => countOf(frames, "gap") === 1);
    await channel.emit("n.n", 3);
    await late.until((frames) => countOf(frames, "") === 1);
    expect(late.frames.slice(1).map(({ event, data }) => [event, data["cursor"] ?? data["data"]])).toEqual([
      ["gap", second],
      ["", 3],
    ]);
    await late.close();
  });

  it("I1 Position: who joined an empty channel and missed a whole life of its log is told of one gap, and then has what is left", async () => {
    await using realtime = make({ expireAfterSecs: 1 });
    const endpoint = handle({ realtime });
    const channel = realtime.channel("unseen");
    const visit = async (cursor: string): Promise<[cursor: string, gaps: unknown[], values: unknown[]]> => {
      const reader = await readStream(endpoint, `channel=unseen&v=1&at=${cursor}`);
      await reader.until((frames) => countOf(frames, "connected") === 1);
      const last = await channel.cursor();
      const isLevel = (frames: readonly ReadFrame[]): boolean => last.startsWith("0-") || cursorAfter(frames, cursor) === last;
      await reader.until(isLevel);
      const gaps = reader.frames.filter(({ event }) => event === "gap").map(({ data }) => data["reason"]);
      const seen = [cursorAfter(reader.frames, cursor), gaps, reader.values] as [string, unknown[], unknown[]];
      await reader.close();
      return seen;
    };
    const [start] = await visit("");
    expect(start).toMatch(/^0-\d{13}$/);
    const quick = await channel.emit("n.n", 1);
    expect(await visit(start), "in time").toEqual([quick, [], [1]]);
    await vi.waitFor(async () => expect(await channel.history()).toEqual([]), { timeout: 10_000 });
    const again = await channel.emit("n.n", 2);
    expect(await visit(start), "a log has come and gone").toEqual([again, ["unproven"], [2]]);
  });

  it("I1 Position: a log that expired is told once, however often the client comes back", async () => {
    await using realtime = make({ expireAfterSecs: 1 });
    const endpoint = handle({ realtime });
    const channel = realtime.channel("expiring");
    let cursor: string = await channel.emit("n.n", 1);
    while ((await channel.history()).length > 0);
    let gaps = 0;
    for (let visit = 0; visit < 3; visit++) {
      const reader = await readStream(endpoint, `channel=expiring&v=1&at=${cursor}`);
      await reader.until((frames) => countOf(frames, "connected") === 1);
      if (visit === 0) await reader.until((frames) => countOf(frames, "gap") === 1);
      cursor = cursorAfter(reader.frames, cursor);
      gaps += countOf(reader.frames, "gap");
      await reader.close();
    }
    expect(gaps).toBe(1);
    expect(cursor).toMatch(/^0-\d{13}$/);
  });
});
