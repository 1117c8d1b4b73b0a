import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { z as z4 } from "zod/v4";
import * as zm from "zod/mini";
import { isTidingsError, type TidingsError } from "../protocol/error.ts";
import { compileSchema } from "./compile.ts";
import type { Schema } from "./schema.ts";

function thrown(run: () => unknown): TidingsError {
  try {
    run();
  } catch (error) {
    if (isTidingsError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

async function rejected(promise: unknown): Promise<TidingsError> {
  expect(promise).toBeInstanceOf(Promise);
  const error: unknown = await (promise as Promise<unknown>).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isTidingsError(error)) throw new Error("did not reject with a TidingsError", { cause: error });
  return error;
}

describe("the same events in four libraries", () => {
  const dialects: Readonly<Record<string, Schema>> = {
    zod: {
      chat: {
        message: z.object({ text: z.string().min(1), tags: z.array(z.string()).default([]) }),
        at: z.coerce.date(),
        length: z.string().transform((text) => text.length),
        fresh: z.string().refine(async (text) => Promise.resolve(text !== "stale"), "is stale"),
      },
    },
    "zod/v4": {
      chat: {
        message: z4.object({ text: z4.string().min(1), tags: z4.array(z4.string()).default([]) }),
        at: z4.coerce.date(),
        length: z4.string().transform((text) => text.length),
        fresh: z4.string().refine(async (text) => Promise.resolve(text !== "stale"), "is stale"),
      },
    },
    "zod/mini": {
      chat: {
        message: zm.object({ text: zm.string().check(zm.minLength(1)), tags: zm._default(zm.array(zm.string()), []) }),
        at: zm.coerce.date(),
        length: zm.pipe(
          zm.string(),
          zm.transform((text: string) => text.length),
        ),
        fresh: zm.string().check(zm.refine(async (text) => Promise.resolve(text !== "stale"), "is stale")),
      },
    },
    valibot: {
      chat: {
        message: v.object({ text: v.pipe(v.string(), v.minLength(1)), tags: v.optional(v.array(v.string()), []) }),
        at: v.pipe(
          v.union([v.string(), v.date()]),
          v.transform((value) => new Date(value)),
        ),
        length: v.pipe(
          v.string(),
          v.transform((text) => text.length),
        ),
        fresh: v.pipeAsync(
          v.string(),
          v.checkAsync(async (text) => Promise.resolve(text !== "stale"), "is stale"),
        ),
      },
    },
    arktype: {
      chat: {
        message: type({ "+": "delete", text: "string > 0", tags: type("string[]").default(() => []) }),
        at: type("string.date.parse | Date"),
        length: type("string").pipe((text) => text.length),
      },
    },
  };

  for (const [name, schema] of Object.entries(dialects)) {
    describe(name, () => {
      const compiled = compileSchema(schema);

      it("B-19: the parsed output is returned: unknown keys are gone, defaults are filled in", () => {
        const input = { text: "hi", passwordHash: "secret" };
        expect(compiled.validate("chat.message", input)).toEqual({ text: "hi", tags: [] });
        expect(input).toEqual({ text: "hi", passwordHash: "secret" });
      });

      it("B-19: coercions and transforms are applied", () => {
        expect(compiled.validate("chat.at", "2026-01-02T03:04:05.000Z")).toEqual(new Date("2026-01-02T03:04:05.000Z"));
        expect(compiled.validate("chat.length", "four")).toBe(4);
      });

      it("F-21: an invalid payload is an `invalid_payload` that carries the issues", () => {
        const error = thrown(() => compiled.validate("chat.message", { text: 5 }));
        expect(error.code).toBe("invalid_payload");
        expect(error.message).toMatch(/^tidings: the payload of "chat\.message" does not fit .*data\.text: .+/);
        expect(error.issues).toHaveLength(1);
        expect(error.retryable).toBe(false);
      });

      it("F-18: names are the paths joined with dots", () => {
        expect(compiled.names).toEqual(Object.keys(schema["chat"] as object).map((key) => `chat.${key}`));
      });

      // ArkType has no asynchronous validators.
      if (name === "arktype") return;
      it("B-19: asynchronous refinements are awaited", async () => {
        await expect(compiled.validate("chat.fresh", "new")).resolves.toBe("new");
        const error = await rejected(compiled.validate("chat.fresh", "stale"));
        expect(error.code).toBe("invalid_payload");
        expect(error.message).toContain("data: is stale");
      });
    });
  }
});

describe("names", () => {
  it("F-18: schemas nest up to depth 10", () => {
    const nest = (depth: number): Schema => {
      let schema: Schema = { leaf: z.string() };
      for (let level = 1; level < depth; level++) schema = { n: schema };
      return schema;
    };
    const compiled = compileSchema(nest(10));
    const deep = `${"n.".repeat(9)}leaf`;
    expect(compiled.names).toEqual([deep]);
    expect(compiled.validate(deep, "x")).toBe("x");
    const error = thrown(() => compileSchema(nest(11)));
    expect(error.code).toBe("bad_schema");
    expect(error.message).toContain("schema.n.n.n.n.n.n.n.n.n.n is a namespace at depth 10");
  });

  it("F-18: a leaf at the top and a key that is a number are events too", () => {
    const compiled = compileSchema({ ping: z.void(), http: { 404: z.string() } });
    expect(compiled.names).toEqual(["ping", "http.404"]);
    expect(compiled.validate("ping", undefined)).toBeUndefined();
  });

  it("B-19: an unknown event is an `unknown_event` that names the near ones", () => {
    const compiled = compileSchema({ chat: { message: z.string(), typing: z.string() }, order: { placed: z.string() } });
    const near = thrown(() => compiled.validate("chat.mesage", "x"));
    expect(near.code).toBe("unknown_event");
    expect(near.message).toBe(
      'tidings: the schema has no event "chat.mesage", so nothing was stored. Did you mean "chat.message"?',
    );
    const far = thrown(() => compiled.validate("billing", "x"));
    expect(far.message).toContain('It has "chat.message", "chat.typing", "order.placed".');
  });

  it("B-19: names of the prototype are unknown events", () => {
    const compiled = compileSchema({ chat: { message: z.string() } });
    for (const name of ["constructor", "__proto__", "chat", "chat.constructor", "toString", ""]) {
      expect(thrown(() => compiled.validate(name, "x")).code).toBe("unknown_event");
    }
    for (const name of [undefined, null, 5, Symbol("x"), {}]) {
      expect(thrown(() => compiled.validate(name as string, "x")).code).toBe("unknown_event");
    }
  });

  it("B-19: many events are not all listed", () => {
    const events = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`event${index}`, z.string()]));
    expect(thrown(() => compileSchema({ many: events }).validate("xyz", 1)).message).toContain("and 5 more.");
  });

  it("B-19: hostile names neither flood nor break the text", () => {
    const compiled = compileSchema({ chat: { message: z.string() } });
    const { message } = thrown(() => compiled.validate(`a\n${"b".repeat(100_000)}`, "x"));
    expect(message.length).toBeLessThan(300);
    expect(message).not.toContain("\n");
  });
});

describe("without a schema", () => {
  const compiled = compileSchema(undefined);

  it("F-19: any well-formed name is an event and its data passes through", () => {
    const data = { anything: new Date() };
    expect(compiled.names).toBeUndefined();
    expect(compiled.validate("any.name", data)).toBe(data);
  });

  it("F-19: a malformed name is a `bad_event`", () => {
    for (const name of ["", "a b", "a..b", ".a", "x".repeat(65), "a\n", undefined]) {
      expect(thrown(() => compiled.validate(name as string, 1)).code).toBe("bad_event");
    }
  });
});

describe("validators", () => {
  it("U-2: `z.unknown().optional()` may be absent or undefined", () => {
    const compiled = compileSchema({
      workflow: {
        runFinish: z4.object({}),
        stepFinish: z4.object({ stepName: z4.string(), result: z4.unknown().optional() }),
      },
    });
    expect(compiled.validate("workflow.runFinish", {})).toEqual({});
    expect(compiled.validate("workflow.stepFinish", { stepName: "a" })).toEqual({ stepName: "a" });
    expect(compiled.validate("workflow.stepFinish", { stepName: "a", result: undefined })).toEqual({ stepName: "a" });
    expect(compiled.validate("workflow.stepFinish", { stepName: "a", result: [1] })).toEqual({ stepName: "a", result: [1] });
  });

  it("F-21: a synchronous validator costs no promise", () => {
    const compiled = compileSchema({ a: { b: z.string() } });
    expect(compiled.validate("a.b", "x")).toBe("x");
  });

  it("F-21: the text quotes three issues, the error carries all", () => {
    const compiled = compileSchema({ a: { b: z.object({ v: z.int(), w: z.int(), x: z.int(), y: z.int(), "z z": z.int() }) } });
    const error = thrown(() => compiled.validate("a.b", {}));
    expect(error.issues).toHaveLength(5);
    expect(error.message).toMatch(/data\.v: .*data\.w: .*data\.x: .*; and 2 more$/);
  });

  it("F-21: paths through arrays and odd keys read as code", () => {
    const compiled = compileSchema({ a: { b: z.object({ "my list": z.array(z.object({ n: z.int() })) }) } });
    const { message } = thrown(() => compiled.validate("a.b", { "my list": [{ n: 1 }, { n: "2" }] }));
    expect(message).toContain('data["my list"][1].n: ');
  });

  it("F-21: path segments as objects are understood", () => {
    const compiled = compileSchema({ a: { b: v.object({ user: v.object({ name: v.string() }) }) } });
    expect(thrown(() => compiled.validate("a.b", { user: {} })).message).toContain("data.user.name: ");
  });

  const custom = (validate: (value: unknown) => unknown): Schema =>
    ({ a: { b: { "~standard": { version: 1, vendor: "test", validate } } } }) as unknown as Schema;

  it("F-21: a validator that throws is an `invalid_payload` with the cause", async () => {
    const cause = new Error("boom");
    const sync = thrown(() =>
      compileSchema(
        custom(() => {
          throw cause;
        }),
      ).validate("a.b", 1),
    );
    expect(sync).toMatchObject({ code: "invalid_payload", cause });
    expect(sync.message).toContain('the validator of "a.b" threw "boom"');
    const late = await rejected(compileSchema(custom(async () => Promise.reject(cause))).validate("a.b", 1));
    expect(late).toMatchObject({ code: "invalid_payload", cause });
  });

  it("F-21: a validator that reports no issue in its list has still refused", () => {
    const error = thrown(() => compileSchema(custom(() => ({ issues: [] }))).validate("a.b", 1));
    expect(error.message).toContain("the validator gave no reason");
  });

  it("F-21: an answer that is no result of Standard Schema is refused, never stored", async () => {
    for (const answer of [undefined, null, true, "ok", {}, { issues: "no" }, { issues: [null] }]) {
      expect(thrown(() => compileSchema(custom(() => answer)).validate("a.b", 1)).code).toBe("invalid_payload");
      expect((await rejected(compileSchema(custom(async () => Promise.resolve(answer))).validate("a.b", 1))).code).toBe(
        "invalid_payload",
      );
    }
  });

  it("F-21: a thenable of another promise library is awaited", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- the very thing under test
    const thenable = { then: (resolve: (value: unknown) => void) => resolve({ value: "parsed" }) };
    await expect(compileSchema(custom(() => thenable)).validate("a.b", 1)).resolves.toBe("parsed");
  });
});

describe("a schema mistake is a `bad_schema` that says where and why", () => {
  class Zod3String {
    readonly _def = { typeName: "ZodString" };
    parse(): string {
      return "";
    }
  }
  const cyclic: Record<string, unknown> = { ok: z.string() };
  cyclic["self"] = cyclic;

  const rows: ReadonlyArray<readonly [what: string, schema: unknown, text: string]> = [
    ["an import that does not exist", { chat: { message: undefined } }, "schema.chat.message is undefined. Probably an import"],
    ["null", { chat: { message: null } }, "schema.chat.message is null"],
    [
      "a Zod type older than 3.24",
      { chat: { message: new Zod3String() } },
      "is a Zod type without Standard Schema. Update zod",
    ],
    [
      "a validator that was not called",
      { chat: { message: z.string } },
      "is a plain function. A validator that was not called",
    ],
    ["a JSON Schema", { chat: { message: { type: "object", properties: {} } } }, "schema.chat.message is a JSON Schema object"],
    ["a JSON Schema as a whole", { $schema: "https://json-schema.org" }, "schema is a JSON Schema object"],
    ["a text", { chat: { message: "string" } }, "schema.chat.message is a string. Put a validator there"],
    ["an array", { chat: { message: [z.string()] } }, "schema.chat.message is an array"],
    ["a promise", { chat: Promise.resolve({}) }, "schema.chat is a Promise. Await it"],
    ["a class instance", { chat: new Date() }, "schema.chat is neither a validator"],
    ["a later standard", { a: { b: { "~standard": { version: 2, validate() {} } } } }, "is not of Standard Schema version 1"],
    ["a broken standard", { a: { b: { "~standard": null } } }, "is not of Standard Schema version 1"],
    ["a validator as the whole schema", z.object({}), "schema is a validator itself"],
    ["an empty schema", {}, "schema is empty"],
    ["an empty namespace", { chat: {} }, "schema.chat is empty"],
    ["a cycle", { chat: cyclic }, "schema.chat.self contains itself"],
    [
      "a dot in a key",
      { "chat.message": z.string() },
      'schema["chat.message"] has a dot in its key. Nest instead: schema.chat.message',
    ],
    [
      "a blank in a key",
      { "chat room": { m: z.string() } },
      'schema["chat room"] has a key that cannot be part of an event name',
    ],
    ["an empty key", { "": z.string() }, 'schema[""] has a key that'],
    ["a long key", { ["x".repeat(65)]: z.string() }, "has a key that cannot be"],
    ["constructor", { chat: { constructor: z.string() } }, "schema.chat.constructor has a name that JavaScript keeps"],
    ["an own __proto__", JSON.parse('{"__proto__":{"a":1}}'), "schema.__proto__ has a name that JavaScript keeps"],
    ["a literal __proto__", { chat: { __proto__: { m: z.string() } } }, "schema.chat is neither a validator"],
    ["no object", 5, "schema is a number"],
    ["null as a whole", null, "schema is null"],
  ];

  it.each(rows)("%s", (_what, schema, text) => {
    const error = thrown(() => compileSchema(schema));
    expect(error.code).toBe("bad_schema");
    expect(error.message).toContain(text);
  });

  it("one validator in two places is no cycle", () => {
    const shared = { m: z.string() };
    expect(compileSchema({ a: shared, b: { c: shared } }).names).toEqual(["a.m", "b.c.m"]);
  });

  it("namespaces without a prototype and namespaces called `type` are fine", () => {
    const bare: Record<string, unknown> = Object.assign(Object.create(null) as object, { m: z.string() });
    expect(compileSchema({ bare, type: { m: z.string() } }).names).toEqual(["bare.m", "type.m"]);
  });
});
