import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { CheckedSubscriber } from "../../test/support/checked-subscriber.ts";
import { createRealtimeClient } from "./client.ts";
import { FakeServer } from "./fake-server.ts";
// Loaded by now, so that it takes no time when a client asks for it.
import "./transports/long-polling.ts";

const CHANNELS = ["a", "b"] as const;
const EVENTS = ["x.one", "x.two", "x.three", ""] as const;

/** Lets promises and streams come to rest. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const operations = [
  "append", "append", "append", "append", "appendMany",
  "pump", "pump", "pump", "deliver", "deliver", "deliver", "deliverSome", "deliverSome",
  "time", "time", "time", "longTime",
  "subscribe", "subscribe", "subscribe", "unsubscribe", "resume", "channels", "surpriseStop", "surpriseStart",
  "cut", "end", "reconnect", "refuse", "break", "hang",
  "trim", "failOver", "expire",
] as const; // prettier-ignore

const step = fc.record({
  name: fc.constantFrom(...operations),
  which: fc.nat(1_000),
  count: fc.nat(1_000),
  /** How far the network goes on afterwards. */
  flow: fc.constantFrom("stands", "stands", "gathers", "flows", "flows", "trickles"),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Plays the steps, heals the world, and checks that everything has come. */
async function play(steps: readonly Step[], faults: ReadonlySet<string>, random: () => number): Promise<CheckedSubscriber[]> {
  const clock = fakeClock(random);
  const server = new FakeServer();
  const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
  const subscribers: CheckedSubscriber[] = [];
  let ids = 1_000;
  const append = (channel: string, count: number): void => {
    // Ids are unique over all lives of a log, as times are.
    server.log(channel).append(`${++ids}-0` as RealtimeCursor, EVENTS[count % EVENTS.length] as string);
  };
  const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
  const some = (which: number): string[] => CHANNELS.filter((_, index) => (which >> index) & 1);
  const begin = (which: number, count: number): void => {
    const channels = some(which);
    const subscriber = new CheckedSubscriber(client, server, count % 5 === 0 ? ["x.two"] : []);
    const held = channels.length === 1 ? pick(server.log(channels[0] as string).entries, count) : undefined;
    const kinds = [{}, {}, { history: true }, { history: { limit: 1 + (count % 3) } }, held ? { after: held.id } : {}] as const;
    subscriber.start(channels, pick(kinds, count >> 3));
    subscribers.push(subscriber);
  };

  for (const { name, which, count, flow } of steps) {
    if (["trim", "failOver", "expire"].includes(name) && !faults.has(name)) continue;
    const channel = CHANNELS[which % CHANNELS.length] as string;
    const log = server.log(channel);
    const stream = pick(server.open, which);
    const subscriber = pick(subscribers, which);
    if (name === "append") append(channel, count);
    else if (name === "appendMany") for (let i = 0; i < 5; i++) append(channel, count + i);
    else if (name === "pump") stream?.pump(count % 4 === 0 ? 1 : Infinity, count % 7 === 0 ? 2 : 0);
    else if (name === "deliver") stream?.deliver();
    else if (name === "deliverSome") stream?.deliver(1 + (count % 90));
    else if (name === "time") await clock.advance(count % 60);
    else if (name === "longTime") await clock.advance(count * 5);
    else if (name === "subscribe" && subscribers.length < 6) begin(which, count);
    else if (name === "unsubscribe") subscriber?.stop();
    else if (name === "resume") subscriber?.start([...subscriber.cursors.keys()]);
    else if (name === "channels") subscriber?.start(some(count));
    else if (name === "surpriseStop" && subscriber) subscriber.surprise = () => pick(subscribers, count)?.stop();
    else if (name === "surpriseStart" && subscriber)
      subscriber.surprise = () => {
        if (subscribers.length < 6) begin(count, which);
      };
    else if (name === "cut") stream?.cut();
    else if (name === "end") stream?.end();
    else if (name === "reconnect") stream?.reconnect(count % 100);
    else if (name === "refuse" || name === "break" || name === "hang") server.answers.push(name);
    else if (name === "trim") log.trim(count % 4);
    else if (name === "failOver") log.failOver(1 + (count % 3));
    else if (name === "expire") log.expire();
    await settle();
    if (flow === "stands") continue;
    await clock.advance(30);
    await settle();
    if (flow === "gathers") continue;
    for (const open of server.open) {
      open.pump(flow === "flows" ? Infinity : 1);
      open.deliver(flow === "flows" ? Infinity : 150);
    }
    await settle();
  }

  server.answers.length = 0;
  for (const subscriber of subscribers) subscriber.surprise = undefined;
  for (let turn = 0; turn < 60; turn++) {
    server.flush();
    await settle();
    await clock.advance(1_500);
    await settle();
  }
  for (const channel of CHANNELS) append(channel, 0);
  server.flush();
  await settle();
  for (const subscriber of subscribers) subscriber.finish();
  // A stream that is tried beside pages may just now take their place.
  for (let turn = 0; turn < 20 && server.links > 1; turn++) {
    await clock.advance(1_500);
    server.flush();
    await settle();
  }
  expect(server.mostOpen, "streams at once").toBeLessThanOrEqual(2);
  const isWanted = subscribers.some(({ channels }) => channels.length > 0);
  expect(client.getStatus()).toBe(isWanted ? "connected" : "disconnected");
  expect(server.links).toBe(isWanted ? 1 : 0);
  client.destroy();
  expect(clock.pending, "I9 Close: a timer is left").toBe(0);
  expect(server.links, "I9 Close: a stream is left").toBe(0);
  return subscribers;
}

const runs = Number(process.env.PROMISE_RUNS ?? 150);

describe.each([
  ["a log that is whole", []],
  ["a log that is trimmed", ["trim"]],
  ["a log that is trimmed, expires and fails over", ["trim", "failOver", "expire"]],
])("the promise over %s", (_title, faults) => {
  afterEach(() => vi.restoreAllMocks());

  it("I1 Position, I3 Order, I4 Chain: each listener gets each event once, in order, or one gap over what is missing", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    let messages = 0;
    let gaps = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { size: "max", minLength: 20, maxLength: 150 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (steps, chances) => {
          const subscribers = await play(steps, new Set(faults), () => chances.next().value as number);
          for (const subscriber of subscribers) messages += subscriber.messages;
          for (const subscriber of subscribers) gaps += subscriber.gaps;
        },
      ),
      { numRuns: runs, interruptAfterTimeLimit: 60_000 },
    );
    expect(messages, "the runs are not idle").toBeGreaterThan(runs);
    expect(gaps > 0, "gaps, where something was lost").toBe(faults.length > 0);
  }, 90_000);
});
