import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareCursors, ORIGIN, positionBelow, type RealtimeCursor } from "../../protocol/cursor.ts";
import { fakeClock } from "../../testing/fake-clock.ts";
import type { Broker, LocateRange } from "../broker.ts";
import { createFourMethodBroker } from "./four-method-broker.ts";
import { encodePayload, maxLenOf } from "./payload.ts";
import { SimulatedAdapter } from "./simulated-adapter.ts";

const clock = fakeClock();

/** A log of these entries: when each was added, and how many were to be kept. */
function logOf(entries: ReadonlyArray<readonly [afterMs: number, keeps: number]>): {
  broker: Broker;
  adapter: SimulatedAdapter;
  ids: RealtimeCursor[];
} {
  let now = 0;
  const adapter = new SimulatedAdapter({ ...clock, now: () => now });
  const ids = entries.map(([afterMs, keeps], at) => {
    now += afterMs;
    const payload = encodePayload({ event: "e.v", json: String(at), emitId: String(at) }, keeps);
    return adapter.add("t:c", payload, { maxLen: maxLenOf(keeps) });
  });
  return { broker: createFourMethodBroker({ adapter, keyPrefix: "t", clock }), adapter, ids };
}

const every = (count: number, keeps: number): Array<readonly [number, number]> =>
  Array.from({ length: count }, () => [1, keeps]);
const ALL = Number.POSITIVE_INFINITY;

describe("reading", () => {
  it("the first entry of a log of which nothing was trimmed follows the origin", async () => {
    const { broker, ids } = logOf(every(5, 6));
    const { entries, last } = await broker.read("c", ORIGIN, { pageBytes: 1_000 });
    expect(entries[0]).toEqual({ id: ids[0], prev: ORIGIN, event: "e.v", json: "0" });
    expect(last).toBe(ids[4]);
  });

  it("the first entry of a log that is full, or of which a part is not seen, follows something unknown", async () => {
    const full = logOf(every(5, 5));
    const { entries } = await full.broker.read("c", ORIGIN, { pageBytes: 1_000 });
    expect(entries[0]).toMatchObject({ id: full.ids[0], prev: positionBelow(full.ids[0] as RealtimeCursor), unproven: true });
    // What trimmed it stands behind the page.
    const long = logOf([...every(50, ALL), ...every(10, 50)]);
    const page = await long.broker.read("c", ORIGIN, { pageBytes: 4 });
    expect(page.entries).toHaveLength(2);
    expect(page.entries[0]).toMatchObject({ id: long.ids[10], unproven: true });
    expect(page.last).toBe(long.ids[59]);
  });

  it("after a position whose entry is there, it is proved; after one that is gone, it is not", async () => {
    const { broker, ids } = logOf(every(8, 4));
    const { entries } = await broker.read("c", ids[5] as RealtimeCursor, { pageBytes: 1_000 });
    expect(entries[0]).toEqual({ id: ids[6], prev: ids[5], event: "e.v", json: "6" });
    const gone = await broker.read("c", ids[2] as RealtimeCursor, { pageBytes: 1_000 });
    expect(gone.entries[0]).toMatchObject({ id: ids[4], unproven: true });
    const guessed = await broker.read("c", positionBelow(ids[4] as RealtimeCursor), { pageBytes: 1_000 });
    expect(guessed.entries[0]).toEqual({ id: ids[4], prev: positionBelow(ids[4] as RealtimeCursor), event: "e.v", json: "4" });
  });

  it("a log that never reached the position is another one", async () => {
    const { broker, adapter, ids } = logOf(every(3, ALL));
    adapter.setBack("t:c", [{ id: "9000000-1", payload: encodePayload({ event: "e.v", json: "9", emitId: "9" }, ALL) }]);
    expect((await broker.read("c", ids[2] as RealtimeCursor, { pageBytes: 1_000 })).entries[0]?.prev).toBe(ORIGIN);
  });

  it("what was added when nothing was to be kept is not read, nor what is older", async () => {
    const { broker, ids } = logOf([...every(3, ALL), ...every(2, 0)]);
    expect(await broker.read("c", ORIGIN, { pageBytes: 1 })).toEqual({ entries: [], last: ids[4] });
    const later = logOf([...every(3, ALL), ...every(2, 0), ...every(2, 10)]);
    const page = await later.broker.read("c", later.ids[0] as RealtimeCursor, { pageBytes: 1_000 });
    expect(page.entries.map(({ id, prev }) => [id, prev])).toEqual([
      [later.ids[5], later.ids[4]],
      [later.ids[6], later.ids[5]],
    ]);
  });

  it("an entry that someone else wrote is malformed, and proves nothing about what was trimmed", async () => {
    const { broker, adapter } = logOf([]);
    const id = adapter.add("t:c", { anything: 1 });
    const { entries } = await broker.read("c", ORIGIN, { pageBytes: 1_000 });
    expect(entries).toEqual([{ id, prev: positionBelow(id), event: "", json: "", unproven: true }]);
  });

  it("answers that make no sense are refused, and errors are told apart by whether they may pass", async () => {
    const { broker, adapter } = logOf([]);
    adapter.setBack("t:c", [{ id: "nonsense", payload: {} }]);
    adapter.xrange = async () => [{ id: "nonsense", payload: {} }];
    await expect(broker.read("c", ORIGIN, { pageBytes: 1 })).rejects.toMatchObject({ code: "broker_refused" });
    adapter.xrange = () => {
      throw new Error("WRONGTYPE Operation against a key holding the wrong kind of value");
    };
    await expect(broker.read("c", ORIGIN, { pageBytes: 1 })).rejects.toMatchObject({ code: "broker_refused" });
    adapter.xrange = async () => Promise.reject(new Error("ECONNRESET"));
    await expect(broker.read("c", ORIGIN, { pageBytes: 1 })).rejects.toMatchObject({ code: "broker_unavailable" });
  });
});

describe("locating", () => {
  const entry = fc.tuple(fc.constantFrom(0, 0, 1, 30, 900, 20_000, 4e9), fc.constantFrom(ALL, ALL, ALL, 1_000));
  const query = fc.record({
    newest: fc.integer({ min: 1, max: 60 }),
    start: fc.option(fc.nat(59)),
    end: fc.option(fc.nat(59)),
  });

  it("finds the entry before the newest ones of a range, wherever in time they are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 60 }), query, async (entries, { newest, start, end }) => {
        const { broker, ids } = logOf(entries);
        const range: LocateRange = {
          newest,
          ...(start !== null && { start: ids[start % ids.length] }),
          ...(end !== null && { end: ids[end % ids.length] }),
        };
        const from = range.start ?? ORIGIN;
        const to = range.end ?? ids.at(-1) ?? ORIGIN;
        const inside = ids.filter((id) => compareCursors(id, from) >= 0 && compareCursors(id, to) <= 0).slice(-newest);
        const [oldest] = inside;
        fc.pre(oldest !== undefined);
        const { after, last } = await broker.locate("c", range);
        expect(last).toBe(ids.at(-1));
        const { entries: read } = await broker.read("c", after, { pageBytes: 1 });
        expect(read[0]).toMatchObject({ id: oldest, prev: after });
        expect(read[0]?.unproven).toBeUndefined();
      }),
    );
  });
});
