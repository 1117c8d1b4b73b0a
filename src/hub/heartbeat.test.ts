import { describe, expect, it } from "vitest";
import type { Clock } from "../protocol/clock.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { Heartbeat, type Beating } from "./heartbeat.ts";

const INTERVAL_MS = 16_000;

/** Writes down when it wrote. */
class Stream implements Beating {
  lastWrite = 0;
  readonly writes: number[] = [];
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;

  constructor(clock: Clock, heartbeat: Heartbeat) {
    this.#clock = clock;
    this.#heartbeat = heartbeat;
    heartbeat.add(this);
    this.beat();
  }

  visit(isSilent: boolean): void {
    if (isSilent) this.beat();
  }

  beat(): void {
    this.writes.push(this.#clock.now());
    this.lastWrite = this.#heartbeat.tick;
  }

  get longestSilence(): number {
    const ends = [...this.writes, this.#clock.now()];
    return Math.max(...ends.slice(1).map((end, index) => end - (ends[index] ?? 0)));
  }
}

describe("Heartbeat", () => {
  it("no stream is silent for longer than the interval, whenever it came and whenever it wrote", async () => {
    let seed = 1;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const clock = fakeClock(random);
    const heartbeat = new Heartbeat(clock, INTERVAL_MS);
    const streams: Stream[] = [];
    for (let round = 0; round < 100; round++) {
      if (round % 2 === 0) streams.push(new Stream(clock, heartbeat));
      await clock.advance(random() * 3_000);
      for (const stream of streams) if (random() < 0.1) stream.beat();
    }
    await clock.advance(5 * INTERVAL_MS);
    for (const stream of streams) expect(stream.longestSilence).toBeLessThanOrEqual(INTERVAL_MS);
  });

  it("an idle stream costs little more than a write per interval, a busy one none", async () => {
    const clock = fakeClock();
    const heartbeat = new Heartbeat(clock, INTERVAL_MS);
    const idle = new Stream(clock, heartbeat);
    let beats = 0;
    const busy: Beating = { lastWrite: 0, visit: (isSilent) => (beats += Number(isSilent)) };
    heartbeat.add(busy);
    for (let second = 0; second < 160; second++) {
      busy.lastWrite = heartbeat.tick;
      await clock.advance(1_000);
    }
    expect(beats).toBe(0);
    expect(idle.writes.length - 1).toBe(10);
  });

  it("spreads the streams over the interval: no tick beats for more than a share of them", async () => {
    let n = 0;
    const clock = fakeClock(() => (n++ % 80) / 80);
    const heartbeat = new Heartbeat(clock, INTERVAL_MS);
    const streams = Array.from({ length: 80 }, () => new Stream(clock, heartbeat));
    await clock.advance(10 * INTERVAL_MS);
    const perMoment = new Map<number, number>();
    for (const time of streams.flatMap(({ writes }) => writes.slice(1))) perMoment.set(time, (perMoment.get(time) ?? 0) + 1);
    expect(Math.max(...perMoment.values())).toBe(10);
  });

  it("I9 Close: one timer for all streams, and none for no stream", async () => {
    const clock = fakeClock();
    const heartbeat = new Heartbeat(clock, INTERVAL_MS);
    expect(clock.pending).toBe(0);
    const streams = Array.from({ length: 50 }, () => new Stream(clock, heartbeat));
    expect([clock.pending, heartbeat.size]).toEqual([1, 50]);
    await clock.advance(INTERVAL_MS);
    for (const stream of streams) heartbeat.remove(stream);
    heartbeat.remove(streams[0] as Stream);
    expect([clock.pending, heartbeat.size]).toEqual([0, 0]);
    const late = new Stream(clock, heartbeat);
    const silent: Beating = { lastWrite: -99, visit: () => {} };
    heartbeat.add(silent);
    expect(silent.lastWrite, "it counts from when it came").toBe(heartbeat.tick);
    await clock.advance(2 * INTERVAL_MS);
    expect(late.longestSilence).toBeLessThanOrEqual(INTERVAL_MS);
    expect(clock.pending).toBe(1);
  });
});
