import { describe, expect, it } from "vitest";
import { fakeClock } from "../../../testing/fake-clock.ts";
import { Commands } from "./commands.ts";
import type { LinkContext } from "./link.ts";
import type { Router } from "./router.ts";

describe("commands while it is not known which server has their key", () => {
  it("I5 Bound: leave nothing behind when their time is up", async () => {
    const clock = fakeClock();
    const nowhere: Router = {
      route: () => undefined,
      to: () => undefined,
      refused: () => false,
      reason: () => undefined,
      close: async () => {},
    };
    const commands = new Commands({ clock } as unknown as LinkContext, () => nowhere);
    const sent = Array.from({ length: 100 }, (_, at) =>
      commands.send({
        attempt: { kind: "append", channel: `c${at}`, address: "nowhere" },
        key: `k${at}`,
        name: "EVAL",
        args: [],
        bytes: 1,
        timeoutMs: 1_000,
      }),
    );
    const settled = Promise.allSettled(sent);
    expect(commands.isTroubled).toBe(true);
    await clock.advance(1_000);
    expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect([commands.isTroubled, clock.pending]).toEqual([false, 0]);
  });
});
