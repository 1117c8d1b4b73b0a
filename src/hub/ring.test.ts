import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ORIGIN, type RealtimeCursor } from "../protocol/cursor.ts";
import { Frame } from "./frame.ts";
import { Ring } from "./ring.ts";

const at = (n: number): RealtimeCursor => (n === 0 ? ORIGIN : (`${n}-0` as RealtimeCursor));
const frame = (n: number, prev = n - 1): Frame =>
  Frame.ofEntry("c", { id: at(n), prev: at(prev), event: "e.v", json: "123456" });
const FRAME_BYTES = frame(1).size;

function ring(frames: number, budget = { used: 0, max: 1e9 }): Ring {
  return new Ring(frames * FRAME_BYTES, budget);
}

const ids = (frames: readonly Frame[] | undefined): readonly string[] | undefined => frames?.map(({ cursor }) => cursor);

describe("Ring", () => {
  it("gives what follows a position, and says nothing where it cannot prove that", () => {
    const some = ring(3);
    expect(some.after(ORIGIN, 1e9), "an empty ring knows nothing").toBeUndefined();
    for (let n = 1; n <= 5; n++) some.push(frame(n));
    expect(ids(some.after(at(3), 1e9))).toEqual(["4-0", "5-0"]);
    expect(ids(some.after(at(2), 1e9)), "the oldest that is held chains to it").toEqual(["3-0", "4-0", "5-0"]);
    expect(some.after(at(1), 1e9), "what follows is gone").toBeUndefined();
    expect(some.after(at(5), 1e9), "nothing follows").toBeUndefined();
    expect(some.after(at(6), 1e9)).toBeUndefined();
  });

  it("takes what was read from the log in place of what it has, when that reaches further back", () => {
    const budget = { used: 0, max: 1e9 };
    const some = ring(9, budget);
    const read = [1, 2, 3, 4].map((n) => frame(n));
    some.push(frame(4));
    some.extend(read);
    expect(ids(some.after(at(0), 1e9))).toEqual(["1-0", "2-0", "3-0", "4-0"]);
    some.extend([frame(3), frame(4)]);
    expect(ids(some.after(at(1), 1e9)), "not when it reaches less far").toEqual(["2-0", "3-0", "4-0"]);
    expect(budget.used).toBe(4 * FRAME_BYTES);
    some.push(Frame.ofEntry("c", { id: at(5), prev: at(4), event: "e.v", json: "123456", keeps: 2 }));
    expect(some.after(at(2), 1e9), "and forgets what the log forgets").toBeUndefined();
    some.extend(read);
    expect(ids(some.after(at(3), 1e9)), "no more than it keeps").toEqual(["4-0"]);
  });

  it("ends with the frame that reaches the bytes, and gives one at least", () => {
    const some = ring(9);
    for (let n = 1; n <= 5; n++) some.push(frame(n));
    expect(ids(some.after(at(0), 1))).toEqual(["1-0"]);
    expect(ids(some.after(at(0), frame(1).bytes(true).length + 1))).toEqual(["1-0", "2-0"]);
  });

  it("I5 Bound: holds no more than its own bytes, nor than all rings may hold together", () => {
    const budget = { used: 0, max: 5 * FRAME_BYTES };
    const [a, b] = [ring(3, budget), ring(3, budget)];
    for (let n = 1; n <= 9; n++) a.push(frame(n));
    expect(budget.used).toBe(3 * FRAME_BYTES);
    for (let n = 1; n <= 9; n++) b.push(frame(n));
    expect(budget.used).toBe(5 * FRAME_BYTES);
    expect(ids(b.after(at(7), 1e9))).toEqual(["8-0", "9-0"]);
    a.clear();
    b.clear();
    expect(budget.used).toBe(0);
    expect(a.after(at(8), 1e9)).toBeUndefined();
  });

  it("a frame that is larger than the ring leaves it empty, and is no error", () => {
    const budget = { used: 0, max: 1e9 };
    const small = new Ring(10, budget);
    small.push(frame(1));
    expect(budget.used).toBe(0);
    expect(small.has(at(1))).toBe(false);
  });

  it("knows which ids it holds", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 10, max: 60 })), fc.integer({ min: 1, max: 20 }), (numbers, size) => {
        const sorted = numbers.toSorted((a, b) => a - b);
        const some = new Ring(size * frame(10).size, { used: 0, max: 1e9 });
        for (const n of sorted) some.push(frame(n));
        const held = sorted.slice(-size);
        for (let n = 10; n <= 60; n++) expect(some.has(at(n))).toBe(held.includes(n));
      }),
    );
  });

  it("I4 Chain: joins the lives of a log that expired while it listened", () => {
    const some = ring(9);
    some.push(frame(5, 4));
    some.push(frame(8, 0));
    expect(ids(some.after(at(5), 1e9)), "it heard the newborn behind 5 without a break").toEqual(["8-0"]);
    expect(some.after(at(6), 1e9)).toBeUndefined();
  });
});
