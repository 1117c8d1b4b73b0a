import { describe, expect, it } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createRefresher } from "./refresher.ts";

/** A refresher with its clock; each fetch waits to be answered. */
function setUp(random?: () => number) {
  const clock = fakeClock(random);
  const fetches: Array<{ answer(): void; fail(): void; signal: AbortSignal }> = [];
  const errors: unknown[] = [];
  let running = 0;
  let most = 0;
  const refresher = createRefresher({
    clock,
    onError: (error) => errors.push(error),
    refetch: (signal) =>
      new Promise<void>((resolve, reject) => {
        most = Math.max(most, ++running);
        signal.addEventListener("abort", () => running--);
        const done = (end: () => void) => () => {
          running--;
          end();
        };
        fetches.push({ answer: done(resolve), fail: done(() => reject(new Error("planted"))), signal });
      }),
  });
  return { clock, refresher, fetches, errors, most: () => most };
}

describe("a refresher", () => {
  it("P-14: fetches once for a burst, 200 ms after it and a little more at random", async () => {
    const { clock, refresher, fetches } = setUp(() => 0.5);
    for (let n = 0; n < 50; n++) refresher.ping();
    await clock.advance(299);
    expect(fetches).toHaveLength(0);
    await clock.advance(1);
    expect(fetches).toHaveLength(1);
    await clock.advance(60_000);
    expect(fetches).toHaveLength(1);
  });

  it("spreads many of them over the time that it adds", async () => {
    const at: number[] = [];
    for (let n = 0; n < 10; n++) {
      const { clock, refresher, fetches } = setUp(() => n / 10);
      refresher.ping();
      while (fetches.length === 0) await clock.advance(20);
      at.push(clock.now());
    }
    expect(at).toEqual([200, 220, 240, 260, 280, 300, 320, 340, 360, 380]);
  });

  it("does not wait for a burst that does not end", async () => {
    const { clock, refresher, fetches } = setUp();
    for (let n = 0; n < 12; n++) {
      refresher.ping();
      await clock.advance(100);
    }
    expect(fetches).toHaveLength(1);
  });

  it("never fetches twice at once: what comes meanwhile is exactly one more", async () => {
    const { clock, refresher, fetches, most } = setUp();
    refresher.now();
    for (let n = 0; n < 5; n++) refresher.ping();
    await clock.advance(5_000);
    expect(fetches).toHaveLength(1);
    fetches[0]?.answer();
    await clock.advance(5_000);
    expect(fetches).toHaveLength(2);
    fetches[1]?.answer();
    await clock.advance(60_000);
    expect([fetches.length, most(), clock.pending]).toEqual([2, 1, 0]);
  });

  it("fetches at once after the one that runs when it is asked to", async () => {
    const { clock, refresher, fetches } = setUp();
    refresher.now();
    refresher.ping();
    refresher.now();
    fetches[0]?.answer();
    await clock.advance(0);
    expect(fetches).toHaveLength(2);
    fetches[1]?.answer();
    await clock.advance(5_000);
    expect(fetches).toHaveLength(2);
  });

  it("gives up what runs when something else is wanted", async () => {
    const { clock, refresher, fetches, most } = setUp();
    refresher.now();
    refresher.restart();
    expect([fetches.length, fetches[0]?.signal.aborted, fetches[1]?.signal.aborted]).toEqual([2, true, false]);
    fetches[0]?.fail();
    fetches[1]?.answer();
    await clock.advance(60_000);
    expect([fetches.length, most()]).toEqual([2, 1]);
  });

  it("tries again what failed, ever later, and begins anew once it worked", async () => {
    const { clock, refresher, fetches, errors } = setUp(() => 0.5);
    const at: number[] = [];
    refresher.now();
    for (let n = 0; n < 7; n++) {
      at.push(clock.now());
      fetches[n]?.fail();
      await clock.advance(0);
      while (fetches.length === n + 1) await clock.advance(250);
    }
    expect(at.map((time, n) => time - (at[n - 1] ?? 0))).toEqual([0, 750, 1_500, 3_000, 6_000, 12_000, 22_500]);
    expect(errors).toHaveLength(7);
    fetches[7]?.answer();
    await clock.advance(60_000);
    expect(fetches).toHaveLength(8);
  });

  it("does not try again sooner because something changes", async () => {
    const { clock, refresher, fetches } = setUp(() => 0.5);
    refresher.now();
    for (const waitMs of [750, 1_500, 3_000]) {
      const before = fetches.length;
      refresher.ping();
      fetches.at(-1)?.fail();
      await clock.advance(0);
      for (let passed = 0; passed < waitMs; passed += 250) {
        expect(fetches).toHaveLength(before);
        refresher.ping();
        await clock.advance(250);
      }
      expect(fetches).toHaveLength(before + 1);
    }
    fetches.at(-1)?.answer();
    await clock.advance(0);
    refresher.ping();
    await clock.advance(300);
    expect(fetches).toHaveLength(5);
  });

  it("leaves nothing behind when it is stopped, and can be used again", async () => {
    const { clock, refresher, fetches, errors } = setUp();
    refresher.now();
    refresher.ping();
    refresher.stop();
    expect(fetches[0]?.signal.aborted).toBe(true);
    fetches[0]?.fail();
    refresher.ping();
    refresher.stop();
    await clock.advance(60_000);
    expect([fetches.length, clock.pending, errors]).toEqual([1, 0, []]);
    refresher.ping();
    await clock.advance(400);
    expect(fetches).toHaveLength(2);
  });
});
