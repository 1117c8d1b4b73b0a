/** From a nested schema to a lookup by event name. Everything that can be wrong with a schema is found here, once. */
import { TidingsError, type Issue } from "../protocol/error.ts";
import { EVENT_GRAMMAR, isEventName } from "../protocol/names.ts";
import { nearNames } from "../protocol/near-names.ts";
import { formatPath } from "./format-path.ts";
import { isJsonSchema, leafMistake } from "./leaf-mistake.ts";
import { shorten } from "./shorten.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Segments in an event name, as the grammar has it. */
const MAX_DEPTH = 10;
/** Issues and names quoted in an error text. */
const MAX_QUOTED_ISSUES = 3;
const MAX_QUOTED_NAMES = 10;
/** Own keys of these names reach an object's prototype in careless code, in the browser too. */
const PROTOTYPE_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** What is left of a schema at run time. */
export interface CompiledSchema {
  /** Every event name in the order of the schema; `undefined` without a schema. */
  readonly names: readonly string[] | undefined;
  /** Throws a `TidingsError` of code `unknown_event` or, without a schema, `bad_event` for what is no event. */
  checkName(event: unknown): void;
  /**
   * The parsed output for an event: what is to be stored. Only when the validator is asynchronous is it a promise. Throws, or
   * rejects with, a `TidingsError` of code `unknown_event`, `invalid_payload` or, without a schema, `bad_event`.
   */
  validate(event: string, data: unknown): unknown;
}

/** Checks a schema and makes it ready for use. Throws a `TidingsError` of code `bad_schema` that says where and why. */
export function compileSchema(schema: unknown): CompiledSchema {
  if (schema === undefined) return UNTYPED;
  const leaves = new Map<string, StandardSchema>();
  collect(schema, [], { leaves, ancestors: [] });
  const names = [...leaves.keys()];
  return {
    names,
    checkName(event) {
      if (!leaves.has(event as string)) throw unknownEvent(event, names);
    },
    validate(event, data) {
      const leaf = leaves.get(event);
      if (leaf === undefined) throw unknownEvent(event, names, ", so nothing was stored");
      return parse(leaf, event, data);
    },
  };
}

/** Without a schema any well-formed name is an event, and its data is stored as it is. */
const UNTYPED: CompiledSchema = {
  names: undefined,
  checkName(event) {
    if (!isEventName(event)) throw new TidingsError("bad_event", `${quote(event)} cannot name an event: ${EVENT_GRAMMAR}.`);
  },
  validate(event, data) {
    this.checkName(event);
    return data;
  },
};

interface Collection {
  readonly leaves: Map<string, StandardSchema>;
  readonly ancestors: object[];
}

function collect(value: unknown, path: readonly string[], collection: Collection): void {
  if (path.length > 0 && isStandardSchema(value)) {
    collection.leaves.set(path.join("."), value);
    return;
  }
  const namespace = asNamespace(value, path);
  if (collection.ancestors.includes(namespace)) {
    throw badSchema(path, "contains itself, so it has no end. Write the namespaces out.");
  }
  const keys = Object.keys(namespace);
  if (keys.length === 0) throw badSchema(path, "is empty. Put an event there, or remove the key.");
  if (path.length >= MAX_DEPTH)
    throw badSchema(path, `is a namespace at depth ${MAX_DEPTH}, where events must be. Nest less deeply.`);
  collection.ancestors.push(namespace);
  for (const key of keys) {
    checkSegment(key, path);
    collect(namespace[key], [...path, key], collection);
  }
  collection.ancestors.pop();
}

/** A validator may be a function: ArkType's are. */
function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("~standard" in value)) return false;
  const props = value["~standard"];
  return (
    typeof props === "object" &&
    props !== null &&
    "version" in props &&
    props.version === 1 &&
    "validate" in props &&
    typeof props.validate === "function"
  );
}

function asNamespace(value: unknown, path: readonly string[]): Readonly<Record<string, unknown>> {
  if (path.length === 0 && isStandardSchema(value)) {
    throw badSchema(path, "is a validator itself. Put it under a name: `{ chat: { message: validator } }`.");
  }
  if (typeof value !== "object" || value === null || "~standard" in value || !isPlainObject(value) || isJsonSchema(value)) {
    throw badSchema(path, leafMistake(value));
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Also true for module namespaces (`import * as schema`) and objects of other realms. Arrays and class instances are not plain. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return !Array.isArray(value) && (prototype === null || Object.getPrototypeOf(prototype) === null);
}

function checkSegment(key: string, path: readonly string[]): void {
  if (PROTOTYPE_NAMES.has(key)) throw badSchema([...path, key], "has a name that JavaScript keeps for prototypes. Rename it.");
  // The dot joins segments; one inside a segment would make two schemas give the same name.
  if (key.includes(".")) {
    throw badSchema(
      [...path, key],
      `has a dot in its key. Nest instead: ${formatPath("schema", [...path, ...key.split(".")])}.`,
    );
  }
  if (!isEventName(key))
    throw badSchema([...path, key], "has a key that cannot be part of an event name: 1 to 64 of A-Z a-z 0-9 _ -");
}

function badSchema(path: readonly string[], text: string): TidingsError {
  return new TidingsError("bad_schema", `${formatPath("schema", path)} ${text}`);
}

function parse(leaf: StandardSchema, event: string, data: unknown): unknown {
  // What a validator answers is believed only after a look at it: a wrong one must not end in the log.
  let answer: unknown;
  try {
    answer = leaf["~standard"].validate(data);
  } catch (cause) {
    throw validatorFailed(event, cause);
  }
  if (!isThenable(answer)) return outputOf(answer, event);
  return Promise.resolve(answer).then(
    (settled) => outputOf(settled, event),
    (cause: unknown) => {
      throw validatorFailed(event, cause);
    },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function outputOf(result: unknown, event: string): unknown {
  // ArkType's refusal is a subclass of Array, so only the two properties count, not the shape around them.
  const { value, issues } = (result ?? {}) as { readonly value?: unknown; readonly issues?: unknown };
  if (!issues && typeof result === "object" && result !== null && "value" in result) return value;
  if (!isIssues(issues)) {
    throw new TidingsError(
      "invalid_payload",
      `the validator of "${event}" answered with neither a value nor issues, so nothing was stored. Use one that follows Standard Schema.`,
    );
  }
  const quoted = issues.slice(0, MAX_QUOTED_ISSUES).map((issue) => `${issuePath(issue)}: ${shorten(issue.message, 200)}`);
  const more = issues.length - quoted.length;
  const list = `${quoted.join("; ") || "the validator gave no reason"}${more > 0 ? `; and ${more} more` : ""}`;
  throw new TidingsError(
    "invalid_payload",
    `the payload of "${event}" does not fit its schema, so nothing was stored. ${list}`,
    {
      issues,
    },
  );
}

function isIssues(value: unknown): value is readonly Issue[] {
  return (
    Array.isArray(value) &&
    value.every(
      (issue: unknown) =>
        typeof issue === "object" && issue !== null && "message" in issue && typeof issue.message === "string",
    )
  );
}

function issuePath({ path }: Issue): string {
  // Array.from, because a subclass of Array would make its own kind by map.
  const keys = Array.from(path ?? [], (segment) => (typeof segment === "object" ? segment.key : segment));
  return formatPath("data", keys);
}

function validatorFailed(event: string, cause: unknown): TidingsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TidingsError(
    "invalid_payload",
    `the validator of "${event}" threw "${reason}", so nothing was stored. Make it report an issue instead of throwing.`,
    { cause },
  );
}

function unknownEvent(event: unknown, names: readonly string[], outcome = ""): TidingsError {
  const near = typeof event === "string" ? nearNames(event, names) : [];
  const hint =
    near.length > 0
      ? `Did you mean ${near.map(quote).join(" or ")}?`
      : `It has ${names.slice(0, MAX_QUOTED_NAMES).map(quote).join(", ")}${names.length > MAX_QUOTED_NAMES ? `, and ${names.length - MAX_QUOTED_NAMES} more` : ""}.`;
  return new TidingsError("unknown_event", `the schema has no event ${quote(event)}${outcome}. ${hint}`);
}

/** A value for an error text: short, on one line. */
function quote(value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : typeof value;
  return JSON.stringify(shorten(value, 80));
}
