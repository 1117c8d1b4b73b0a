/** The JSON text of a payload, or a refusal where JSON would change it in silence. `json-form.ts` says the same as a type. */
import { TidingsError } from "../protocol/error.ts";
import { formatPath } from "./format-path.ts";

/** Levels of arrays and objects in a payload. Far more than data needs; it keeps a runaway structure from the stack's end. */
const MAX_NESTING = 1_000;

interface Problem {
  /** Keys from the payload to the value, built from the inside out while the walk unwinds. */
  readonly path: PropertyKey[];
  /** What the value is and what to do, after "data.x ". */
  readonly text: string;
}

/**
 * The text that is stored for a payload, as `JSON.stringify` writes it; `undefined` as a whole becomes `null`. Throws a
 * `TidingsError` of code `payload_not_json`, naming the path, for what JSON cannot carry (BigInt, cycles, functions, symbols)
 * and for what it would change in silence (NaN, Infinity, invalid dates, Map, Set, Error and their like). As in
 * `JSON.stringify`, an `undefined` property is left out and an `undefined` element becomes `null`. `event` is for the text only.
 */
export function toJson(data: unknown, event?: string): string {
  const payload = event === undefined ? "the payload" : `the payload of "${event}"`;
  let problem: Problem | undefined;
  try {
    problem = problemIn(data, "", []);
    if (problem === undefined) return JSON.stringify(data) ?? "null";
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TidingsError(
      "payload_not_json",
      `${payload} cannot be written as JSON, so nothing was stored: a getter or a toJSON() in it threw "${reason}".`,
      { cause },
    );
  }
  throw new TidingsError(
    "payload_not_json",
    `${payload} cannot be written as JSON, so nothing was stored: ${formatPath("data", problem.path)} ${problem.text}`,
  );
}

/** Walks as `JSON.stringify` does. Nothing is allocated for a sound payload but the list of ancestors. */
function problemIn(given: unknown, key: string, ancestors: unknown[]): Problem | undefined {
  let value = given;
  if ((typeof value === "object" && value !== null) || typeof value === "bigint") {
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      return { path: [], text: "is an invalid Date, which JSON would turn into null. Check the date before emitting it." };
    }
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") value = toJSON.call(value, key) as unknown;
  }
  switch (typeof value) {
    case "number":
      return Number.isFinite(value)
        ? undefined
        : { path: [], text: `is ${value}, which JSON would turn into null. Emit a finite number, or null on purpose.` };
    case "bigint":
      return {
        path: [],
        text: "is a BigInt, which JSON does not have. Make it a string in the schema (a transform), or emit a number.",
      };
    case "function":
      return { path: [], text: "is a function, and events carry data only. Call it, or leave it out." };
    case "symbol":
      return { path: [], text: "is a symbol, and events carry data only. Emit its description, or leave it out." };
    case "object":
      return value === null ? undefined : problemInObject(value, ancestors);
    default:
      return undefined;
  }
}

function problemInObject(value: object, ancestors: unknown[]): Problem | undefined {
  const seenAt = ancestors.indexOf(value);
  if (seenAt !== -1) {
    const up = ancestors.length - seenAt;
    return {
      path: [],
      text: `refers back to the object ${up === 1 ? "that holds it" : `${up} levels above it`}, a cycle. Emit an id in its place.`,
    };
  }
  const opaque = opaqueKind(value);
  if (opaque !== undefined) return { path: [], text: opaque };
  if (ancestors.length >= MAX_NESTING) {
    return { path: [], text: `is nested more than ${MAX_NESTING} levels deep. Emit a flatter structure.` };
  }
  ancestors.push(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const problem = problemIn(value[index], String(index), ancestors);
      if (problem !== undefined) return within(problem, index);
    }
  } else {
    for (const key of Object.keys(value)) {
      const problem = problemIn((value as Record<string, unknown>)[key], key, ancestors);
      if (problem !== undefined) return within(problem, key);
    }
  }
  ancestors.pop();
  return undefined;
}

function within(problem: Problem, key: PropertyKey): Problem {
  problem.path.unshift(key);
  return problem;
}

/** Objects whose content is not in their properties: `JSON.stringify` writes `{}` for them and says nothing. */
function opaqueKind(value: object): string | undefined {
  if (value instanceof Map) return "is a Map, which JSON would write as {}. Emit Object.fromEntries(map) or [...map].";
  if (value instanceof Set) return "is a Set, which JSON would write as {}. Emit [...set].";
  if (value instanceof Promise) return "is a Promise, which JSON would write as {}. Await it first.";
  if (value instanceof Error)
    return "is an Error, which JSON would write as {}. Emit the fields you mean, such as its message.";
  if (value instanceof RegExp) return "is a RegExp, which JSON would write as {}. Emit its source.";
  if (value instanceof ArrayBuffer) return "is an ArrayBuffer, which JSON would write as {}. Emit a base64 string.";
  if (ArrayBuffer.isView(value)) {
    return "is a typed array, which JSON would write as an object with a key for each element. Emit Array.from(it), or a base64 string.";
  }
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
    return "is a weak reference, which JSON would write as {}. Emit what it refers to.";
  }
  return undefined;
}
