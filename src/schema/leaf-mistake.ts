/** What somebody probably did who put something else than a validator into a schema, and what to do about it. */
export function leafMistake(value: unknown): string {
  if (value === undefined) {
    return "is undefined. Probably an import that does not exist under this name, or a cycle of imports: check where it comes from.";
  }
  if (value === null) return "is null. Put a validator there, or remove the key.";
  if (typeof value === "function") {
    return "is a plain function. A validator that was not called (`z.string` for `z.string()`)? A function of your own must become a validator of a library that speaks Standard Schema.";
  }
  if (typeof value !== "object") return `is a ${typeof value}. Put a validator there, for example \`z.string()\`.`;
  if (Array.isArray(value)) return "is an array. Put a validator there, for example `z.array(…)`.";
  if (value instanceof Promise) return "is a Promise. Await it before you build the schema.";
  if ("~standard" in value) {
    return "has a `~standard` property that is not of Standard Schema version 1. Update the validator library, or tidings.";
  }
  if ("_def" in value && "parse" in value) {
    return "is a Zod type without Standard Schema. Update zod to 3.24 or later (4 is best), and check that only one version is installed.";
  }
  if (isJsonSchema(value)) {
    return "is a JSON Schema object, not a validator. Write it with Zod, Valibot, ArkType or another library that speaks Standard Schema.";
  }
  return "is neither a validator that speaks Standard Schema nor a plain object of events. Update the validator library, or wrap the value in one that does.";
}

/** Whether an object is JSON Schema: in a schema of events these keys would hold objects, never text. */
export function isJsonSchema(value: object): boolean {
  const { $schema, $ref, type } = value as Readonly<Record<string, unknown>>;
  return typeof $schema === "string" || typeof $ref === "string" || typeof type === "string";
}
