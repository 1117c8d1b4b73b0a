import type { StandardSchemaV1 } from "@standard-schema/spec";
import { expectTypeOf, it } from "vitest";
import { z } from "zod";
import type { InputOf, OutputOf, StandardSchema } from "../../src/schema/standard-schema.ts";

it("F-18: our interface and the published Standard Schema fit each other", () => {
  expectTypeOf<StandardSchemaV1<string, number>>().toExtend<StandardSchema<string, number>>();
  expectTypeOf<StandardSchema<string, number>>().toExtend<StandardSchemaV1<string, number>>();
});

it("F-18: input and output are read as the published types read them", () => {
  const leaf = z.object({ at: z.date(), n: z.coerce.number(), s: z.string().default("") });
  expectTypeOf<InputOf<typeof leaf>>().toEqualTypeOf<StandardSchemaV1.InferInput<typeof leaf>>();
  expectTypeOf<OutputOf<typeof leaf>>().toEqualTypeOf<StandardSchemaV1.InferOutput<typeof leaf>>();
});

it("F-18: a validator that declares no types gives `unknown`", () => {
  interface Untyped {
    readonly "~standard": { readonly version: 1; readonly vendor: string; readonly validate: (value: unknown) => never };
  }
  expectTypeOf<InputOf<Untyped>>().toBeUnknown();
  expectTypeOf<OutputOf<StandardSchema>>().toBeUnknown();
});
