import type { AdapterCaseDefinition } from "../adapter-conformance.ts";
import { add, addMany, assertRising, idsOf } from "./adapter-tools.ts";
import { assert, assertEqual } from "./assert.ts";
import { HOSTILE } from "./hostile.ts";

const LARGEST = "18446744073709551615-18446744073709551615";

/** What `xadd`, `xrange` and `getLatestCursor` have to do. */
export const adapterStoreCases: readonly AdapterCaseDefinition[] = [
  {
    name: "F-4: xadd appends one entry and resolves with its id",
    async check(store) {
      const adapter = await store.open();
      const id = await add(adapter, "c", { text: "hello" });
      assertEqual(await adapter.xrange("c"), [{ id, payload: { text: "hello" } }], "xrange");
    },
  },
  {
    name: "F-23: ids strictly rise, also within one millisecond",
    async check(store) {
      const adapter = await store.open();
      assertRising(await addMany(adapter, "c", 200), "awaited");
      const ids = await Promise.all(Array.from({ length: 200 }, (_, n) => add(adapter, "d", { n })));
      assertRising(idsOf(await adapter.xrange("d")), "not awaited");
      assertEqual(new Set(ids).size, 200, "different ids");
    },
  },
  {
    name: "B-15: a payload comes back as it was, whatever its texts look like",
    async check(store) {
      const adapter = await store.open();
      const payloads: Array<Record<string, unknown>> = [
        ...HOSTILE.map((text) => ({ text, n: 1 })),
        { text: "", zero: 0, no: false, yes: true, nothing: null, negative: -1.5 },
        { list: [1, "1", [true, "true"]], object: { a: { b: "{}" } } },
        { id: "5-1", message: "m", payload: "p", event: "e", data: "d", "a b": "name with a space", ü: "ü" },
      ];
      for (const payload of payloads) await add(adapter, "c", payload);
      assertEqual(
        (await adapter.xrange("c")).map((entry) => sorted(entry.payload)),
        payloads.map(sorted),
        "xrange",
      );
      const [found] = await adapter.xread({ channels: ["c"], cursors: ["0-0"] });
      assertEqual(
        found?.messages.map((entry) => sorted(entry.payload)),
        payloads.map(sorted),
        "xread",
      );
    },
  },
  {
    name: "a payload of 1 MB comes back as it was",
    async check(store) {
      const adapter = await store.open();
      const text = "ü1".repeat(350_000);
      await add(adapter, "c", { text });
      const [entry] = await adapter.xrange("c");
      assert(entry?.payload["text"] === text, "what came back differs");
    },
  },
  {
    name: "F-4: maxLen keeps so many entries, the newest; without it all are kept",
    async check(store) {
      const adapter = await store.open();
      const ids = await addMany(adapter, "c", 60);
      assertEqual(idsOf(await adapter.xrange("c")), ids, "without maxLen");
      const more = await addMany(adapter, "c", 30, { maxLen: 20 });
      assertEqual(idsOf(await adapter.xrange("c")), more.slice(-20), "with maxLen 20");
      const last = await add(adapter, "c", { n: 0 }, { maxLen: 1 });
      assertEqual(idsOf(await adapter.xrange("c")), [last], "with maxLen 1");
    },
  },
  {
    name: "F-4: a stream expires expireAfterSecs after the last entry that set it",
    async check(store) {
      const adapter = await store.open();
      const first = await add(adapter, "c", { n: 0 }, { expireAfterSecs: 2 });
      await store.elapse(1_300);
      const second = await add(adapter, "c", { n: 0 }, { expireAfterSecs: 2, maxLen: 10 });
      await store.elapse(1_300);
      assertEqual(idsOf(await adapter.xrange("c")), [first, second], "an entry starts the time anew");
      await store.elapse(2_000);
      assertEqual(await adapter.xrange("c"), [], "xrange after that time");
      assertEqual(await adapter.getLatestCursor("c"), null, "getLatestCursor after that time");
      const third = await add(adapter, "c", { n: 0 }, { expireAfterSecs: 2 ** 31 - 1 });
      assertRising([second, third], "the next life");
    },
  },
  {
    name: "F-5: xrange returns entries oldest first, with start and end included",
    async check(store) {
      const adapter = await store.open();
      const ids = await addMany(adapter, "c", 12);
      const [start, end] = [ids[3], ids[8]];
      assertEqual(await adapter.xrange("none"), [], "of no stream");
      assertEqual(idsOf(await adapter.xrange("c", { start })), ids.slice(3), "from an id");
      assertEqual(idsOf(await adapter.xrange("c", { end })), ids.slice(0, 9), "to an id");
      assertEqual(idsOf(await adapter.xrange("c", { start, end })), ids.slice(3, 9), "from one id to another");
      assertEqual(await adapter.xrange("c", { start: end, end: start }), [], "backwards");
      assertEqual(await adapter.xrange("c", { start: LARGEST }), [], "behind the end");
      assertEqual(idsOf(await adapter.xrange("c", { start: "1-0" })), ids, "from an id that is none of them");
    },
  },
  {
    name: "F-5: xrange returns fewer than count only when there are no more",
    async check(store) {
      const adapter = await store.open();
      const ids = await addMany(adapter, "c", 700);
      for (const count of [1, 33, 513, 700]) {
        assertEqual(idsOf(await adapter.xrange("c", { count })), ids.slice(0, count), `count ${count}`);
      }
      assertEqual(idsOf(await adapter.xrange("c", { start: ids[690], count: 513 })), ids.slice(690), "near the end");
    },
  },
  {
    name: "F-7: getLatestCursor is the newest entry's id, and null when there is none",
    async check(store) {
      const adapter = await store.open();
      assertEqual(await adapter.getLatestCursor("c"), null, "of no stream");
      for (const id of await addMany(adapter, "c", 3)) assert(id !== null, "an id");
      const last = await add(adapter, "c", { n: 0 }, { maxLen: 1 });
      assertEqual(await adapter.getLatestCursor("c"), last, "of a stream");
      assertEqual(await adapter.getLatestCursor("d"), null, "of another one");
    },
  },
  {
    name: "streams do not mix, however much their names resemble each other",
    async check(store) {
      const adapter = await store.open();
      const names = [
        "a",
        "a:a",
        "A",
        "a:",
        ":a",
        "tidings:a",
        "a.b",
        "-",
        "a/b",
        "a=b",
        "a@b",
        "a+b",
        "~a",
        "1",
        "a".repeat(256),
      ];
      const added = new Map<string, string>();
      for (const name of names) added.set(name, await add(adapter, name, { name }));
      for (const name of names) {
        const id = added.get(name);
        assertEqual(await adapter.xrange(name), [{ id, payload: { name } }], name);
        assertEqual(await adapter.getLatestCursor(name), id, name);
      }
      const read = await adapter.xread({ channels: names, cursors: names.map(() => "0-0") });
      assertEqual(
        read.map(({ channel, messages }) => [channel, idsOf(messages)]).sort(byName),
        [...added].map(([name, id]) => [name, [id]]).sort(byName),
        "xread",
      );
    },
  },
];

function byName([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}

/** An adapter need not keep the order of the fields. */
function sorted(payload: Record<string, unknown>): Array<readonly [string, unknown]> {
  return Object.entries(payload).sort(byName);
}
