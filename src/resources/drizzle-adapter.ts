import { TidingsError } from "../index.ts";
import type { AnyRow, ResourceAdapter, WriteTarget } from "./adapter.ts";

type AnyFunction = (...args: never) => unknown;

/** A database of Drizzle, of any dialect and driver, as far as it is used here. */
export interface DrizzleDatabase {
  readonly select: AnyFunction;
  readonly insert: AnyFunction;
  readonly update: AnyFunction;
  readonly delete: AnyFunction;
  readonly transaction?: AnyFunction;
}

/** What a database of SQLite knows of its driver, beside its declared types. */
interface Driver {
  readonly resultKind?: "sync" | "async";
}

/** What `db.transaction` of a database hands to its function. */
export type DrizzleTransaction<D extends DrizzleDatabase> = D extends {
  transaction(run: (tx: infer Tx) => Promise<unknown>): unknown;
}
  ? Tx
  : D;

/** Options of {@link drizzleAdapter}. */
export interface DrizzleAdapterOptions {
  /** `eq` of `drizzle-orm`: handed in, so that this package works with the one that you have. */
  readonly eq: AnyFunction;
}

/**
 * A statement that is being built: awaited it runs, with `returning` it answers rows. That of MySQL and SingleStore has no `returning`;
 * its insert answers with `$returningId` the keys that were made.
 */
interface Statement extends PromiseLike<unknown> {
  values(values: AnyRow): Statement;
  set(values: AnyRow): Statement;
  where(condition: unknown): Statement;
  returning?: () => PromiseLike<AnyRow[]>;
  $returningId?: () => PromiseLike<AnyRow[]>;
}

interface Query {
  from(table: unknown): { where(condition: unknown): PromiseLike<AnyRow[]> };
}

interface Writer {
  select(): Query;
  insert(table: unknown): Statement;
  update(table: unknown): Statement;
  delete(table: unknown): Statement;
  transaction<R>(run: (tx: Writer) => Promise<R>): Promise<R>;
}

const SYNCHRONOUS =
  "the transactions of this driver of Drizzle are synchronous (better-sqlite3, Bun, Expo, sql.js, Durable Objects), and cannot wait for what is written here. Use a driver whose transactions are asynchronous (`drizzle-orm/libsql` opens the same files), or a transaction of your own with `publishResource` behind it.";

/**
 * Writes rows through a database of Drizzle: `drizzleAdapter(db, { eq })`. A database without `returning` (MySQL, SingleStore) is asked
 * for the row with a second query: after an insert and an update, before a delete. Transactions need a driver whose transactions are
 * asynchronous, libsql for one. Those of better-sqlite3, Bun, Expo and sql.js are not: `transaction` refuses them.
 *
 * @throws TidingsError `bad_option`
 */
export function drizzleAdapter<D extends DrizzleDatabase>(
  db: D,
  { eq }: DrizzleAdapterOptions,
): ResourceAdapter<DrizzleTransaction<D>> {
  if (typeof db?.insert !== "function" || typeof eq !== "function") {
    throw new TidingsError(
      "bad_option",
      '`drizzleAdapter(db, { eq })` takes a database of Drizzle, and `eq`: `import { eq } from "drizzle-orm"`.',
    );
  }
  const writer = (tx: unknown): Writer => (tx ?? db) as unknown as Writer;
  const isRow = ({ name, table, key }: WriteTarget, id: unknown): unknown => {
    const column = (table as AnyRow)[key];
    if (column === undefined)
      throw new TidingsError(
        "bad_option",
        `resource "${name}" has no column "${key}": say by \`key\` which one a row is known by.`,
      );
    return (eq as (column: unknown, value: unknown) => unknown)(column, id);
  };

  async function find(target: WriteTarget, id: unknown, tx: unknown): Promise<AnyRow | undefined> {
    const [row] = await writer(tx).select().from(target.table).where(isRow(target, id));
    return row;
  }

  return {
    async create(target, values, tx) {
      const statement = writer(tx).insert(target.table).values(values);
      if (statement.returning) {
        const [row = values] = await statement.returning();
        return row;
      }
      const [made] = statement.$returningId ? await statement.$returningId() : (await statement, []);
      const id = values[target.key] ?? made?.[target.key];
      // A key that the database made by a default of its own is not known.
      return id === undefined ? values : ((await find(target, id, tx)) ?? values);
    },
    async update(target, id, values, tx) {
      const statement = writer(tx).update(target.table).set(values).where(isRow(target, id));
      if (!statement.returning) {
        await statement;
        return await find(target, values[target.key] ?? id, tx);
      }
      const [row] = await statement.returning();
      return row;
    },
    async delete(target, id, tx) {
      const statement = writer(tx).delete(target.table).where(isRow(target, id));
      if (!statement.returning) {
        const row = await find(target, id, tx);
        await statement;
        return row;
      }
      const [row] = await statement.returning();
      return row;
    },
    async transaction(run) {
      // Such a driver commits as soon as the function has returned its promise, and what it then writes is in no transaction.
      if ((db as Driver).resultKind === "sync") throw new TidingsError("bad_option", SYNCHRONOUS);
      return await writer(undefined).transaction((tx) => run(tx as never));
    },
  };
}
