import { beforeEach, describe, expect, it } from "vitest";
import { ONCE_MS } from "../../protocol/limits.ts";
import { fakeClock, type FakeClock } from "../../testing/fake-clock.ts";
import type { Broker, Retention } from "../broker.ts";
import type { XAddOptions } from "./adapter.ts";
import { createFourMethodBroker } from "./four-method-broker.ts";
import { SimulatedAdapter } from "./simulated-adapter.ts";

const KEEP: Retention = { maxLength: 100, expireAfterMs: 60_000 };
const NEVER = new Promise<void>(() => {});

let clock: FakeClock;
let adapter: SimulatedAdapter;
let broker: Broker;
beforeEach(() => {
  clock = fakeClock();
  adapter = new SimulatedAdapter(clock);
  broker = open();
});

function open(): Broker {
  return createFourMethodBroker({ adapter, keyPrefix: "t", clock, now: () => 1_000_000 + clock.now() });
}

function emit(json: string, { onceId, on = broker }: { onceId?: string; on?: Broker } = {}): Promise<string> {
  return on.append("c", { event: "e.v", json, emitId: json, onceId }, KEEP, 5_000);
}

/** How each ends. */
async function ends(promises: ReadonlyArray<Promise<unknown>>): Promise<string[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => (result.status === "fulfilled" ? "stored" : (result.reason as { code: string }).code));
}

async function stored(): Promise<unknown[]> {
  return (await adapter.xrange("t:c")).map(({ payload }) => payload["d"]);
}

describe("appending", () => {
  it("keeps the order of the calls, whatever the adapter makes of it", async () => {
    let delay = 50;
    adapter.delaysAdd = () => new Promise((resolve) => clock.setTimeout(resolve, (delay -= 10)));
    const emits = ["1", "2", "3", "4"].map((json) => emit(json));
    await clock.advance(200);
    await Promise.all(emits);
    expect(await stored()).toEqual(["1", "2", "3", "4"]);
  });

  it("I8 Outage: what was never sent is not stored, what was sent and not answered is unknown", async () => {
    adapter.delaysAdd = () => NEVER;
    const emits = ["1", "2", "3"].map((json) => emit(json));
    const outcome = ends(emits);
    await clock.advance(5_000);
    expect(await outcome).toEqual(["outcome_unknown", "not_stored", "not_stored"]);
    adapter.delaysAdd = () => undefined;
    await clock.advance(10);
    const next = emit("4");
    await clock.advance(10);
    await next;
    expect(await stored()).toEqual(["4"]);
  });

  it("one that hangs holds up other channels not at all", async () => {
    adapter.delaysAdd = ({ d }) => (d === "1" ? NEVER : undefined);
    const hanging = ends([emit("1")]);
    await broker.append("other", { event: "e.v", json: "2", emitId: "2" }, KEEP, 5_000);
    await clock.advance(5_000);
    expect(await hanging).toEqual(["outcome_unknown"]);
  });

  it.each([
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "broker_refused"],
    ["OOM command not allowed when used memory > 'maxmemory'.", "broker_refused"],
    ["NOPERM User app has no permissions to run the 'xadd' command", "broker_refused"],
    // Set after the entry was stored.
    ["NOPERM User app has no permissions to run the 'expire' command", "outcome_unknown"],
    ["READONLY You can't write against a read only replica.", "not_stored"],
    ["Socket closed unexpectedly", "outcome_unknown"],
  ])("an adapter that rejects with %s: %s", async (text, code) => {
    adapter.fails = (call) => (call === "xadd" ? new Error(text) : undefined);
    await expect(emit("1")).rejects.toMatchObject({ code });
  });

  it("an xadd that resolves with no id leaves the outcome unknown", async () => {
    adapter.xadd = async () => "OK";
    await expect(emit("1")).rejects.toMatchObject({ code: "outcome_unknown" });
  });

  it("passes on what is to be kept, in whole seconds of at least one", async () => {
    const asked: Array<XAddOptions | undefined> = [];
    adapter.xadd = async (_channel, _payload, options) => `1-${asked.push(options)}`;
    const retentions: Retention[] = [
      { maxLength: 7, expireAfterMs: 1 },
      { maxLength: 0, expireAfterMs: 2_001 },
      { maxLength: Number.POSITIVE_INFINITY, expireAfterMs: Number.POSITIVE_INFINITY },
    ];
    for (const retention of retentions) await broker.append("c", { event: "e.v", json: "1", emitId: "1" }, retention, 5_000);
    expect(asked).toEqual([
      { maxLen: 7, expireAfterSecs: 1 },
      { maxLen: 100, expireAfterSecs: 3 },
      { expireAfterSecs: 2 ** 31 - 1 },
    ]);
  });
});

describe("the caller's own id of an event", () => {
  it("is stored once by one process, also when its log is gone", async () => {
    const [first, second] = await Promise.all([emit("1", { onceId: "order 7" }), emit("2", { onceId: "order 7" })]);
    expect(second).toBe(first);
    adapter.expire("t:c");
    expect(await emit("3", { onceId: "order 7" })).toBe(first);
    expect(await stored()).toEqual([]);
    await clock.advance(ONCE_MS + 1);
    expect(await emit("4", { onceId: "order 7" })).not.toBe(first);
  });

  it("is found in the log by another process, for five minutes", async () => {
    const first = await emit("1", { onceId: "order 7" });
    await emit("2");
    const other = open();
    expect(await emit("3", { onceId: "order 7", on: other })).toBe(first);
    expect(await emit("4", { onceId: "order 8", on: other })).not.toBe(first);
    await clock.advance(ONCE_MS + 1);
    expect(await emit("5", { onceId: "order 7", on: open() })).not.toBe(first);
  });

  it("stores nothing when it cannot look", async () => {
    adapter.fails = (call) => (call === "xrange" ? new Error("ECONNRESET") : undefined);
    await expect(emit("1", { onceId: "order 7" })).rejects.toMatchObject({ code: "not_stored" });
    adapter.fails = () => undefined;
    expect(await stored()).toEqual([]);
  });
});
