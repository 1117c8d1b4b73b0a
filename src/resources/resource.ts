import { TidingsError } from "../index.ts";
import type { AdminSession } from "./auth.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { isLiveChannel, LIVE_CHANNEL_GRAMMAR, resourceChannel } from "./names.ts";

/** Where Drizzle keeps the name of a table. Registered, so that no import of Drizzle is needed to ask for it. */
const DRIZZLE_NAME: unique symbol = Symbol.for("drizzle:Name") as never;

/** A table, as far as its name goes: one of Drizzle, anything with a `name`, or the name itself. */
export type TableInput = string | object;

/** The rows of a table, where its type tells them, as Drizzle's do. */
export type RowOf<T> = T extends { readonly $inferSelect: infer Row extends object } ? Row : Record<string, unknown>;

/** What is given to make a row. */
export type NewRowOf<T> = T extends { readonly $inferInsert: infer Row extends object } ? Row : Record<string, unknown>;

/** The name of a table, where its type tells it. */
export type NameOf<T> = T extends string
  ? T
  : T extends { readonly _: { readonly name: infer N extends string } }
    ? N
    : T extends { readonly name: infer N extends string }
      ? N
      : string;

/** Whether a session, as `auth` of the admin gives it, may see a resource. */
interface AccessCheck {
  // A method, so that a function of a session with more in it fits.
  check(session: AdminSession): boolean;
}

/** Who may see a resource: these roles, or whom the function says. */
export type ResourceAccess = readonly string[] | AccessCheck["check"];

/** Options of {@link resource}. */
export interface ResourceOptions<T = object> {
  /** The columns that lists show. */
  readonly columns?: ReadonlyArray<keyof RowOf<T> & string> | undefined;
  /** Whether lists refresh by themselves when a row is created, updated or deleted. @default false */
  readonly realtime?: boolean | undefined;
  /** Who may see it; needs `auth` of the admin. @default everybody whom `auth` lets in */
  readonly access?: ResourceAccess | undefined;
  /** The column by which a row is known. @default the table's primary key, else "id" */
  readonly key?: (keyof RowOf<T> & string) | undefined;
}

/** A table, and what is said of it. */
export interface Resource<T = unknown> {
  readonly name: NameOf<T>;
  readonly table: T;
  readonly columns: readonly string[] | undefined;
  readonly realtime: boolean;
  readonly access: ResourceAccess | undefined;
  readonly key: string;
}

const RESOURCE_OPTIONS: Readonly<Record<keyof ResourceOptions, true>> = {
  columns: true,
  realtime: true,
  access: true,
  key: true,
};

/**
 * A resource of an admin: `resource(orders, { realtime: true })` with a table of Drizzle, with anything that has a `name`, or with
 * the name itself.
 * @throws TidingsError `bad_option`
 */
export function resource<const T extends TableInput>(table: T, options: ResourceOptions<T> = {}): Resource<T> {
  const name = nameOf(table);
  if (name === undefined || !isLiveChannel(resourceChannel(name))) {
    throw new TidingsError(
      "bad_option",
      `\`resource(…)\` takes a table of Drizzle, an object with a name, or a name, of ${LIVE_CHANNEL_GRAMMAR} (119 at most)${name === undefined ? "" : `; it got ${JSON.stringify(name.slice(0, 60))}`}.`,
    );
  }
  if (typeof options !== "object" || options === null)
    throw new TidingsError("bad_option", "`resource(…)` takes an object of options behind the table.");
  refuseUnknownOptions("`resource(…)`", options, RESOURCE_OPTIONS);
  const { columns, realtime = false, access, key = primaryKeyOf(table) } = options;
  if (columns !== undefined && !Array.isArray(columns))
    throw new TidingsError("bad_option", `\`columns\` of resource "${name}" is a list of names.`);
  if (typeof realtime !== "boolean")
    throw new TidingsError(
      "bad_option",
      `\`realtime\` of resource "${name}" is true or false; the driver is for \`defineAdmin\`.`,
    );
  if (access !== undefined && typeof access !== "function" && !Array.isArray(access))
    throw new TidingsError("bad_option", `\`access\` of resource "${name}" is a list of roles, or a function of a session.`);
  return { name: name as NameOf<T>, table, columns, realtime, access, key };
}

function nameOf(table: unknown): string | undefined {
  if (typeof table === "string") return table;
  if (typeof table !== "object" || table === null) return undefined;
  const { [DRIZZLE_NAME]: drizzle, name } = table as { readonly [DRIZZLE_NAME]?: unknown; readonly name?: unknown };
  // A table of Drizzle may have a column that is called `name`.
  const found = drizzle ?? name;
  return typeof found === "string" ? found : undefined;
}

function primaryKeyOf(table: TableInput): string {
  const columns = typeof table === "string" ? [] : Object.entries(table as Readonly<Record<string, unknown>>);
  return columns.find(([, column]) => (column as { readonly primary?: unknown } | undefined)?.primary === true)?.[0] ?? "id";
}
