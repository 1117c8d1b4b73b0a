import { expectTypeOf, it } from "vitest";
import type { RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { JsonForm, JsonPayload } from "../../src/schema/json-form.ts";

it("F-64: what JSON has stays as it is", () => {
  expectTypeOf<JsonForm<string>>().toEqualTypeOf<string>();
  expectTypeOf<JsonForm<"a" | 1 | null | true>>().toEqualTypeOf<"a" | 1 | null | true>();
  expectTypeOf<JsonForm<RealtimeCursor>>().toEqualTypeOf<RealtimeCursor>();
  expectTypeOf<JsonForm<{ a: string; readonly b?: number }>>().toEqualTypeOf<{ a: string; readonly b?: number }>();
  expectTypeOf<JsonForm<Record<string, number>>>().toEqualTypeOf<Record<string, number>>();
  expectTypeOf<JsonForm<`id-${string}`>>().toEqualTypeOf<`id-${string}`>();
});

it("F-64: `unknown` and `any` stay what they are, wherever they are", () => {
  expectTypeOf<JsonForm<unknown>>().toBeUnknown();
  // oxlint-disable-next-line typescript/no-explicit-any -- the type under test
  expectTypeOf<JsonForm<any>>().toBeAny();
  expectTypeOf<JsonForm<{ a: unknown; b?: unknown; c: unknown[] }>>().toEqualTypeOf<{
    a: unknown;
    b?: unknown;
    c: unknown[];
  }>();
  expectTypeOf<JsonForm<never>>().toBeNever();
});

it("F-64: Date and everything with toJSON become what that returns", () => {
  expectTypeOf<JsonForm<Date>>().toEqualTypeOf<string>();
  expectTypeOf<JsonForm<URL>>().toEqualTypeOf<string>();
  expectTypeOf<JsonForm<{ at: Date | null; list: Date[] }>>().toEqualTypeOf<{ at: string | null; list: string[] }>();
  expectTypeOf<JsonForm<{ toJSON(): { at: Date } }>>().toEqualTypeOf<{ at: string }>();
  expectTypeOf<JsonForm<{ toJSON(key: string): number }>>().toEqualTypeOf<number>();

  interface Self {
    readonly a: number;
    toJSON(): Self;
  }
  expectTypeOf<JsonForm<Self>>().toEqualTypeOf<{ readonly a: number }>();
});

it("F-64: undefined makes a property optional, and a null of an element or a payload", () => {
  expectTypeOf<JsonForm<{ a: string | undefined; b: Date }>>().toEqualTypeOf<{ b: string; a?: string }>();
  expectTypeOf<JsonForm<{ a?: Date | undefined }>>().toEqualTypeOf<{ a?: string }>();
  expectTypeOf<JsonForm<(Date | undefined)[]>>().toEqualTypeOf<(string | null)[]>();
  expectTypeOf<JsonPayload<undefined>>().toEqualTypeOf<null>();
  expectTypeOf<JsonPayload<void>>().toEqualTypeOf<null>();
  expectTypeOf<JsonPayload<Date | undefined>>().toEqualTypeOf<string | null>();
  expectTypeOf<JsonPayload<unknown>>().toBeUnknown();
});

it("F-64: a property that is only ever undefined still tells a union apart", () => {
  type Outcome = JsonForm<{ ok: true; error?: undefined } | { ok: false; error: string }>;
  const read = (outcome: Outcome): string | undefined => outcome.error;
  expectTypeOf(read).returns.toEqualTypeOf<string | undefined>();
});

it("F-64: functions, methods and symbols vanish", () => {
  class Order {
    readonly total: number = 5;
    double(): number {
      return this.total * 2;
    }
  }
  expectTypeOf<JsonForm<Order>>().toEqualTypeOf<{ readonly total: number }>();
  expectTypeOf<JsonForm<{ a: 1; f: () => void; s: symbol; [Symbol.iterator]: string }>>().toEqualTypeOf<{ a: 1 }>();
  expectTypeOf<JsonForm<{ a: string | (() => void) }>>().toEqualTypeOf<{ a?: string }>();
});

it("F-64: arrays, tuples and readonly keep their shape", () => {
  expectTypeOf<JsonForm<[Date, ...number[]]>>().toEqualTypeOf<[string, ...number[]]>();
  expectTypeOf<JsonForm<readonly [a: Date, b?: number]>>().toEqualTypeOf<readonly [a: string, b?: number | null]>();
  expectTypeOf<JsonForm<readonly Date[]>>().toEqualTypeOf<readonly string[]>();
});

it("F-64: what JSON cannot carry is `never`, so that using it is an error", () => {
  expectTypeOf<JsonForm<bigint>>().toBeNever();
  expectTypeOf<JsonForm<{ balance: bigint }>>().toEqualTypeOf<{ balance: never }>();
  expectTypeOf<JsonForm<{ a: number | bigint }>>().toEqualTypeOf<{ a: number }>();
  expectTypeOf<JsonForm<Map<string, number>>>().toBeNever();
  expectTypeOf<JsonForm<Set<string>>>().toBeNever();
  expectTypeOf<JsonForm<Uint8Array>>().toBeNever();
});

it("F-64: recursive types do not explode", () => {
  interface Tree {
    readonly at: Date;
    readonly children: readonly Tree[];
    readonly parent?: Tree;
  }
  type TreeJson = JsonForm<Tree>;
  const deep = (tree: TreeJson): string | undefined => tree.children[0]?.parent?.children[0]?.at;
  expectTypeOf(deep).returns.toEqualTypeOf<string | undefined>();

  type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
  const json = (value: JsonForm<Json>): Json => value;
  expectTypeOf(json).returns.toEqualTypeOf<Json>();
});
