import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareCursors,
  isCursorText,
  isRealtimeCursor,
  ORIGIN,
  positionBelow,
  positionEarlier,
  type RealtimeCursor,
} from "./cursor.ts";

const MAX_U64 = 2n ** 64n - 1n;
const part = fc.oneof(fc.bigInt({ min: 0n, max: MAX_U64 }), fc.bigInt({ min: 0n, max: 20n }), fc.constant(MAX_U64));
const cursor = fc.tuple(part, part).map(([ms, seq]) => `${ms}-${seq}` as RealtimeCursor);

describe("cursors", () => {
  it("U-28: isRealtimeCursor accepts what a server hands out, and nothing else", () => {
    fc.assert(fc.property(cursor, isRealtimeCursor));
    const wrong = [
      ...["", "-", "5", "5-", "-5", "5-5-5", "05-1", "5-01", "+5-1", "5 -1", " 5-1", "5-1\n", "5-1 ", "a-1", "1e3-0", "5.0-1"],
      ...["18446744073709551616-0", "0-18446744073709551616", "99999999999999999999-0", "٣-0", "$", "*", "(5-1"],
    ];
    for (const text of wrong) expect(isRealtimeCursor(text), JSON.stringify(text)).toBe(false);
    for (const value of [undefined, null, 5, {}, ["5-1"], new String("5-1")]) expect(isRealtimeCursor(value)).toBe(false);
  });

  it("U-28: any text that is accepted is the canonical form of two unsigned 64-bit integers", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{0,21}-?[0-9]{0,21}$/));
    fc.assert(
      fc.property(text, (text) => {
        if (!isRealtimeCursor(text)) return;
        const [ms = "", seq = ""] = text.split("-");
        expect(`${BigInt(ms)}-${BigInt(seq)}`).toBe(text);
        expect(BigInt(ms) <= MAX_U64 && BigInt(seq) <= MAX_U64).toBe(true);
      }),
    );
  });

  it("a client takes whatever is written as a cursor", () => {
    fc.assert(fc.property(cursor, isCursorText));
    for (const text of ["18446744073709551616-0", "99999999999999999999-0"]) expect(isCursorText(text)).toBe(true);
    for (const value of ["", "-", "5", "05-1", "5-1\n", "100000000000000000000-0", 5, ["5-1"]])
      expect(isCursorText(value)).toBe(false);
  });

  it("I3 Order: cursors compare as the numbers that they are, beyond 2^53 too", () => {
    const asNumbers = (text: string): readonly bigint[] => text.split("-").map(BigInt);
    fc.assert(
      fc.property(cursor, cursor, (a, b) => {
        const [aMs = 0n, aSeq = 0n] = asNumbers(a);
        const [bMs = 0n, bSeq = 0n] = asNumbers(b);
        const expected = aMs === bMs ? (aSeq < bSeq ? -1 : aSeq > bSeq ? 1 : 0) : aMs < bMs ? -1 : 1;
        expect(Math.sign(compareCursors(a, b))).toBe(expected);
        expect(Math.sign(compareCursors(b, a))).toBe(expected === 0 ? 0 : -expected);
        expect(compareCursors(ORIGIN, a)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("nothing lies between an id and the position below it", () => {
    const asNumber = (text: string): bigint => {
      const [ms = "", seq = ""] = text.split("-");
      return BigInt(ms) * 2n ** 64n + BigInt(seq);
    };
    fc.assert(
      fc.property(cursor, (id) => {
        if (id === ORIGIN) return;
        expect(isRealtimeCursor(positionBelow(id))).toBe(true);
        expect(asNumber(positionBelow(id))).toBe(asNumber(id) - 1n);
      }),
    );
  });

  it("an earlier position is the first of its millisecond, and never before the origin", () => {
    const id = "18446744073709551615-7" as RealtimeCursor;
    expect(positionEarlier(id, 15)).toBe("18446744073709551600-0");
    expect(positionEarlier(id, 0)).toBe("18446744073709551615-0");
    expect(positionEarlier("5-3" as RealtimeCursor, 5)).toBe(ORIGIN);
    expect(positionEarlier("5-3" as RealtimeCursor, 6)).toBe(ORIGIN);
  });
});
