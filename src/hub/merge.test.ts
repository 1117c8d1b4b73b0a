import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entry, Page } from "../brokers/broker.ts";
import { compareCursors, ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { isComplete, isNewborn, judge } from "./merge.ts";

const at = (n: number): RealtimeCursor => `${n}-0` as RealtimeCursor;

/** A page of a log whose entries are `ids`; the first chains to `before`. */
function page(
  ids: readonly number[],
  { before = 0, last = ids.at(-1) ?? before }: { before?: number; last?: number } = {},
): Page {
  const entries = ids.map((id, index): Entry => ({ id: at(id), prev: at(ids[index - 1] ?? before), event: "e.v", json: "1" }));
  return { entries, last: at(last) };
}

describe("judge", () => {
  const cases: ReadonlyArray<readonly [name: string, position: number, page: Page, verdict: object]> = [
    ["the first entry chains to the position: joined", 3, page([4, 5], { before: 3 }), { kind: "on", from: 0 }],
    ["the log is empty and its last id is the position: joined", 3, page([], { before: 3 }), { kind: "on", from: 0 }],
    ["an empty log and a position at the origin: joined", 0, page([]), { kind: "on", from: 0 }],
    ["the position is inside the page: joined behind it", 5, page([4, 5, 6], { before: 3 }), { kind: "on", from: 2 }],
    ["the position is the page's last entry: joined at its end", 6, page([4, 5, 6], { before: 3 }), { kind: "on", from: 3 }],
    [
      "the first entry chains to something above the position: trimmed",
      ...([3, page([6, 7], { before: 5 }), { kind: "gap", reason: "trimmed", cursor: at(5), from: 0 }] as const),
    ],
    [
      "everything behind the position is gone: trimmed, on at the last id",
      ...([3, page([], { before: 9 }), { kind: "gap", reason: "trimmed", cursor: at(9), from: 0 }] as const),
    ],
    [
      "the position is above the last id: another log stands here",
      ...([9, page([4, 5], { before: 3 }), { kind: "gap", reason: "reset", cursor: at(5), from: 2 }] as const),
    ],
    ["the log is gone", 9, page([]), { kind: "gap", reason: "reset", cursor: ORIGIN, from: 0 }],
    [
      "what follows the position was appended to a log that never reached it",
      ...([7, page([4, 8], { before: 3 }), { kind: "gap", reason: "reset", cursor: at(8), from: 2 }] as const),
    ],
    ["the page ends before the position, and the log goes on", 9, page([4, 5], { before: 3, last: 12 }), { kind: "short" }],
  ];

  for (const [name, position, page, verdict] of cases) it(name, () => expect(judge(at(position), page)).toEqual(verdict));

  it("what the first entry follows is a guess: unproven, on at the guess", () => {
    const [first, ...rest] = page([6, 7], { before: 5 }).entries as [Entry, Entry];
    const guessed = { entries: [{ ...first, unproven: true }, ...rest], last: at(7) };
    expect(judge(at(3), guessed)).toEqual({ kind: "gap", reason: "unproven", cursor: at(5), from: 0 });
    expect(judge(at(5), guessed)).toEqual({ kind: "on", from: 0 });
    expect(judge(at(6), guessed)).toEqual({ kind: "on", from: 1 });
  });

  it("I4 Chain: on a log that is read in pages, it says `on` exactly where nothing was trimmed behind the position", () => {
    const log = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(log, ([length, trimmed, seen, pageLength]) => {
        const held = Array.from({ length }, (_, n) => n + 1).slice(Math.min(trimmed, length));
        const position = Math.min(seen, length);
        const before = Math.min(trimmed, length);
        const read = held.filter((id) => id > position).slice(0, pageLength);
        const verdict = judge(at(position), page(read, { before: Math.max(before, position), last: length }));
        const lost = position < before;
        expect(verdict.kind).toBe(lost ? "gap" : "on");
        expect(verdict).toMatchObject(lost ? { reason: "trimmed", cursor: at(before), from: 0 } : { from: 0 });
      }),
    );
  });

  it("I1 Position: whatever it is given, going on from a verdict never skips an entry of the page in silence", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 8 }).map((all) => all.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.nat(35), ids, fc.nat(30), fc.nat(40), (position, ids, before, last) => {
        const given = page(ids, { before: Math.min(before, (ids[0] ?? 1) - 1), last: Math.max(last, ids.at(-1) ?? 0) });
        const verdict = judge(at(position), given);
        const above = given.entries.findIndex(({ id }) => compareCursors(id, at(position)) > 0);
        const skipped = verdict.kind === "on" && above !== -1 && verdict.from > above;
        expect(skipped).toBe(false);
      }),
    );
  });
});

describe("judge, of who stands before the first entry", () => {
  const keeping = { lifeMs: 1_000, aliveSince: 400 };
  const none = (ms: number): RealtimeCursor => `0-${ms}` as RealtimeCursor;
  const noLog = (ms: number): Page => ({ entries: [], last: none(ms) });
  const born = page([1_500]);
  const on = { kind: "on", from: 0 };
  const gap = (ms: number): object => ({ kind: "gap", reason: "unproven", cursor: none(ms), from: 0 });

  it.each([
    ["nothing was there, and is not: joined", 501, noLog(1_500), on],
    ["a log may have lived and expired since: a gap up to the last moment of doubt", 500, noLog(1_500), gap(501)],
    ["the log was born so soon that no other can have been there before: joined", 501, born, on],
    [
      "the log was born so late that another one may have been there before: a gap, and then all that it holds",
      500,
      born,
      gap(501),
    ],
    ["the store was started anew since: a gap up to then", 400, noLog(1_300), gap(401)],
    ["the store was started anew since, and the log was born: the same", 400, page([1_300]), gap(401)],
    ["a position without a date claims nothing: joined", 0, noLog(9_000), on],
    ["nor does it before a log that was born: joined", 0, page([9_000]), on],
    [
      "what was born was trimmed: a gap up to what is left",
      900,
      page([1_100], { before: 1_050 }),
      { kind: "gap", reason: "trimmed", cursor: at(1_050), from: 0 },
    ],
    [
      "the log keeps nothing: a gap up to its end",
      900,
      page([], { before: 1_050 }),
      { kind: "gap", reason: "trimmed", cursor: at(1_050), from: 0 },
    ],
  ])("%s", (_name, ms, given, verdict) => expect(judge(none(ms), given, keeping)).toEqual(verdict));

  it("from a store that never forgets, nothing is doubted", () => {
    expect(judge(none(1), noLog(1e12))).toEqual(on);
    expect(judge(none(1), page([1e12]))).toEqual(on);
  });
});

describe("isComplete and isNewborn", () => {
  it("a page is complete when it reaches the log's last id, or holds nothing", () => {
    expect(isComplete(page([1, 2]))).toBe(true);
    expect(isComplete(page([1, 2], { last: 3 }))).toBe(false);
    expect(isComplete(page([], { before: 5 }))).toBe(true);
  });

  it("an entry is newborn when nothing came before it", () => {
    expect(isNewborn({ prev: ORIGIN })).toBe(true);
    expect(isNewborn({ prev: at(1) })).toBe(false);
  });
});
