import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMemoryBroker } from "../brokers/memory.ts";
import { Hub } from "../hub/hub.ts";
import type { PageSession } from "../hub/page-session.ts";
import type { StreamSession } from "../hub/stream-session.ts";
import { systemClock } from "../protocol/clock.ts";
import { exposeInternals } from "../realtime/internals.ts";
import { handle } from "./fetch.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

describe("handle", () => {
  it.each(["text/event-stream", "application/json"])(
    "hears of a client that leaves, though nobody else holds its request any more: %s",
    async (accept) => {
      const hub = new Hub({ broker: createMemoryBroker(), clock: systemClock, logger: console, heartbeatMs: 15_000 });
      onTestFinished(() => hub.close());
      const [streams, pages] = [new Set<StreamSession>(), new Set<PageSession>()];
      const realtime = {};
      exposeInternals(realtime, {
        openStream: (sink, { channels, keepsCursors }) =>
          hub.openStream(sink, channels, { keepsCursors, maxDurationMs: Number.POSITIVE_INFINITY, owner: streams }),
        openPage: ({ channels, waitMs }, answer) =>
          hub.openPage(channels, { waitMs, maxDurationMs: Number.POSITIVE_INFINITY, owner: pages }, answer),
        isClosed: () => false,
        whenClosed: new Set<() => void>(),
        isDraining: () => false,
        refused() {},
        disconnects: () => 0,
        wasDisconnected: () => false,
        clock: systemClock,
        sharesKeys: false,
        logger: console,
      });
      const leaving = new AbortController();
      const { signal } = leaving;
      const url = "http://localhost/?channel=c&wait=30";
      const answer = handle({ realtime })(new Request(url, { headers: { accept }, signal }));
      await vi.waitFor(() => expect(streams.size + pages.size).toBe(1));
      for (let turn = 0; turn < 5; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        collectGarbage();
      }
      leaving.abort();
      await vi.waitFor(() => expect(streams.size + pages.size).toBe(0));
      await answer;
    },
  );
});
