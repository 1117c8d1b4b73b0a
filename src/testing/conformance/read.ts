import type { Entry } from "../../brokers/broker.ts";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { CaseDefinition } from "../broker-conformance.ts";
import { assert, assertEqual } from "./assert.ts";
import { append, appendMany, assertChained, idsOf, KEEP_ALL, lastOf, readAll } from "./tools.ts";

const LARGEST = "18446744073709551615-18446744073709551615" as RealtimeCursor;

/** JSON of exactly this many bytes. */
function jsonOfBytes(bytes: number): string {
  return `"${"x".repeat(bytes - 2)}"`;
}

export const readCases: readonly CaseDefinition[] = [
  {
    name: "read returns what follows a position, exclusive",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 10);
      assertEqual(idsOf((await readAll(broker, "c", ids[3])).entries), ids.slice(4), "after the fourth");
      assertEqual(await readAll(broker, "c", ids[9]), { entries: [], last: ids[9] }, "after the newest");
    },
  },
  {
    name: "read above the last id is empty, and so is read of a channel that was never written",
    async check(store) {
      const broker = await store.open();
      const [id] = await appendMany(broker, "c", 1);
      for (const after of ["18446744073709551614-0" as RealtimeCursor, LARGEST]) {
        assertEqual(await readAll(broker, "c", after), { entries: [], last: id }, `after ${after}`);
        assertEqual(await readAll(broker, "none", after), { entries: [], last: ORIGIN }, `after ${after} in no log`);
      }
      assertEqual(await readAll(broker, "none"), { entries: [], last: ORIGIN }, "after 0-0 in no log");
    },
  },
  {
    name: "read from a position that was trimmed begins with the oldest entry that is kept",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 12, { ...KEEP_ALL, maxLength: 4 });
      const { entries } = await readAll(broker, "c", ids[2]);
      assertEqual(idsOf(entries), ids.slice(-4), "entries");
      assertEqual(entries[0]?.prev, ids[7], "prev of the first");
    },
  },
  {
    name: "a page ends with the entry that reaches pageBytes",
    async check(store) {
      const broker = await store.open();
      const ids: RealtimeCursor[] = [];
      for (let at = 0; at < 40; at++) ids.push(await append(broker, "c", jsonOfBytes(100)));
      for (const [pageBytes, length] of [
        [1, 1],
        [100, 1],
        [101, 2],
        [250, 3],
        [1_000, 10],
        [1_001, 11],
        [3_999, 40],
        [1_000_000, 40],
      ] as const) {
        const { entries, last } = await broker.read("c", ORIGIN, { pageBytes });
        assertEqual(idsOf(entries), ids.slice(0, length), `a page of ${pageBytes} bytes`);
        assertEqual(last, ids[39], "last");
      }
    },
  },
  {
    name: "pageBytes counts bytes, not characters",
    async check(store) {
      const broker = await store.open();
      for (let at = 0; at < 4; at++) await append(broker, "c", '"🦉🦉🦉🦉"');
      for (const [pageBytes, length] of [
        [18, 1],
        [19, 2],
      ] as const) {
        const { entries } = await broker.read("c", ORIGIN, { pageBytes });
        assertEqual(entries.length, length, `entries of 18 bytes each in a page of ${pageBytes}`);
      }
    },
  },
  {
    name: "an entry larger than a page is a page of its own",
    async check(store) {
      const broker = await store.open();
      for (const bytes of [10, 500_000, 500_000, 10]) await append(broker, "c", jsonOfBytes(bytes));
      const sizes: number[] = [];
      let after: RealtimeCursor = ORIGIN;
      for (let page = 0; page < 3; page++) {
        const { entries } = await broker.read("c", after, { pageBytes: 1_000 });
        sizes.push(entries.length);
        after = lastOf(entries).id;
      }
      assertEqual(sizes, [2, 1, 1], "entries of the pages");
    },
  },
  {
    name: "read returns at most count entries",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 30);
      for (const count of [1, 7, 29, 30, 31, 1_000]) {
        const { entries, last } = await broker.read("c", ORIGIN, { pageBytes: 1_000_000, count });
        assertEqual(idsOf(entries), ids.slice(0, count), `count ${count}`);
        assertEqual(last, ids[29], "last");
      }
    },
  },
  {
    name: "pages walk a whole log, in order and without a hole",
    async check(store) {
      const broker = await store.open();
      const pending: Array<Promise<RealtimeCursor>> = [];
      for (let at = 0; at < 1_200; at++) pending.push(append(broker, "c", jsonOfBytes(2 + ((at * 37) % 900))));
      const ids = await Promise.all(pending);
      const walked: Entry[] = [];
      let after: RealtimeCursor = ORIGIN;
      for (;;) {
        const { entries, last } = await broker.read("c", after, { pageBytes: 16_384 });
        walked.push(...entries);
        after = entries.at(-1)?.id ?? after;
        if (after === last) break;
        assert(entries.length > 0, "a page before the end is empty");
      }
      assertEqual(idsOf(walked), ids, "walked");
      assertChained(walked, "walked");
    },
  },
  {
    name: "the entries and the last id of a page are of the same instant",
    async check(store) {
      const [reader, writer] = [await store.open(), await store.open()];
      let writing = true;
      const written = (async () => {
        for (let round = 0; round < 40; round++) await appendMany(writer, "c", 20, { ...KEEP_ALL, maxLength: 30 });
        writing = false;
      })();
      while (writing) {
        const { entries, last } = await readAll(reader, "c");
        assert(entries.length <= 30, `a page holds ${entries.length} entries of a log of 30`);
        assertChained(entries, "a page");
        const end = entries.at(-1);
        if (end) assert(compareCursors(end.id, last) === 0, `the page ends at ${end.id}, the log at ${last}`);
        else assertEqual(last, ORIGIN, "the last id of an empty page");
      }
      await written;
    },
  },
];
