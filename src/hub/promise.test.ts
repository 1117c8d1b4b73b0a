import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import { fakeClock, type FakeClock } from "../testing/fake-clock.ts";
import { formatStart, type Feed, type FeedStart, type Session } from "./feed.ts";
import type { Batch } from "./frame.ts";
import { Hub } from "./hub.ts";
import type { PageSession } from "./page-session.ts";
import { SimulatedBroker } from "./simulated-broker.ts";

type Step = { readonly entry: { readonly id: RealtimeCursor } } | { readonly gap: Gap };

/** What a client was told, and from where on. */
interface Told {
  readonly steps: readonly Step[];
  readonly joinedAt: RealtimeCursor | undefined;
  /** Where it stood when it was told that the channel cannot be had: nowhere, or the topic gave up someone who was joined. */
  readonly givenUpAt?: RealtimeCursor | undefined;
}

/** A session that writes down what it is given, and can be blocked. */
class Recorder implements Session, Told {
  blocked = false;
  readonly steps: Step[] = [];
  readonly start: FeedStart;
  joinedAt: RealtimeCursor | undefined;
  feed: Feed | undefined;
  givenUpAt: RealtimeCursor | undefined;
  #blockAfter = Number.POSITIVE_INFINITY;

  constructor(start: FeedStart) {
    this.start = start;
  }

  joined(feed: Feed): void {
    expect(this.joinedAt, "joined twice").toBeUndefined();
    this.joinedAt = feed.position as RealtimeCursor;
  }

  deliver(_feed: Feed, batch: Batch): void {
    expect(this.joinedAt, "delivered before it was joined").toBeDefined();
    for (const frame of batch.frames) {
      if (frame.gap) this.steps.push({ gap: frame.gap });
      else if (frame.entry) this.steps.push({ entry: frame.entry });
    }
    if (--this.#blockAfter <= 0) this.block();
  }

  failed(): void {
    this.givenUpAt ??= this.joinedAt;
    this.feed = undefined;
  }

  block(): void {
    if (this.blocked) return;
    this.blocked = true;
    this.feed?.lag();
  }

  blockAtNextDelivery(): void {
    this.#blockAfter = 1;
  }

  unblock(): void {
    this.#blockAfter = Number.POSITIVE_INFINITY;
    if (!this.blocked) return;
    this.blocked = false;
    this.feed?.resume();
  }
}

/** A frame of a page, as far as it is looked at here. */
type PageFrame =
  | ({ readonly type: "gap" } & Gap)
  | { readonly type: "event"; readonly id: RealtimeCursor }
  | { readonly type: "connected"; readonly cursor: RealtimeCursor }
  | { readonly type: "problem" };

/** A client without streams: it asks for one page after the other, each with what the one before said. */
class Poller implements Told {
  readonly steps: Step[] = [];
  joinedAt: RealtimeCursor | undefined;
  readonly #hub: Hub;
  readonly #pages = new Set<PageSession>();
  #start: FeedStart;

  constructor(hub: Hub, start: FeedStart) {
    this.#hub = hub;
    this.#start = start;
  }

  /** Asks for the next page, unless it waits for one. */
  poll(waitMs: number): void {
    if (this.#pages.size > 0) return;
    const asked = { channel: "c", start: this.#start };
    const options = { waitMs, maxDurationMs: Number.POSITIVE_INFINITY, owner: this.#pages };
    this.#hub.openPage([asked], options, (body) => {
      if (body !== undefined) this.#read(JSON.parse(body) as { at: string; frames: PageFrame[] });
    });
  }

  /** Goes away before the page is there, and will ask again. */
  abandon(): void {
    for (const page of this.#pages) page.end();
  }

  #read({ at, frames }: { readonly at: string; readonly frames: readonly PageFrame[] }): void {
    const connected = frames.find((frame) => frame.type === "connected");
    if (!connected) {
      expect(at, "what was not joined is asked for again").toBe(formatStart(this.#start));
      return;
    }
    if (this.joinedAt !== undefined) expect({ kind: "after", cursor: connected.cursor }).toEqual(this.#start);
    this.joinedAt ??= connected.cursor;
    let position = connected.cursor;
    for (const frame of frames) {
      if (frame.type === "gap") {
        this.steps.push({ gap: frame });
        position = frame.cursor;
      } else if (frame.type === "event") {
        this.steps.push({ entry: frame });
        position = frame.id;
      }
    }
    expect(at, "I1 Position: of what the page told").toBe(position);
    this.#start = { kind: "after", cursor: position };
  }
}

/** The promise, for one client: in order, each once, none missing without a gap over it. */
function checkPromise(
  told: Told,
  broker: SimulatedBroker,
  faults: { readonly reset: boolean; readonly expired: boolean; readonly trimmed: boolean },
): void {
  const { steps, joinedAt, givenUpAt } = told;
  expect(givenUpAt, "nobody who was joined is given up").toBeUndefined();
  if (joinedAt === undefined) throw new Error("the session was never joined");
  const order = new Map(broker.stored.map((entry, index) => [entry.id, index]));
  let position = joinedAt;
  for (const step of steps) {
    if ("gap" in step) {
      // A session that joined when the log was gone stands at the origin, level with a tail of the log's earlier life.
      if (position !== ORIGIN || !faults.expired)
        expect(step.gap.after, "a gap begins where the session stands").toBe(position);
      if (step.gap.reason === "trimmed") {
        expect(compareCursors(step.gap.cursor, position)).toBeGreaterThan(0);
        expect(faults.trimmed || faults.expired || faults.reset, "a gap though nothing was ever trimmed").toBe(true);
      } else {
        expect(faults.reset || faults.expired, "a reset though the log was never replaced").toBe(true);
      }
      position = step.gap.cursor;
      continue;
    }
    const { id } = step.entry;
    expect(compareCursors(id, position), `I3 Order: ${id} after ${position}`).toBeGreaterThan(0);
    // Nothing that was stored lies between: by the truth, not by what entries say of themselves.
    const from = position === ORIGIN ? -1 : (order.get(position) ?? -1);
    const between = broker.stored.slice(from + 1, order.get(id)).filter((entry) => compareCursors(entry.id, position) > 0);
    const lost = faults.reset || faults.expired ? [] : between;
    expect(lost, `nothing is missing between ${position} and ${id}`).toEqual([]);
    position = id;
  }
  // And it has come to the end.
  if (broker.last !== ORIGIN) expect(position, "the session stands at the end of the log").toBe(broker.last);
}

const operations = [
  "store",
  "store",
  "store",
  "storeTrimmed",
  "hear",
  "hear",
  "execute",
  "answer",
  "execute",
  "answer",
  "refuse",
  "attach",
  "attach",
  "detach",
  "block",
  "blockNext",
  "unblock",
  "disconnect",
  "reconnect",
  "loseSubscription",
  "restoreSubscription",
  "loseAnnouncement",
  "acknowledge",
  "loseSubscription",
  "restoreSubscription",
  "loseAnnouncement",
  "tick",
  "settle",
] as const;
const rarely = ["expire", "loseNewest"] as const;
const byHand = ["remove", "remove"] as const;
const inPages = ["newPoller", "poll", "poll", "poll", "poll", "abandon", "outlast"] as const;
type Operation = (typeof operations)[number] | (typeof rarely)[number] | (typeof byHand)[number] | (typeof inPages)[number];

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

async function run(commands: ReadonlyArray<readonly [Operation, number]>): Promise<void> {
  const clock: FakeClock = fakeClock();
  const broker = new SimulatedBroker();
  const hub = new Hub({ broker, clock, logger: { warn() {} }, heartbeatMs: 15_000 });
  const recorders: Recorder[] = [];
  const pollers: Poller[] = [];
  let unannounced = false;
  const faults = { reset: false, expired: false, trimmed: false };

  const startOf = (n: number): FeedStart => {
    const known = broker.stored[n % Math.max(1, broker.stored.length)];
    if (n % 5 === 0) return { kind: "held" };
    if (n % 5 === 1) return { kind: "newest", count: 1 + (n % 4) };
    if (n % 5 === 2 || !known) return n % 2 ? { kind: "live" } : { kind: "after", cursor: ORIGIN };
    return { kind: "after", cursor: known.id };
  };

  for (const [operation, n] of commands) {
    const recorder = recorders[n % Math.max(1, recorders.length)];
    const poller = pollers[n % Math.max(1, pollers.length)];
    if (operation === "store") broker.store();
    else if (operation === "storeTrimmed") {
      broker.store(n % 4);
      faults.trimmed = true;
    } else if (operation === "hear") broker.hearNext();
    else if (operation === "execute") broker.executeNext();
    else if (operation === "answer") broker.answerNext();
    else if (operation === "refuse") broker.refuseNext();
    else if (operation === "acknowledge") broker.acknowledgeJoin();
    else if (operation === "attach") {
      const added = new Recorder(startOf(n));
      added.feed = hub.attach("c", added, added.start);
      recorders.push(added);
    } else if (operation === "detach" && recorder) {
      recorder.feed?.detach();
      recorders.splice(recorders.indexOf(recorder), 1);
    } else if (operation === "block") recorder?.block();
    else if (operation === "blockNext") recorder?.blockAtNextDelivery();
    else if (operation === "unblock") recorder?.unblock();
    else if (operation === "disconnect") broker.disconnect();
    else if (operation === "reconnect") broker.reconnect();
    else if (operation === "loseSubscription") broker.loseSubscription();
    else if (operation === "restoreSubscription") broker.restoreSubscription();
    else if (operation === "loseAnnouncement") {
      broker.loseAnnouncement();
      unannounced = true;
    } else if (operation === "tick") await clock.advance(n * 10);
    else if (operation === "settle") await settle();
    else if (operation === "newPoller") pollers.push(new Poller(hub, startOf(n)));
    else if (operation === "poll") poller?.poll(n * 10);
    else if (operation === "abandon") poller?.abandon();
    else if (operation === "outlast") await clock.advance(5_000);
    else if (operation === "remove") {
      broker.remove(n % Math.max(1, broker.entries.length));
      faults.trimmed = true;
    } else if (operation === "expire") {
      broker.expire();
      faults.expired = true;
    } else if (operation === "loseNewest") {
      broker.loseNewest(n % 4);
      faults.reset = true;
    }
    if (n % 2 === 0) await settle();
  }

  // Everything heals; then everybody must have everything.
  for (let round = 0; round < 100; round++) {
    // A lost announcement shows when the next one comes.
    if (round === 50 && unannounced) broker.store();
    broker.reconnect();
    broker.acknowledgeJoin();
    for (const recorder of recorders) {
      // As our client does: who was refused asks again.
      recorder.feed ??= hub.attach("c", recorder, recorder.start);
      recorder.unblock();
    }
    for (const poller of pollers) poller.poll(0);
    await settle();
    while (broker.announced.length > 0) broker.hearNext();
    while (broker.asked.length > 0) broker.executeNext();
    while (broker.executed.length > 0) broker.answerNext();
    await clock.advance(500);
  }
  for (const told of [...recorders, ...pollers]) checkPromise(told, broker, faults);
  for (const recorder of recorders) expect(recorder.feed?.state, "every feed is live in the end").toBe("live");
  for (const poller of pollers) poller.abandon();
  await hub.close();
  expect(clock.pending, "I9 Close: no timer is left").toBe(0);
}

const command = (names: readonly Operation[]): fc.Arbitrary<readonly [Operation, number]> =>
  fc.tuple(fc.constantFrom(...names), fc.nat(40));

// Hundreds of runs each, which on a busy machine take their time.
describe("the hub's promise, against a broker that delays, loses, trims and forgets", { timeout: 120_000 }, () => {
  it("I3 Order and I4 Chain: each entry once, in order, none missing but under a gap", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command(operations), { minLength: 20, maxLength: 120, size: "max" }), (commands) =>
        run(commands),
      ),
      { numRuns: 400 },
    );
  });

  it("I4 Chain: also when someone deletes entries from the middle of the log", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command([...operations, ...byHand]), { minLength: 20, maxLength: 120, size: "max" }),
        (commands) => run(commands),
      ),
      { numRuns: 400 },
    );
  });

  it("I4 Chain: also when the log expires, or fails over to a replica that was behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command([...operations, ...rarely]), { minLength: 20, maxLength: 120, size: "max" }),
        (commands) => run(commands),
      ),
      { numRuns: 400 },
    );
  });

  it("I1 Position, I2 Join, I4 Chain: from page to page nothing is lost and nothing told twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command([...operations, ...inPages, ...inPages]), { minLength: 20, maxLength: 120, size: "max" }),
        (commands) => run([["newPoller", 0], ...commands]),
      ),
      { numRuns: 200 },
    );
  });

  it("I1 Position: from page to page, also when the log expires, is replaced, or loses entries from its middle", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command([...operations, ...inPages, ...inPages, ...rarely, ...byHand]), {
          minLength: 20,
          maxLength: 120,
          size: "max",
        }),
        (commands) => run([["newPoller", 3], ...commands]),
      ),
      { numRuns: 200 },
    );
  });
});
