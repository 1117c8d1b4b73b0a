import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTidingsError, type TidingsError } from "../protocol/error.ts";
import { toJson } from "./json.ts";

function refusal(data: unknown): TidingsError {
  try {
    toJson(data, "chat.message");
  } catch (error) {
    if (isTidingsError(error)) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("toJson", () => {
  it("writes what JSON.stringify writes", () => {
    const samples: readonly unknown[] = [
      null,
      true,
      "",
      0,
      [],
      {},
      [1, [2, [3]]],
      { a: { b: new Date(0) }, skipped: undefined },
      [undefined, 1],
      new URL("https://example.org/a"),
      { toJSON: () => ({ from: "toJSON" }) },
      "\ud800 lone \u2028 \u0000",
      Object.create(null),
    ];
    for (const sample of samples) expect(toJson(sample)).toBe(JSON.stringify(sample));
  });

  it("writes any JSON value so that it comes back the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJson(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("writes undefined as null: an event always has data", () => {
    expect(toJson(undefined)).toBe("null");
    expect(toJson({ toJSON: () => undefined })).toBe("null");
  });

  const cyclic: Record<string, unknown> = { name: "a" };
  cyclic["friends"] = [cyclic];
  let deep: unknown = 1;
  for (let level = 0; level < 1_001; level++) deep = [deep];
  let bottomless: unknown = 1;
  for (let level = 0; level < 100_000; level++) bottomless = { a: bottomless };

  const rows: ReadonlyArray<readonly [what: string, data: unknown, text: string]> = [
    ["BigInt", { user: { balance: 1n } }, "data.user.balance is a BigInt"],
    ["a BigInt as a whole", 1n, "data is a BigInt"],
    ["a cycle", cyclic, "data.friends[0] refers back to the object 2 levels above it, a cycle"],
    ["a nested function", { items: [{ run() {} }] }, "data.items[0].run is a function"],
    ["a function as a whole", () => 1, "data is a function"],
    ["a symbol", { "my key": Symbol("x") }, 'data["my key"] is a symbol'],
    ["NaN", { n: Number.NaN }, "data.n is NaN, which JSON would turn into null"],
    ["Infinity", [Number.NEGATIVE_INFINITY], "data[0] is -Infinity"],
    ["an invalid Date", { at: new Date("never") }, "data.at is an invalid Date"],
    ["a Map", { m: new Map([[1, 2]]) }, "data.m is a Map"],
    ["a Set", new Set([1]), "data is a Set"],
    ["a Promise", { p: Promise.resolve(1) }, "data.p is a Promise, which JSON would write as {}. Await it first."],
    ["an Error", { e: new Error("x") }, "data.e is an Error"],
    ["a RegExp", { r: /x/ }, "data.r is a RegExp"],
    ["an ArrayBuffer", { b: new ArrayBuffer(1) }, "data.b is an ArrayBuffer"],
    ["a typed array", { b: new Uint8Array(1) }, "data.b is a typed array"],
    ["a weak reference", { w: new WeakMap() }, "data.w is a weak reference"],
    ["what a toJSON returns", { t: { toJSON: () => ({ n: 1n }) } }, "data.t.n is a BigInt"],
    ["too many levels", deep, "is nested more than 1000 levels deep"],
    ["a runaway structure", bottomless, "is nested more than 1000 levels deep"],
  ];

  it.each(rows)("refuses %s as `payload_not_json`, with its path", (_what, data, text) => {
    const error = refusal(data);
    expect(error.code).toBe("payload_not_json");
    expect(error.message).toContain('the payload of "chat.message" cannot be written as JSON, so nothing was stored');
    expect(error.message).toContain(text);
  });

  it("refuses what throws while it is read, with the cause", () => {
    const cause = new Error("not today");
    const data = {
      get secret(): string {
        throw cause;
      },
    };
    const error = refusal(data);
    expect(error).toMatchObject({ code: "payload_not_json", cause });
    expect(error.message).toContain("not today");
  });

  it("takes the same object twice, when it is no cycle", () => {
    const shared = { a: 1 };
    expect(toJson([shared, shared, { shared }])).toBe('[{"a":1},{"a":1},{"shared":{"a":1}}]');
  });

  it("leaves methods of a class out, as they are not its data", () => {
    class Order {
      readonly total = 5;
      double(): number {
        return this.total * 2;
      }
    }
    expect(toJson(new Order())).toBe('{"total":5}');
  });

  it("takes a BigInt that somebody gave a toJSON", () => {
    const prototype = BigInt.prototype as unknown as { toJSON?: () => string };
    prototype.toJSON = function toJSON(this: bigint) {
      return this.toString();
    };
    try {
      expect(toJson({ n: 1n })).toBe('{"n":"1"}');
    } finally {
      delete prototype.toJSON;
    }
  });

  it("hands toJSON its key, as JSON.stringify does", () => {
    const keys: string[] = [];
    const spy = { toJSON: (key: string) => keys.push(key) };
    toJson([spy, { name: spy }]);
    expect(keys).toEqual(["0", "name", "0", "name"]);
  });

  it("keeps a path in the text short, however long the keys are", () => {
    expect(refusal({ ["k".repeat(100_000)]: 1n }).message.length).toBeLessThan(500);
  });
});
