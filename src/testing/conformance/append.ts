import type { Broker, Retention } from "../../brokers/broker.ts";
import { compareCursors, isRealtimeCursor, ORIGIN, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { CaseDefinition } from "../broker-conformance.ts";
import { assert, assertEqual, until } from "./assert.ts";
import { HOSTILE } from "./hostile.ts";
import { append, appendMany, assertChained, idsOf, jsonsOf, KEEP_ALL, readAll, record, TIMEOUT_MS } from "./tools.ts";

export const appendCases: readonly CaseDefinition[] = [
  {
    name: "F-23: every append stores one entry and resolves with its id",
    async check(store) {
      const broker = await store.open();
      const id = await broker.append("c", { event: "chat.message", json: '{"n":1}', emitId: "e1" }, KEEP_ALL, TIMEOUT_MS);
      assert(isRealtimeCursor(id) && id !== ORIGIN, `expected an id like 1700000000000-0, got ${id}`);
      const page = await readAll(broker, "c");
      assertEqual(
        page.entries.map(({ id, prev, event, json }) => ({ id, prev, event, json })),
        [{ id, prev: ORIGIN, event: "chat.message", json: '{"n":1}' }],
        "the log",
      );
      assertEqual(page.last, id, "last");
    },
  },
  {
    name: "an append that repeats the caller's id stores nothing, and resolves with the id of the first",
    async check(store) {
      const [broker, other] = [await store.open(), await store.open()];
      const once = (on: Broker, channel: string, json: string, onceId: string) =>
        on.append(channel, { event: "test.event", json, emitId: `once ${json}`, onceId }, KEEP_ALL, TIMEOUT_MS);
      const ids = await Promise.all([
        once(broker, "c", "1", "order {7}"),
        once(other, "c", "2", "order {7}"),
        once(broker, "c", "3", "order {7}"),
      ]);
      assertEqual(new Set(ids).size, 1, "different ids of one event");
      await once(broker, "d", "4", "order {7}");
      assert((await once(broker, "c", "5", "order 8")) !== ids[0], "another event got the id of the first");
      assertEqual((await readAll(broker, "c")).entries.length, 2, "entries of the channel");
      assertEqual((await readAll(broker, "d")).entries.length, 1, "entries of another channel");
    },
  },
  {
    name: "a caller's id outlives its log",
    async check(store) {
      const broker = await store.open();
      const brief: Retention = { maxLength: 10, expireAfterMs: 100 };
      const once = (json: string) =>
        broker.append("c", { event: "test.event", json, emitId: `once ${json}`, onceId: "order 7" }, brief, TIMEOUT_MS);
      const first = await once("1");
      await store.elapse(400);
      assertEqual((await readAll(broker, "c")).entries.length, 0, "entries after the log has expired");
      assertEqual(await once("2"), first, "the id of a repeated append");
      assertEqual((await readAll(broker, "c")).entries.length, 0, "entries after a repeated append");
    },
  },
  {
    name: "I3 Order: ids strictly increase, also within one millisecond",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 300);
      for (let at = 1; at < ids.length; at++) {
        const order = compareCursors(ids[at] as RealtimeCursor, ids[at - 1] as RealtimeCursor);
        assert(order > 0, `id ${at}, ${ids[at]}, is not above ${ids[at - 1]}`);
      }
    },
  },
  {
    name: "I4 Chain: each entry names the id before it, and the first one 0-0",
    async check(store) {
      const broker = await store.open();
      await appendMany(broker, "c", 50);
      const { entries } = await readAll(broker, "c");
      assertEqual(entries.length, 50, "entries");
      assertEqual(entries[0]?.prev, ORIGIN, "prev of the first entry");
      assertChained(entries, "the log");
    },
  },
  {
    name: "appends that nobody awaited are stored in call order",
    async check(store) {
      const broker = await store.open();
      const pending: Array<Promise<unknown>> = [];
      for (let at = 0; at < 500; at++) pending.push(append(broker, at % 2 === 0 ? "even" : "odd", String(at)));
      await Promise.all(pending);
      for (const [channel, first] of [
        ["even", 0],
        ["odd", 1],
      ] as const) {
        const { entries } = await readAll(broker, channel);
        const expected = Array.from({ length: 250 }, (_, at) => String(first + 2 * at));
        assertEqual(jsonsOf(entries), expected, channel);
      }
    },
  },
  {
    name: "B-15: hostile strings come back byte for byte, heard and read",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      for (const json of HOSTILE) await append(broker, "c", json);
      await until(() => recorder.heard("c").length >= HOSTILE.length, "every hostile string is heard");
      assertEqual(jsonsOf(recorder.heard("c")), HOSTILE, "heard");
      assertEqual(jsonsOf((await readAll(broker, "c")).entries), HOSTILE, "read");
    },
  },
  {
    name: "a payload of 1 MB comes back byte for byte, heard and read",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      const json = JSON.stringify("ü1".repeat(350_000));
      await append(broker, "c", json);
      await until(() => recorder.heard("c").length > 0, "the entry is heard");
      assert(recorder.heard("c")[0]?.json === json, "what was heard differs");
      assert((await readAll(broker, "c")).entries[0]?.json === json, "what was read differs");
    },
  },
  {
    name: "channels do not mix, however much their names resemble each other",
    async check(store) {
      const broker = await store.open();
      const names = [
        "a",
        "a:a",
        "A",
        "a:",
        ":a",
        "a:live:0",
        "a.b",
        "-",
        "a/b",
        "a=b",
        "a@b",
        "a+b",
        "~a",
        "1",
        "a".repeat(128),
      ];
      const recorder = record(broker);
      for (const name of names) await recorder.listener.join(name);
      for (const name of names) await append(broker, name, JSON.stringify(name));
      for (const name of names) {
        const json = JSON.stringify(name);
        await until(() => recorder.heard(name).length > 0, `${name} is heard`);
        assertEqual(jsonsOf(recorder.heard(name)), [json], `heard on ${name}`);
        assertEqual(jsonsOf((await readAll(broker, name)).entries), [json], `read from ${name}`);
      }
    },
  },
  {
    name: "B-12: concurrent writers make one chain, and every listener hears it in log order",
    async check(store) {
      const [one, two] = [await store.open(), await store.open()];
      const recorders = [record(one), record(two)];
      for (const { listener } of recorders) await listener.join("c");
      const pending: Array<Promise<unknown>> = [];
      for (let at = 0; at < 400; at++) {
        pending.push(append(at % 2 === 0 ? one : two, "c", String(at)));
        if (at % 40 === 39) await Promise.race(pending.slice(-40));
      }
      await Promise.all(pending);
      const { entries } = await readAll(one, "c");
      assertEqual(entries.length, 400, "entries");
      assertChained(entries, "the log");
      for (const recorder of recorders) {
        await until(() => recorder.heard("c").length >= 400, "every entry is heard");
        assertEqual(idsOf(recorder.heard("c")), idsOf(entries), "heard");
        assertChained(recorder.heard("c"), "heard");
      }
    },
  },
];
