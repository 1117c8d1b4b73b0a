import { expect, it } from "vitest";
import { ORIGIN } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { MAX_BUFFERED_BYTES } from "../protocol/limits.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { Hub } from "./hub.ts";
import { SimulatedBroker } from "./simulated-broker.ts";
import { Subscription } from "./subscription.ts";

interface Scene {
  readonly broker: SimulatedBroker;
  readonly gaps: Gap[];
  /** Ids of entries, in the order in which handlers were called with them. */
  readonly entries: string[];
  /** Subscribes to all that is held. @param handle what its handler does */
  subscribe(handle?: () => void): void;
  /** Lets the broker answer everything, and everybody hear everything. */
  flow(): Promise<void>;
}

function scene(): Scene {
  const clock = fakeClock();
  const broker = new SimulatedBroker();
  const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
  const gaps: Gap[] = [];
  const entries: string[] = [];
  return {
    broker,
    gaps,
    entries,
    subscribe(handle = () => {}) {
      const subscription = new Subscription({
        joined() {},
        entry({ id }) {
          entries.push(id);
          handle();
        },
        gap: (gap) => void gaps.push(gap),
        failed() {},
        thrown() {},
      });
      subscription.open(hub.attach("c", subscription, { kind: "held" }));
    },
    async flow() {
      for (let round = 0; round < 5; round++) {
        broker.acknowledgeJoin();
        await clock.advance(10);
        while (broker.asked.length > 0) broker.executeNext();
        while (broker.executed.length > 0) broker.answerNext();
        while (broker.announced.length > 0) broker.hearNext();
      }
    },
  };
}

/** A subscription to a log that has expired, beside one that knew it before. */
async function joinGoneLog(): Promise<Scene> {
  const { broker, gaps, subscribe, flow, ...rest } = scene();
  broker.store();
  subscribe();
  await flow();
  broker.expire();
  subscribe();
  await flow();
  return { broker, gaps, subscribe, flow, ...rest };
}

it("I4 Chain: a subscription to a log that was gone already hears of no gap when the others learn that it is", async () => {
  const { broker, gaps, flow } = await joinGoneLog();
  const [first] = broker.stored;
  broker.loseSubscription();
  broker.restoreSubscription();
  await flow();
  expect(gaps).toEqual([{ channel: "c", after: first?.id, cursor: ORIGIN, reason: "reset" }]);
});

it("I1 Position: a subscription's gap begins where it stands, not where the topic stood", async () => {
  const { broker, gaps, flow } = await joinGoneLog();
  const [first] = broker.stored;
  broker.loseSubscription();
  const { id } = broker.store();
  broker.restoreSubscription();
  await flow();
  expect(gaps.map(({ after, cursor }) => [after, cursor])).toEqual([
    [first?.id, id],
    [ORIGIN, id],
  ]);
});

it("a handler that throws at what alone fills its queue is called with it once", async () => {
  const { broker, entries, subscribe, flow } = scene();
  let calls = 0;
  subscribe(() => {
    // It would go on for ever.
    if (++calls < 100) throw new Error("a handler of the test");
  });
  await flow();
  const ids = [broker.store(Infinity, JSON.stringify("x".repeat(MAX_BUFFERED_BYTES))).id, broker.store().id];
  await flow();
  expect(entries).toEqual(ids);
});
