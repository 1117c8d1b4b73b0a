import { describe, expect, it } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import { Hub } from "../hub/hub.ts";
import type { Sink } from "../hub/stream-session.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { Drain } from "./drain.ts";
import { Observers } from "./observers.ts";
import { OpenSessions } from "./open-sessions.ts";

const GRACE_MS = 10_000;

interface OpenStream {
  /** The delay that its client was told. */
  delayMs(): number | undefined;
  /** When it ended. */
  endedAt: number | undefined;
  /** The client leaves. */
  leave(): void;
}

interface Stage {
  readonly clock: FakeClock;
  readonly sessions: OpenSessions;
  open(options?: { readonly keepsCursors?: boolean; readonly maxDurationMs?: number }): OpenStream;
  page(): { body: string | undefined };
  close(): Promise<void>;
}

function stage(): Stage {
  const clock = fakeClock();
  const hub = new Hub({ broker: createMemoryBroker(), clock, logger: console, heartbeatMs: 15_000 });
  const sessions = new OpenSessions(clock, new Observers(console, undefined));
  const request = [{ channel: "c", start: { kind: "live" } }] as const;
  return {
    clock,
    sessions,
    open({ keepsCursors = true, maxDurationMs = Number.POSITIVE_INFINITY } = {}) {
      let text = "";
      const end = (): void => void (stream.endedAt = clock.now());
      const sink: Sink = { write: (bytes) => ((text += Buffer.from(bytes)), true), waiting: 0, end, abandon: end };
      const owner = sessions.ownerOfStream({ channels: ["c"] });
      const session = hub.openStream(sink, request, { keepsCursors, maxDurationMs, owner });
      const stream: OpenStream = {
        delayMs() {
          const told = [...text.matchAll(/event: reconnect\ndata: \{"delayMs":(\d+)\}/g)];
          expect(told.length, "told at most once").toBeLessThan(2);
          return told[0] && Number(told[0][1]);
        },
        endedAt: undefined,
        leave: () => session.end(),
      };
      return stream;
    },
    page() {
      const page: { body: string | undefined } = { body: undefined };
      const options = { waitMs: 30_000, maxDurationMs: 300_000, owner: sessions.ownerOfPage({ channels: ["c"] }) };
      hub.openPage(request, options, (body) => (page.body = body));
      return page;
    },
    close: () => hub.close(),
  };
}

/** How many fall into each second. */
function perSecond(times: readonly number[]): number[] {
  const counts = Array<number>(GRACE_MS / 1_000).fill(0);
  for (const at of times) counts[Math.floor(at / 1_000)]! += 1;
  return counts;
}

describe("Drain", () => {
  it("tells each client its own time, at even distances: no second has more than its share", async () => {
    const { clock, sessions, open, close } = stage();
    const streams = Array.from({ length: 1_000 }, () => open());
    await clock.advance(0);
    const drain = new Drain(sessions, clock, GRACE_MS);
    await clock.advance(50);
    const leaveAt = streams.map((stream) => stream.delayMs() as number);
    // Told a moment after the drain began, with a delay that is shorter by that moment.
    const counts = perSecond(leaveAt);
    expect(
      counts.slice(0, 8).every((count) => count >= 120 && count <= 130),
      counts.join(),
    ).toBe(true);
    expect(counts.slice(8), "the last seconds are for those who left last").toEqual([0, 0]);
    // Each leaves when it was told to.
    const order = streams.map((stream, at) => ({ stream, at: leaveAt[at] as number })).toSorted((a, b) => a.at - b.at);
    for (const { stream, at } of order) {
      await clock.advance(Math.max(0, at - clock.now()));
      expect(stream.endedAt, "it lives until its client leaves").toBeUndefined();
      stream.leave();
    }
    await clock.advance(20);
    await drain.done;
    await close();
    expect(clock.pending).toBe(0);
  });

  it("ends who does not leave: a moment after its time, and one that cannot know when its time comes", async () => {
    const { clock, sessions, open, close } = stage();
    const plain = Array.from({ length: 8 }, () => open({ keepsCursors: false }));
    const deaf = Array.from({ length: 8 }, () => open());
    const drain = new Drain(sessions, clock, GRACE_MS);
    await clock.advance(GRACE_MS + 20);
    await drain.done;
    const slots = [...plain, ...deaf].map((_, at) => (at + 0.5) * 500);
    const late = plain.map((stream, at) => (stream.endedAt as number) - (slots[at] as number));
    const later = deaf.map((stream, at) => (stream.endedAt as number) - (slots[at + 8] as number));
    expect(Math.max(...late)).toBeLessThanOrEqual(20);
    expect([Math.min(...later) >= 2_000, Math.max(...later) <= 2_020]).toEqual([true, true]);
    await close();
    expect(clock.pending).toBe(0);
  });

  it("a stream whose client was told to leave before, for its life is over, is not told again", async () => {
    const { clock, sessions, open, close } = stage();
    const old = open({ maxDurationMs: 20_000 });
    const young = open({ maxDurationMs: 60_000 });
    await clock.advance(18_500);
    expect([old.delayMs(), young.delayMs()]).toEqual([expect.any(Number), undefined]);
    const drain = new Drain(sessions, clock, 50_000);
    await clock.advance(20);
    expect([old.delayMs(), young.delayMs()]).toEqual([expect.any(Number), expect.any(Number)]);
    await clock.advance(60_000);
    await drain.done;
    await close();
    expect(clock.pending).toBe(0);
  });

  it("answers pages at once, and is done at once where there is no stream", async () => {
    const { clock, sessions, page, close } = stage();
    const waiting = page();
    await clock.advance(0);
    const drain = new Drain(sessions, clock, GRACE_MS);
    expect(JSON.parse(waiting.body ?? "")).toMatchObject({ at: expect.any(String) });
    await drain.done;
    await close();
    expect(clock.pending).toBe(0);
  });

  it("stopped, it ends no more, and leaves no timer (I9)", async () => {
    const { clock, sessions, open, close } = stage();
    const stream = open();
    const drain = new Drain(sessions, clock, GRACE_MS);
    drain.stop();
    await drain.done;
    await clock.advance(2 * GRACE_MS);
    expect(stream.endedAt).toBeUndefined();
    stream.leave();
    await close();
    expect(clock.pending).toBe(0);
  });
});
