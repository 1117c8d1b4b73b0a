import { compareCursors, isOrigin, ORIGIN, timeOf, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { CaseDefinition } from "../broker-conformance.ts";
import { assert, assertEqual, until } from "./assert.ts";
import { append, appendMany, assertChained, idsOf, KEEP_ALL, lastOf, readAll, record, locateIn } from "./tools.ts";

/** Long against the pauses of a busy machine, for a store may count real time. */
const EXPIRE_AFTER_MS = 1_500;

export const retentionCases: readonly CaseDefinition[] = [
  {
    name: "F-26: a log keeps exactly maxLength entries, the newest",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 250, { ...KEEP_ALL, maxLength: 100 });
      const { entries, last } = await readAll(broker, "c");
      assertEqual(idsOf(entries), ids.slice(-100), "what is kept");
      assertEqual(entries[0]?.prev, ids.at(-101), "prev of the oldest that is kept");
      assertEqual(last, ids.at(-1), "last");
    },
  },
  {
    name: "F-26: a smaller maxLength trims at the next append, a larger one keeps more again",
    async check(store) {
      const broker = await store.open();
      await appendMany(broker, "c", 20, { ...KEEP_ALL, maxLength: 20 });
      const third = await append(broker, "c", "1", { ...KEEP_ALL, maxLength: 1 });
      assertEqual(idsOf((await readAll(broker, "c")).entries), [third], "after a smaller maxLength");
      const more = await appendMany(broker, "c", 4, { ...KEEP_ALL, maxLength: 3 });
      assertEqual(idsOf((await readAll(broker, "c")).entries), more.slice(-3), "after a larger one");
    },
  },
  {
    name: "maxLength Infinity never trims",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 1_500);
      assertEqual(idsOf((await readAll(broker, "c")).entries), ids, "what is kept");
    },
  },
  {
    name: "maxLength 0 keeps nothing, yet the log remembers its last id and is heard",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      const ids = await appendMany(broker, "c", 5, { ...KEEP_ALL, maxLength: 0 });
      assertEqual(await readAll(broker, "c"), { entries: [], last: lastOf(ids) }, "the log");
      assertEqual(await locateIn(broker, "c", { newest: 10 }), { after: lastOf(ids), last: lastOf(ids) }, "locate");
      await until(() => recorder.heard("c").length >= 5, "all five are heard");
      assertEqual(idsOf(recorder.heard("c")), ids, "heard");
      assertChained(recorder.heard("c"), "heard");
      assertEqual(recorder.heard("c")[0]?.prev, ORIGIN, "prev of the first");
    },
  },
  {
    name: "an announcement says how many entries its log keeps",
    async check(store) {
      const broker = await store.open();
      const recorder = record(broker);
      await recorder.listener.join("c");
      const lengths = [1_000, 1, 0, Number.POSITIVE_INFINITY, 7];
      for (const maxLength of lengths) await append(broker, "c", "1", { ...KEEP_ALL, maxLength });
      await until(() => recorder.heard("c").length >= lengths.length, "all are heard");
      assertEqual(
        recorder.heard("c").map((entry) => String(entry.keeps)),
        lengths.map(String),
        "keeps",
      );
    },
  },
  {
    name: "B-25: expireAfterMs drops the log that long after its last append; the next append begins a new life",
    async check(store) {
      const broker = await store.open();
      const retention = { maxLength: 10, expireAfterMs: EXPIRE_AFTER_MS };
      const first = await append(broker, "c", "1", retention);
      await store.elapse(EXPIRE_AFTER_MS * 0.6);
      const second = await append(broker, "c", "2", retention);
      await store.elapse(EXPIRE_AFTER_MS * 0.6);
      assertEqual(idsOf((await readAll(broker, "c")).entries), [first, second], "an append starts the time anew");
      await store.elapse(EXPIRE_AFTER_MS * 1.1);
      assertEqual(await readAll(broker, "c"), { entries: [], last: ORIGIN }, "after that time");
      assertEqual(await locateIn(broker, "c", { newest: 3 }), { after: ORIGIN, last: ORIGIN }, "locate after that time");
      const gone = (await broker.read("c", second, { pageBytes: 1_000 })).last;
      const isTold = gone === ORIGIN || timeOf(gone) - timeOf(second) >= EXPIRE_AFTER_MS;
      assert(isOrigin(gone) && isTold, `a log that ended with ${second} has expired by ${gone}`);
      const third = await append(broker, "c", "3", retention);
      const { entries } = await readAll(broker, "c");
      assertEqual(idsOf(entries), [third], "the new life");
      assertEqual(entries[0]?.prev, ORIGIN, "prev of its first entry");
      assert(compareCursors(third, second) > 0, `the new life's id ${third} is not above the old one's ${second}`);
    },
  },
  {
    name: "before a log is born and while it lives, what is said of times agrees with the ids",
    async check(store) {
      const broker = await store.open();
      const before = await broker.locate("c", { newest: 0 });
      // A broker that has no clock to tell says nothing of times at all.
      if (before.last === ORIGIN) return;
      assert(isOrigin(before.last), `the last id of no log is ${before.last}`);
      await store.elapse(10);
      const id = await append(broker, "c", "1");
      assert(timeOf(before.last) <= timeOf(id), `there was no log at ${before.last}, before ${id}`);
      const page = await broker.read("c", before.last, { pageBytes: 1_000 });
      assertEqual(idsOf(page.entries), [id], "what follows the time before it");
      const { aliveSince = 0 } = page;
      assert(aliveSince < timeOf(id) + 2_000, `the store lives since ${aliveSince}, and has an entry of ${id}`);
    },
  },
  {
    name: "expireAfterMs Infinity keeps a log that would have expired under an earlier retention",
    async check(store) {
      const broker = await store.open();
      const ids: RealtimeCursor[] = [
        await append(broker, "c", "1", { maxLength: 10, expireAfterMs: EXPIRE_AFTER_MS }),
        await append(broker, "c", "2", KEEP_ALL),
      ];
      await store.elapse(EXPIRE_AFTER_MS * 1.2);
      assertEqual(idsOf((await readAll(broker, "c")).entries), ids, "what is kept");
    },
  },
];
