import { ORIGIN, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { CaseDefinition } from "../broker-conformance.ts";
import { assertEqual } from "./assert.ts";
import { append, appendMany, idsOf, KEEP_ALL, lastOf, readAll, locateIn } from "./tools.ts";

export const locateCases: readonly CaseDefinition[] = [
  {
    name: "locate finds the position before the newest n",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 1_000);
      const last = lastOf(ids);
      for (const newest of [1, 2, 3, 50, 333, 501, 999]) {
        assertEqual(await locateIn(broker, "c", { newest }), { after: ids.at(-newest - 1), last }, `newest ${newest}`);
      }
      for (const newest of [1_000, 1_001, 1_000_000]) {
        assertEqual(await locateIn(broker, "c", { newest }), { after: ORIGIN, last }, `newest ${newest}`);
      }
    },
  },
  {
    name: "locate with newest 0 asks for the last id alone",
    async check(store) {
      const broker = await store.open();
      assertEqual(await locateIn(broker, "c", { newest: 0 }), { after: ORIGIN, last: ORIGIN }, "no log");
      const ids = await appendMany(broker, "c", 3);
      assertEqual(await locateIn(broker, "c", { newest: 0 }), { after: ids[2], last: ids[2] }, "a log");
    },
  },
  {
    name: "locate in a log that was trimmed gives the position before the oldest entry that is kept",
    async check(store) {
      const broker = await store.open();
      const ids = await appendMany(broker, "c", 20, { ...KEEP_ALL, maxLength: 5 });
      assertEqual(await locateIn(broker, "c", { newest: 100 }), { after: ids[14], last: ids[19] }, "newest 100");
      assertEqual(idsOf((await readAll(broker, "c", ids[14])).entries), ids.slice(15), "read from there");
    },
  },
  {
    name: "locate counts within start and end, both inclusive",
    async check(store) {
      const broker = await store.open();
      const ids: RealtimeCursor[] = [];
      for (let at = 0; at < 12; at++) ids.push(await append(broker, "c", String(at)));
      const last = lastOf(ids);
      const cases = [
        [{ newest: 3, end: ids[7] }, ids[4]],
        [{ newest: 100, start: ids[5] }, ids[4]],
        [{ newest: 2, start: ids[5], end: ids[8] }, ids[6]],
        [{ newest: 100, start: ids[5], end: ids[5] }, ids[4]],
        [{ newest: 100, end: ids[0] }, ORIGIN],
        [{ newest: 100, start: ids[8], end: ids[5] }, last],
        [{ newest: 100, start: "18446744073709551615-0" as RealtimeCursor }, last],
        [{ newest: 100, end: ORIGIN }, last],
        [{ newest: 0, start: ids[5], end: ids[8] }, last],
        [{ newest: 100, start: ORIGIN, end: "18446744073709551615-18446744073709551615" as RealtimeCursor }, ORIGIN],
      ] as const;
      for (const [range, after] of cases) {
        assertEqual(await locateIn(broker, "c", range), { after, last }, JSON.stringify(range));
      }
    },
  },
];
