import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RealtimeCursor } from "../../protocol/cursor.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import { CheckedSubscriber } from "../../../test/support/checked-subscriber.ts";
import { createRealtimeClient } from "../client.ts";
import { FakeBrowser, type FakeTab } from "../../../test/support/fake-browser.ts";
import { FakeServer } from "../fake-server.ts";
import type { RealtimeClient } from "../options.ts";
// Loaded by now, so that they take no time when a client asks for them.
import "./long-polling.ts";
import "./shared-tabs.ts";

const CHANNELS = ["a", "b"] as const;
const EVENTS = ["x.one", "x.two", "x.three", ""] as const;
const MAX_TABS = 5;

/** Lets promises, messages between tabs, and streams come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A tab, its client, and who listens there. */
interface Page {
  readonly tab: FakeTab;
  readonly client: RealtimeClient;
  readonly subscribers: CheckedSubscriber[];
}

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function setUp(random?: () => number) {
  const clock = fakeClock(random);
  const server = new FakeServer();
  // A tab can stand behind, for it has not heard yet what the leader has: who listens there from now on begins where it stands.
  vi.spyOn(server, "mayLag").mockReturnValue(true);
  const browser = new FakeBrowser();
  for (const [name, value] of Object.entries(browser.globals)) vi.stubGlobal(name, value);
  const open = (shareTabs = "ann"): Page => {
    const tab = browser.newTab(clock, server);
    const api = { url: "http://fake.test/events", shareTabs };
    const client = tab.run(() => createRealtimeClient({ api, fetch: tab.fetch, clock: tab.clock }));
    return { tab, client, subscribers: [] };
  };
  /** Time passes, and all that is on its way arrives. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      server.flush();
      await settle();
      await clock.advance(Math.min(500, left));
      await settle();
    }
  };
  return { clock, server, open, pass };
}

const operations = [
  "append", "append", "append", "append", "pump", "pump", "deliver", "deliver", "deliverSome", "time", "time", "longTime",
  "open", "open", "open", "open", "subscribe", "subscribe", "subscribe", "subscribe", "subscribe", "unsubscribe", "channels",
  "close", "crash", "freeze", "freeze", "thaw", "thaw", "destroy",
  "cut", "end", "reconnect", "refuse", "break", "hang", "trim", "failOver",
] as const; // prettier-ignore

const step = fc.record({
  name: fc.constantFrom(...operations),
  which: fc.nat(1_000),
  count: fc.nat(1_000),
  flow: fc.constantFrom("stands", "gathers", "flows", "flows", "trickles"),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Plays the steps, heals the world, and checks that everything has come. @returns how many events and gaps were shown */
async function play(steps: readonly Step[], faults: ReadonlySet<string>, random: () => number): Promise<[number, number]> {
  const { clock, server, open, pass } = setUp(random);
  let pages: Page[] = [];
  let ids = 1_000;
  const append = (channel: string, count: number): void =>
    server.log(channel).append(`${++ids}-0` as RealtimeCursor, EVENTS[count % EVENTS.length] as string);
  const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
  const some = (which: number): string[] => CHANNELS.filter((_, index) => (which >> index) & 1);
  let messages = 0;
  let gaps = 0;
  const count = ({ subscribers }: Page): void => {
    for (const subscriber of subscribers) {
      subscriber.check();
      messages += subscriber.messages;
      gaps += subscriber.gaps;
    }
  };
  const forget = (page: Page | undefined): void => {
    if (page) count(page);
    pages = pages.filter((other) => other !== page);
  };

  for (const { name, which, count: number, flow } of steps) {
    if (["trim", "failOver"].includes(name) && !faults.has(name)) continue;
    const log = server.log(CHANNELS[which % CHANNELS.length] as string);
    const stream = pick(server.open, which);
    const page = pick(pages, which);
    const awake = pick(pages.filter(({ tab }) => tab.state === "active"), which); // prettier-ignore
    const subscriber = awake && pick(awake.subscribers, number);
    if (name === "append")
      for (let more = number % 4; more >= 0; more--) append(CHANNELS[which % CHANNELS.length] as string, number + more);
    else if (name === "pump") stream?.pump(number % 4 === 0 ? 1 : Infinity, number % 7 === 0 ? 2 : 0);
    else if (name === "deliver") stream?.deliver();
    else if (name === "deliverSome") stream?.deliver(1 + (number % 90));
    else if (name === "time") await clock.advance(number % 60);
    else if (name === "longTime") await clock.advance(number * 5);
    else if (name === "open" && pages.length < MAX_TABS) pages.push(open());
    else if (name === "subscribe" && awake && awake.subscribers.length < 3) {
      awake.tab.run(() => {
        const made = new CheckedSubscriber(awake.client, server, number % 5 === 0 ? ["x.two"] : []);
        made.start(
          some(number % 8 ? 1 + (which % 3) : 0),
          pick([{}, {}, { history: true }, { history: { limit: 1 + (number % 3) } }], number >> 3),
        );
        awake.subscribers.push(made);
      });
    } else if (name === "unsubscribe") awake?.tab.run(() => subscriber?.stop());
    else if (name === "channels") awake?.tab.run(() => subscriber?.start(some(number)));
    else if (name === "close" || name === "crash") {
      page?.tab.close(name === "close" ? "told" : "crashed");
      forget(page);
    } else if (name === "destroy") {
      awake?.tab.run(() => awake.client.destroy());
      forget(awake);
    } else if (name === "freeze") page?.tab.freeze();
    else if (name === "thaw") page?.tab.thaw();
    else if (name === "cut") stream?.cut();
    else if (name === "end") stream?.end();
    else if (name === "reconnect") stream?.reconnect(number % 100);
    else if (name === "refuse" || name === "break" || name === "hang") server.answers.push(name);
    else if (name === "trim") log.trim(number % 4);
    else if (name === "failOver") log.failOver(1 + (number % 3));
    await settle();
    if (flow === "stands") continue;
    // One tab gathers, and then the leader; a stream joins first, and reads then.
    for (let round = 0; round < (flow === "flows" ? 3 : 1); round++) {
      await clock.advance(30);
      await settle();
      if (flow === "gathers") continue;
      for (const each of server.open) {
        each.pump(flow === "flows" ? Infinity : 1);
        each.deliver(flow === "flows" ? Infinity : 150);
      }
      await settle();
    }
  }

  server.answers.length = 0;
  for (const { tab } of pages) tab.thaw();
  await pass(90_000);
  for (const channel of CHANNELS) append(channel, 0);
  await pass(1_000);
  for (const page of pages) {
    count(page);
    for (const subscriber of page.subscribers) subscriber.finish();
    const isWanted = page.subscribers.some(({ channels }) => channels.length > 0);
    expect(page.client.getStatus()).toBe(isWanted ? "connected" : "disconnected");
  }
  const isWanted = pages.some(({ subscribers }) => subscribers.some(({ channels }) => channels.length > 0));
  expect(server.links, "one connection for all").toBe(isWanted ? 1 : 0);
  for (const { tab, client } of pages) tab.run(() => client.destroy());
  await pass(1_000);
  expect(clock.pending, "I9 Close: a timer is left").toBe(0);
  expect(server.links, "I9 Close: a stream is left").toBe(0);
  return [messages, gaps];
}

const runs = Number(process.env.PROMISE_RUNS ?? 40);

describe.each([
  ["a log that is whole", []],
  ["a log that is trimmed and fails over", ["trim", "failOver"]],
])("the promise over tabs that share a connection, which close, crash and freeze, and %s", (_title, faults) => {
  it("I1 Position, I3 Order, I4 Chain: each listener in each tab gets each event once, in order, or one gap over what is missing", async () => {
    let messages = 0;
    let gaps = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { size: "max", minLength: 30, maxLength: 120 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        async (steps, chances) => {
          const [shown, told] = await play(steps, new Set(faults), () => chances.next().value as number);
          messages += shown;
          gaps += told;
        },
      ),
      { numRuns: runs, interruptAfterTimeLimit: Number(process.env.PROMISE_MS ?? 60_000), endOnFailure: true },
    );
    expect(messages, "the runs are not idle").toBeGreaterThan(20);
    expect(faults.length > 0 || gaps === 0, "no gap where nothing was lost").toBe(true);
  }, 600_000);
});
