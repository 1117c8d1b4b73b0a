import type { RedisAdapter, XReadArgs } from "../../brokers/four-method/adapter.ts";
import type { AdapterCaseDefinition } from "../adapter-conformance.ts";
import { add, addMany, idsOf, settles, watch } from "./adapter-tools.ts";
import { assert, assertEqual, pause } from "./assert.ts";

/** The ids that one read brought, by channel. */
async function read(adapter: RedisAdapter, args: XReadArgs): Promise<Record<string, string[]>> {
  const found = await adapter.xread(args);
  return Object.fromEntries(
    found
      .filter(({ messages }) => messages.length > 0)
      .map(({ channel, messages }) => [channel, idsOf(messages)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What `xread` has to do. */
export const adapterReadCases: readonly AdapterCaseDefinition[] = [
  {
    name: "F-6: xread returns what stands above the cursor of each channel, and only channels that have something",
    async check(store) {
      const adapter = await store.open();
      const [a, b, c] = [await addMany(adapter, "a", 5), await addMany(adapter, "b", 3), await addMany(adapter, "c", 2)];
      assertEqual(
        await read(adapter, { channels: ["c", "none", "a", "b"], cursors: [c[1] ?? "", "0-0", a[1] ?? "", "0-0"] }),
        { a: a.slice(2), b },
        "xread",
      );
      assertEqual(await read(adapter, { channels: ["a"], cursors: ["1-0"] }), { a }, "from an id that is none of them");
    },
  },
  {
    name: "F-6: xread returns at most count entries of each channel, the oldest",
    async check(store) {
      const adapter = await store.open();
      const [a, b] = [await addMany(adapter, "a", 9), await addMany(adapter, "b", 3)];
      const found = await read(adapter, { channels: ["a", "b"], cursors: [a[0] ?? "", "0-0"], count: 4 });
      assertEqual(found, { a: a.slice(1, 5), b }, "xread");
    },
  },
  {
    name: "xread without blockMs does not wait",
    async check(store) {
      const adapter = await store.open();
      const [id = ""] = await addMany(adapter, "a", 1);
      const reading = watch(read(adapter, { channels: ["a", "none"], cursors: [id, "0-0"] }));
      await settles(reading.promise, "an xread without blockMs returns");
      assertEqual(await reading.promise, {}, "xread");
    },
  },
  {
    name: "F-6: xread with blockMs returns when that time is over",
    async check(store) {
      const adapter = await store.open();
      const reading = watch(read(adapter, { channels: ["a"], cursors: ["0-0"], blockMs: 300 }));
      await settles(reading.promise, "an xread with a blockMs of 300 returns");
      assertEqual(await reading.promise, {}, "xread");
    },
  },
  {
    name: "what is added while an xread waits is found by it, or by the next one",
    async check(store) {
      const [adapter, writer] = [await store.open(), await store.open()];
      const [first = ""] = await addMany(writer, "b", 1);
      const reading = read(adapter, { channels: ["a", "b"], cursors: ["0-0", first], blockMs: 1_000 });
      await pause(50);
      const id = await add(writer, "b", { n: 1 });
      let found = await reading;
      for (let again = 0; again < 20 && !found["b"]; again++) {
        found = await read(adapter, { channels: ["a", "b"], cursors: ["0-0", first], blockMs: 1_000 });
      }
      assertEqual(found, { b: [id] }, "xread");
    },
  },
  {
    name: "B-1: an xread that waits holds up no other call",
    async check(store) {
      const adapter = await store.open();
      const abort = new AbortController();
      const reading = watch(adapter.xread({ channels: ["quiet"], cursors: ["0-0"], blockMs: 5_000, signal: abort.signal }));
      await pause(50);
      const wasWaiting = !reading.isSettled;
      const id = await add(adapter, "c", { n: 1 }, { maxLen: 10, expireAfterSecs: 60 });
      assertEqual(idsOf(await adapter.xrange("c")), [id], "xrange");
      assertEqual(await adapter.getLatestCursor("c"), id, "getLatestCursor");
      // One that does not wait at all is polled, and holds up nothing either.
      assert(
        !wasWaiting || !reading.isSettled,
        "the other calls were answered only after the xread: it needs a connection of its own",
      );
      abort.abort();
      await reading.promise.catch(() => {});
    },
  },
  {
    name: "F-6: an xread that waits ends when its signal aborts",
    async check(store) {
      const adapter = await store.open();
      const abort = new AbortController();
      // Longer than anyone waits for it below.
      const reading = watch(adapter.xread({ channels: ["c"], cursors: ["0-0"], blockMs: 60_000, signal: abort.signal }));
      await pause(20);
      abort.abort();
      await settles(reading.promise, "an xread whose signal has aborted settles");
      const [id] = await addMany(adapter, "c", 1);
      assertEqual(await read(adapter, { channels: ["c"], cursors: ["0-0"] }), { c: [id] }, "the next xread");
    },
  },
  {
    name: "a second xread while the first one waits is answered",
    async check(store) {
      const adapter = await store.open();
      const [id] = await addMany(adapter, "b", 1);
      const abort = new AbortController();
      const first = watch(adapter.xread({ channels: ["a"], cursors: ["0-0"], blockMs: 2_000, signal: abort.signal }));
      await pause(20);
      const second = watch(read(adapter, { channels: ["a", "b"], cursors: ["0-0", "0-0"], blockMs: 2_000 }));
      abort.abort();
      await settles(second.promise, "the second xread returns");
      assertEqual(await second.promise, { b: [id] }, "the second xread");
      await first.promise.catch(() => {});
    },
  },
  {
    name: "xread reads a thousand channels at once",
    async check(store) {
      const adapter = await store.open();
      const channels = Array.from({ length: 1_000 }, (_, at) => `room:${at}`);
      const [id] = await addMany(adapter, "room:500", 1);
      assertEqual(await read(adapter, { channels, cursors: channels.map(() => "0-0") }), { "room:500": [id] }, "xread");
    },
  },
  {
    name: "what one process adds, another one reads",
    async check(store) {
      const [one, other] = [await store.open(), await store.open()];
      const [id] = await addMany(one, "c", 1);
      assertEqual(await read(other, { channels: ["c"], cursors: ["0-0"] }), { c: [id] }, "xread");
      assertEqual(idsOf(await other.xrange("c")), [id], "xrange");
      assertEqual(await other.getLatestCursor("c"), id, "getLatestCursor");
    },
  },
];
