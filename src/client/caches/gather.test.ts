import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createGatherer, identityOf } from "./gather.ts";

function setUp(random = 0) {
  const clock = fakeClock(() => random);
  const refreshed: unknown[] = [];
  const gatherer = createGatherer<unknown>(
    { refresh: (key) => refreshed.push(key), covers: (key, other) => key === "all" && other !== "all" },
    clock,
  );
  return { clock, refreshed, gatherer };
}

describe("who asks for the same key", () => {
  it("is gathered until it is quiet; each key has a time of its own", async () => {
    const { clock, refreshed, gatherer } = setUp();
    gatherer.ask(["a"], 50);
    await clock.advance(49);
    gatherer.ask(["a"], 50);
    gatherer.ask(["b"], 10);
    await clock.advance(49);
    expect(refreshed).toEqual([["b"]]);
    await clock.advance(1);
    expect(refreshed).toEqual([["b"], ["a"]]);
    expect(clock.pending).toBe(0);
  });

  it("waits longer on some pages than on others, twice as long at most", async () => {
    const { clock, refreshed, gatherer } = setUp(0.9);
    gatherer.ask("a", 100);
    await clock.advance(189);
    expect(refreshed).toEqual([]);
    await clock.advance(1);
    expect(refreshed).toEqual(["a"]);
  });

  it("leaves it to another who asks for more, if that one still waits", async () => {
    const { clock, refreshed, gatherer } = setUp();
    gatherer.ask("a", 50);
    gatherer.ask("all", 50);
    await clock.advance(50);
    gatherer.ask("a", 50);
    await clock.advance(50);
    expect(refreshed).toEqual(["all", "a"]);
  });

  it("is heard by the next when a refresh throws", async () => {
    const { clock, refreshed } = setUp();
    const refresh = (key: string): void => {
      if (key === "a") throw new Error("a");
      refreshed.push(key);
    };
    const gatherer = createGatherer<string>({ refresh, covers: () => false }, clock);
    const { error } = console;
    console.error = (...args) => refreshed.push(String(args[1]));
    try {
      gatherer.ask("a", 50);
      gatherer.ask("b", 50);
      await clock.advance(50);
    } finally {
      console.error = error;
    }
    expect(refreshed).toEqual(["Error: a", "b"]);
  });
});

describe("identityOf", () => {
  it("is the same for JSON values exactly when their text is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(identityOf(one) === identityOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
        expect(identityOf(structuredClone(one))).toBe(identityOf(one));
      }),
    );
  });

  it("keeps apart what JSON would mix up", () => {
    const odd = [
      [undefined],
      [null],
      [NaN],
      [new Date(0)],
      ["1970-01-01T00:00:00.000Z"],
      [new Map()],
      [{}],
      [{ a: undefined }],
    ];
    expect(new Set(odd.map(identityOf)).size).toBe(odd.length);
    expect(identityOf([1n])).toEqual([1n]);
    const filter = (): boolean => true;
    expect(identityOf(filter)).toBe(filter);
  });
});
