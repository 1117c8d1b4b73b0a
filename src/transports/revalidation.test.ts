import { describe, expect, it, vi, type Mock } from "vitest";
import type { StreamSession } from "../hub/stream-session.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { Revalidation, type Admission } from "./revalidation.ts";
import type { Rights } from "./rights.ts";

const INTERVAL_MS = 60_000;
const granted: Rights = { user: "ann", refused: new Set() };

/** Numbers in [0, 1) that are the same in each run. */
function seeded(): () => number {
  let seed = 1;
  return () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
}

interface Stage {
  readonly clock: FakeClock;
  readonly revalidation: Revalidation;
  readonly error: Mock<() => void>;
  /** Lets a stream in; what it was told is in `told`. */
  open(admission: Partial<Admission>): { readonly told: string[]; end(): void };
}

function stage(): Stage {
  const clock = fakeClock(seeded());
  const error = vi.fn<() => void>();
  const revalidation = new Revalidation({ clock, logger: { log() {}, warn() {}, error }, intervalMs: INTERVAL_MS });
  return {
    clock,
    revalidation,
    error,
    open(admission) {
      const watcher = revalidation.watcherOf({
        user: "ann",
        channels: ["a", "b"],
        askAgain: async () => granted,
        ...admission,
      });
      const told: string[] = [];
      const end = (): void => {
        told.push("end");
        watcher.delete(stream);
      };
      const withdraw = (channel: string, code: string): void => void told.push(`${channel} ${code}`);
      const stream = { end, withdraw } as unknown as StreamSession;
      watcher.add(stream);
      return { told, end };
    },
  };
}

describe("Revalidation", () => {
  it("asks once per interval about each stream, thousands of them evenly, and leaves no timer when none is left (I9)", async () => {
    const { clock, revalidation, open } = stage();
    const [streams, seconds] = [10_000, 60];
    const askedAt: number[] = [];
    const askAgain = async (): Promise<Rights> => (askedAt.push(clock.now()), granted);
    const all = Array.from({ length: streams }, () => open({ askAgain }));
    await clock.advance(INTERVAL_MS);
    expect(askedAt).toHaveLength(streams);
    const perSecond = Array<number>(seconds).fill(0);
    for (const at of askedAt) perSecond[Math.min(seconds - 1, Math.floor(at / 1_000))]! += 1;
    expect(Math.max(...perSecond), "no second has much more than its share").toBeLessThan((streams / seconds) * 1.5);
    await clock.advance(INTERVAL_MS);
    expect(askedAt).toHaveLength(2 * streams);
    expect(all.every(({ told }) => told.length === 0)).toBe(true);
    for (const { end } of all) end();
    expect([revalidation.size, clock.pending]).toEqual([0, 0]);
  });

  it("a lost right ends that channel, and is asked about no more; with the last one the stream ends", async () => {
    const { clock, open } = stage();
    const refused = new Set<string>();
    const asked: string[] = [];
    const askAgain = async (channels: readonly string[]): Promise<Rights> => {
      asked.push(channels.join());
      return { user: "ann", refused: new Set(channels.filter((channel) => refused.has(channel))) };
    };
    const { told } = open({ askAgain });
    await clock.advance(INTERVAL_MS);
    refused.add("a");
    await clock.advance(INTERVAL_MS);
    expect(told).toEqual(["a forbidden"]);
    await clock.advance(INTERVAL_MS);
    refused.add("b");
    await clock.advance(INTERVAL_MS);
    expect(told).toEqual(["a forbidden", "end"]);
    expect(asked).toEqual(["a,b", "a,b", "b", "b"]);
    expect(clock.pending).toBe(0);
  });

  it.each<[string, Rights | Response]>([
    ["another user than before", { user: "bob", refused: new Set() }],
    ["no user any more", { refused: new Set() }],
    ["a Response of middleware", new Response(null, { status: 401 })],
  ])("%s ends the stream", async (_, answer) => {
    const { clock, open } = stage();
    const { told } = open({ askAgain: async () => answer });
    await clock.advance(INTERVAL_MS);
    expect(told).toEqual(["end"]);
  });

  it("one failure cuts nobody off, and is said once for all streams; two in a row end the stream", async () => {
    const { clock, error, open } = stage();
    let isDown = true;
    const askAgain = async (): Promise<Rights> => {
      if (isDown) throw new Error("the database of users is away");
      return granted;
    };
    const streams = Array.from({ length: 50 }, () => open({ askAgain }));
    await clock.advance(INTERVAL_MS);
    expect(error).toHaveBeenCalledTimes(1);
    isDown = false;
    await clock.advance(INTERVAL_MS);
    isDown = true;
    await clock.advance(INTERVAL_MS);
    expect(streams.every(({ told }) => told.length === 0)).toBe(true);
    expect(error, "it was well in between").toHaveBeenCalledTimes(2);
    await clock.advance(INTERVAL_MS);
    expect(streams.every(({ told }) => told.join() === "end")).toBe(true);
  });

  it("an answer that never comes is none: the stream ends, and nothing piles up", async () => {
    const { clock, open } = stage();
    const askAgain = vi.fn<() => Promise<Rights>>(() => new Promise(() => {}));
    const { told } = open({ askAgain });
    await clock.advance(3 * INTERVAL_MS);
    expect(told).toEqual(["end"]);
    expect(askAgain).toHaveBeenCalledTimes(1);
  });

  it("an answer about a stream that has ended meanwhile changes nothing", async () => {
    const { clock, revalidation, open } = stage();
    let answer: (rights: Rights) => void = () => {};
    const { told, end } = open({ askAgain: () => new Promise((resolve) => (answer = resolve)) });
    await clock.advance(INTERVAL_MS);
    end();
    answer({ user: "ann", refused: new Set(["a"]) });
    await clock.advance(INTERVAL_MS);
    expect(told[0]).toBe("end");
    expect([revalidation.size, clock.pending]).toEqual([0, 0]);
  });
});
