import { describe, expect, it, vi } from "vitest";
import { fakeClock } from "../testing/fake-clock.ts";
import { DecisionTime, Unanswered } from "./decision-time.ts";

const never = new Promise<never>(() => {});

describe("DecisionTime", () => {
  it("is one time for all who are asked, and says who took the last of it", async () => {
    const clock = fakeClock();
    const time = new DecisionTime(clock, 10_000);
    const first = time.answerOf("identify", new Promise((resolve) => clock.setTimeout(() => resolve("ann"), 9_000)));
    await clock.advance(9_000);
    expect(await first).toBe("ann");
    const outcome = vi.fn<(error: unknown) => void>();
    void time.answerOf("authorize", never).catch(outcome);
    await clock.advance(999);
    expect(outcome).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(outcome).toHaveBeenCalledExactlyOnceWith(expect.any(Unanswered));
    expect(outcome.mock.calls[0]?.[0]).toMatchObject({
      message: "`authorize` gave no answer, and all together have 10 s for one (`limits.decideSecs` of `handle`).",
    });
    expect(clock.pending).toBe(0);
  });

  it("takes no timer for what is there at once, nor without end, and leaves none behind (I9)", async () => {
    const clock = fakeClock();
    const setTimeout = vi.spyOn(clock, "setTimeout");
    expect(await new DecisionTime(clock, 10_000).answerOf("authorize", true)).toBe(true);
    expect(await new DecisionTime(clock, Infinity).answerOf("authorize", Promise.resolve(true))).toBe(true);
    expect(setTimeout).not.toHaveBeenCalled();
    await expect(new DecisionTime(clock, 10_000).answerOf("identify", Promise.reject(new Error("theirs")))).rejects.toThrow(
      "theirs",
    );
    expect(setTimeout).toHaveBeenCalledTimes(1);
    expect(clock.pending).toBe(0);
  });
});
