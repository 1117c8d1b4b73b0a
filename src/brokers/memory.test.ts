import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { ORIGIN } from "../protocol/cursor.ts";
import { ONCE_MS } from "../protocol/limits.ts";
import { brokerConformance } from "../testing/broker-conformance.ts";
import type { Broker, Entry } from "./broker.ts";
import { createMemoryBroker, type MemoryBrokerOptions } from "./memory.ts";

const KEEP = { maxLength: 100, expireAfterMs: Number.POSITIVE_INFINITY };

function emit(broker: Broker, channel: string, json = "1", retention = KEEP): Promise<string> {
  return broker.append(channel, { event: "a.b", json, emitId: "e" }, retention, 1_000);
}

describe("conformance", () => {
  const cases = brokerConformance(
    async () => {
      let now = 1_700_000_000_000;
      const broker = createMemoryBroker({ now: () => now });
      return {
        open: async () => broker,
        elapse: async (ms) => void (now += ms),
        close: () => broker.close(),
      };
    },
    {
      skip: [
        {
          name: "I7 Return: an interrupted listener is told once of each channel that it was lost, then that its channels are heard again",
          reason: "there is no connection to interrupt",
        },
      ],
    },
  );
  // A case that is left out says why in `skip`.
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);

  it("refuses to skip a case that does not exist", () => {
    expect(() => brokerConformance(async () => expect.fail(), { skip: [{ name: "no such case", reason: "" }] })).toThrow(
      "no such case",
    );
  });
});

describe("ids", () => {
  it("forgets a caller's id after five minutes", async () => {
    let now = 1_000;
    const broker = createMemoryBroker({ now: () => now });
    const once = (onceId: string) =>
      broker.append("c", { event: "e.v", json: "1", emitId: "e", onceId }, { maxLength: 9, expireAfterMs: Infinity }, 1_000);
    const first = await once("a");
    now += ONCE_MS / 2;
    await once("b");
    now += ONCE_MS / 2 - 1;
    expect(await once("a")).toBe(first);
    now += 1;
    expect(await once("a")).not.toBe(first);
    expect((await broker.read("c", ORIGIN, { pageBytes: 1e6 })).entries).toHaveLength(3);
  });

  it("I3 Order: strictly increase when the clock is set back", async () => {
    let now = 1_000_000;
    const broker = createMemoryBroker({ now: () => now, random: () => 0 });
    const ids = [await emit(broker, "c")];
    now -= 500_000;
    ids.push(await emit(broker, "c"));
    now += 600_000;
    ids.push(await emit(broker, "c"));
    expect(ids).toEqual(["1000000-0", "1000000-1", "1100000-0"]);
  });

  it("begin at a random sequence, so that a cursor of another life does not look valid by chance", async () => {
    const ids = new Set<string>();
    for (let life = 0; life < 20; life++) ids.add(await emit(createMemoryBroker({ now: () => 5 }), "c"));
    expect(ids.size).toBe(20);
  });
});

describe("announcing", () => {
  async function joined(options?: MemoryBrokerOptions): Promise<{ broker: Broker; heard: Entry[] }> {
    const heard: Entry[] = [];
    const broker = createMemoryBroker(options);
    const listener = broker.listen({ entry: (_, entry) => heard.push(entry), moved() {}, lost() {}, restored() {} });
    await listener.join("c");
    return { broker, heard };
  }

  it("hands a burst over in one turn", async () => {
    const turns: Array<() => void> = [];
    const { broker, heard } = await joined({ defer: (run) => turns.push(run) });
    await Promise.all(Array.from({ length: 100 }, () => emit(broker, "c")));
    expect([turns.length, heard.length]).toEqual([1, 0]);
    turns.pop()?.();
    expect(heard).toHaveLength(100);
    await emit(broker, "c");
    expect(turns).toHaveLength(1);
  });

  it("says nothing after close, though something was waiting", async () => {
    const turns: Array<() => void> = [];
    const { broker, heard } = await joined({ defer: (run) => turns.push(run) });
    await emit(broker, "c");
    await broker.close();
    turns.pop()?.();
    expect(heard).toEqual([]);
  });
});

describe("memory", () => {
  it("is freed by later appends when logs have expired, without a timer", async () => {
    let now = 0;
    const broker = createMemoryBroker({ now: () => now });
    for (let at = 0; at < 50; at++) await emit(broker, `old${at}`, "1", { ...KEEP, expireAfterMs: 1_000 });
    const weak = await weakEntry(broker, "old0");
    now = 2_000;
    for (let at = 0; at < 30; at++) await emit(broker, `new${at}`);
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("gc");
    await vi.waitFor(() => {
      (collect as () => void)();
      expect(weak.deref() === undefined).toBe(true);
    });
  });
});

describe("sweeping", () => {
  const gone = (weak: ReadonlyArray<WeakRef<Entry>>): number => weak.filter((each) => each.deref() === undefined).length;
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;

  it.each([
    { name: "one that lives for ever", emitMore: (broker: Broker) => emit(broker, "config") },
    { name: "one that is appended to all the time", emitMore: (broker: Broker) => emit(broker, "busy") },
  ])("drops every expired log within a bounded number of appends, behind $name", async ({ emitMore }) => {
    let now = 0;
    const broker = createMemoryBroker({ now: () => now });
    await emit(broker, "config");
    const weak: Array<WeakRef<Entry>> = [];
    for (let at = 0; at < 50; at++) {
      // Not in the order in which they expire.
      await emit(broker, `old${at}`, "1", { ...KEEP, expireAfterMs: 1_000 + ((at * 7) % 50) });
      await emit(broker, `kept${at}`);
      weak.push(await weakEntry(broker, `old${at}`));
    }
    now = 2_000;
    for (let at = 0; at < 110; at++) await emitMore(broker);
    await vi.waitFor(() => {
      collect();
      expect(gone(weak)).toBe(50);
    });
    expect((await broker.read("kept0", ORIGIN, { pageBytes: 1 })).entries).toHaveLength(1);
  });
});

async function weakEntry(broker: Broker, channel: string): Promise<WeakRef<Entry>> {
  return new WeakRef((await broker.read(channel, ORIGIN, { pageBytes: 1 })).entries[0] as Entry);
}
