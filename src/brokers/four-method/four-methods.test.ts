import { describe, expect, it } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { isFourMethodAdapter } from "./adapter.ts";
import { fourMethods } from "./four-methods.ts";
import { fourMethodIdentity } from "./identity.ts";

const ENTRIES = [["5-1", ["message", '{"n":1}']]];

describe("fourMethods", () => {
  it.each([
    ["RESP2", [["app:x:c", ENTRIES]]],
    ["RESP3 as a flat list", ["app:x:c", ENTRIES]],
    ["RESP3 as an object", { "app:x:c": ENTRIES }],
    ["RESP3 as a Map", new Map([["app:x:c", ENTRIES]])],
  ])("F-6: reads the reply of XREAD in %s", async (_, reply) => {
    const adapter = fourMethods(async () => reply, { prefix: "x:", clientPrefix: "app:" });
    const found = await adapter.xread({ channels: ["b", "c"], cursors: ["0-0", "5-0"] });
    expect(found).toEqual([{ channel: "c", messages: [{ id: "5-1", payload: { n: 1 } }] }]);
  });

  it("F-5: an entry of someone else comes as its fields", async () => {
    const fields = [
      ["1-0", ["event", "a.b", "data", "1"]],
      ["2-0", ["message", "no JSON"]],
      ["3-0", ["message", "5"]],
    ];
    const entries = await fourMethods(async () => fields).xrange("c");
    expect(entries.map(({ payload }) => payload)).toEqual([
      { event: "a.b", data: "1" },
      { message: "no JSON" },
      { message: "5" },
    ]);
  });

  it("B-1: a waiting xread looks every 100 ms and never blocks the connection", async () => {
    const clock = fakeClock();
    const sent: string[] = [];
    const command = async (name: string, args: readonly string[]): Promise<unknown> => {
      sent.push([name, ...args].join(" "));
      return sent.length > 3 ? [["c", ENTRIES]] : null;
    };
    const reading = fourMethods(command, { clock }).xread({ channels: ["c"], cursors: ["5-0"], blockMs: 1_000, count: 9 });
    await clock.advance(299);
    expect(sent).toEqual(Array.from({ length: 3 }, () => "XREAD COUNT 9 STREAMS c 5-0"));
    await clock.advance(1);
    expect(await reading).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("F-6: a signal ends the wait at once, and the time does", async () => {
    const clock = fakeClock();
    let sent = 0;
    const adapter = fourMethods(async () => void sent++, { clock });
    const abort = new AbortController();
    const aborted = adapter.xread({ channels: ["c"], cursors: ["0-0"], blockMs: 60_000, signal: abort.signal });
    await clock.advance(150);
    abort.abort();
    expect(await aborted).toEqual([]);
    expect([sent, clock.pending]).toEqual([2, 0]);
    expect(await adapter.xread({ channels: ["c"], cursors: ["0-0"], blockMs: 60_000, signal: abort.signal })).toEqual([]);
    const timed = adapter.xread({ channels: ["c"], cursors: ["0-0"], blockMs: 250 });
    await clock.advance(250);
    expect(await timed).toEqual([]);
    expect([sent, clock.pending]).toEqual([6, 0]);
  });
});

describe("four-method adapters", () => {
  it("F-3: any object with the four methods is one", () => {
    const adapter = fourMethods(async () => null);
    expect(isFourMethodAdapter(adapter)).toBe(true);
    for (const name of ["xadd", "xrange", "xread", "getLatestCursor"]) {
      expect(isFourMethodAdapter({ ...adapter, [name]: undefined }), name).toBe(false);
    }
    for (const value of [undefined, null, "redis://localhost", () => {}, {}]) expect(isFourMethodAdapter(value)).toBe(false);
  });

  it("each has a name of its own that stays", () => {
    const [one, other] = [fourMethods(async () => null), fourMethods(async () => null)];
    expect(fourMethodIdentity(one)).toBe(fourMethodIdentity(one));
    expect(fourMethodIdentity(one)).not.toBe(fourMethodIdentity(other));
  });
});
