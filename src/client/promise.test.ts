import * as fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compareCursors, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { fakeClock } from "../testing/fake-clock.ts";
import { createRealtimeClient } from "./client.ts";
import { FakeServer, isShown, type FakeLog } from "./fake-server.ts";
import type { ClientMessage, ClientSubscribeOptions, RealtimeClient } from "./options.ts";
// Loaded by now, so that it takes no time when a client asks for it.
import "./transports/long-polling.ts";

const CHANNELS = ["a", "b"] as const;
const EVENTS = ["x.one", "x.two", "x.three", ""] as const;

/** Lets promises and streams come to rest. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The cursors of a listener, which remember where each channel began. */
class Cursors extends Map<string, RealtimeCursor> {
  readonly first = new Map<string, RealtimeCursor>();
  override set(channel: string, cursor: RealtimeCursor): this {
    if (!this.has(channel)) this.first.set(channel, cursor);
    return super.set(channel, cursor);
  }
}

/** A subscriber that checks the promise at each step. */
class Subscriber {
  readonly cursors = new Cursors();
  /** Where it stands by what it was shown, which is not always where its cursors stand: hidden entries lie between. */
  readonly #shown = new Map<string, RealtimeCursor>();
  readonly #client: RealtimeClient;
  readonly #server: FakeServer;
  readonly #events: readonly string[];
  #subscription: { readonly channels: readonly string[]; readonly end: () => void } | undefined;
  /** Called with the next event, in its handler. */
  surprise: (() => void) | undefined;
  messages = 0;
  gaps = 0;
  /** What a listener from now on must not be shown: the end of each log when it came, where no stream was open that lags behind. */
  readonly #born = new Map<string, RealtimeCursor>();
  /** Who wants all that is held, and never left since: what it was shown. */
  #all: Set<string> | undefined;
  #failure: unknown;

  constructor(client: RealtimeClient, server: FakeServer, events: readonly string[]) {
    this.#client = client;
    this.#server = server;
    this.#events = events;
  }

  get channels(): readonly string[] {
    return this.#subscription?.channels ?? [];
  }

  get events(): readonly string[] {
    return this.#events;
  }

  start(channels: readonly string[], options: Pick<ClientSubscribeOptions, "history" | "after"> = {}): void {
    this.stop();
    this.#all = this.cursors.size === 0 && options.history === true ? new Set() : undefined;
    for (const channel of channels) {
      const isNew = !this.cursors.has(channel) && !options.history && !options.after;
      if (isNew && !this.#server.mayLag(channel)) this.#born.set(channel, this.#server.log(channel).last);
      else this.#born.delete(channel);
    }
    // As the hook does: a channel that was left begins anew.
    for (const channel of this.cursors.keys()) if (!channels.includes(channel)) this.cursors.delete(channel);
    for (const channel of this.#shown.keys()) if (!channels.includes(channel)) this.#shown.delete(channel);
    const end = this.#client.subscribe({
      channels,
      events: this.#events,
      cursors: this.cursors,
      ...options,
      onData: (message) => this.#check(() => this.#data(message)),
      onGap: (gap) => this.#check(() => this.#gap(gap)),
    });
    this.#subscription = { channels, end };
  }

  stop(): void {
    this.#subscription?.end();
    this.#subscription = undefined;
  }

  /** The client reports what a handler throws; a test has to hear it. */
  #check(expectations: () => void): void {
    try {
      expectations();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #log(channel: string): FakeLog {
    expect(this.channels, "nothing comes from a channel that is not subscribed to").toContain(channel);
    return this.#server.log(channel);
  }

  #position(channel: string): RealtimeCursor {
    return this.#shown.get(channel) ?? (this.cursors.first.get(channel) as RealtimeCursor);
  }

  #data({ id, channel, event, data }: ClientMessage): void {
    const log = this.#log(channel);
    this.messages++;
    expect(data).toBe(id);
    expect(isShown({ ...log.ever.get(id)!, event }, this.#events), "an event that was not asked for").toBe(true);
    const position = this.#position(channel);
    // The newest n begin with themselves.
    if (position !== id || this.#shown.has(channel)) {
      expect(compareCursors(id, position), `I3 Order: ${id} after ${position}`).toBeGreaterThan(0);
      const isProved = log.hides(position, id, this.#events) || (!this.#shown.has(channel) && log.isLost(position, id));
      expect(isProved, `nothing is missing between ${position} and ${id}`).toBe(true);
    }
    this.#shown.set(channel, id);
    this.#all?.add(channel + id);
    const { surprise } = this;
    this.surprise = undefined;
    surprise?.();
  }

  #gap({ channel, after, cursor, reason }: Gap): void {
    const log = this.#log(channel);
    const position = this.#position(channel);
    this.gaps++;
    expect(cursor, "a gap leads somewhere").not.toBe(after);
    expect(after === position || log.hides(position, after, this.#events), "a gap begins where we stand").toBe(true);
    if (reason === "reset") {
      expect(log.resets, "a reset of a log that was never replaced").toBeGreaterThan(0);
    } else {
      expect(compareCursors(cursor, after)).toBeGreaterThan(0);
      const missing = [...log.ever.values()].filter(
        ({ id, gone }) => gone && compareCursors(id, after) > 0 && compareCursors(id, cursor) <= 0,
      );
      expect(missing, "a gap over nothing").not.toEqual([]);
    }
    this.#shown.set(channel, cursor);
  }

  /** Everything has come. */
  finish(): void {
    if (this.#failure) throw this.#failure;
    for (const channel of this.channels) {
      const { last, entries } = this.#server.log(channel);
      const cursor = this.cursors.get(channel);
      expect(cursor, `${channel}: the cursor stands at the end of the log`).toBe(last);
      const position = this.#position(channel);
      const rest = entries.filter((entry) => compareCursors(entry.id, position) > 0 && isShown(entry, this.#events));
      expect(rest, `${channel}: nothing is missing at the end`).toEqual([]);
      const { resets } = this.#server.log(channel);
      const born = this.#born.get(channel);
      const first = this.cursors.first.get(channel) as RealtimeCursor;
      const isEarly = born !== undefined && resets === 0 && compareCursors(first, born) < 0;
      expect(isEarly, `${channel}: a listener from now on began at ${first}, before ${born}`).toBe(false);
      const unseen = entries.filter((entry) => isShown(entry, this.#events) && this.#all?.has(channel + entry.id) === false);
      expect(resets === 0 ? unseen : [], `${channel}: history is all that is held`).toEqual([]);
    }
  }
}

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
async function play(steps: readonly Step[], faults: ReadonlySet<string>, random: () => number): Promise<Subscriber[]> {
  const clock = fakeClock(random);
  const server = new FakeServer();
  const client = createRealtimeClient({ api: { url: "http://fake.test/events" }, fetch: server.fetch, clock });
  const subscribers: Subscriber[] = [];
  let ids = 1_000;
  const append = (channel: string, count: number): void => {
    // Ids are unique over all lives of a log, as times are.
    server.log(channel).append(`${++ids}-0` as RealtimeCursor, EVENTS[count % EVENTS.length] as string);
  };
  const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)];
  const some = (which: number): string[] => CHANNELS.filter((_, index) => (which >> index) & 1);
  const begin = (which: number, count: number): void => {
    const channels = some(which);
    const subscriber = new Subscriber(client, server, count % 5 === 0 ? ["x.two"] : []);
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
  expect(server.mostOpen, "streams at once").toBeLessThanOrEqual(2);
  const isWanted = subscribers.some(({ channels }) => channels.length > 0);
  expect(client.getStatus()).toBe(isWanted ? "connected" : "disconnected");
  expect(server.open.length).toBe(isWanted ? 1 : 0);
  client.destroy();
  expect(clock.pending, "I9 Close: a timer is left").toBe(0);
  expect(server.open, "I9 Close: a stream is left").toEqual([]);
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
