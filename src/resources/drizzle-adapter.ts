import { TidingsError } from "../index.ts";
import type { AnyRow, ResourceAdapter, WriteTarget } from "./adapter.ts";

type AnyFunction = (...args: never) => unknown;

/** A database of Drizzle, of any dialect and driver, as far as it is used here. */
export interface DrizzleDatabase {
  readonly insert: AnyFunction;
  readonly update: AnyFunction;
  readonly delete: AnyFunction;
  readonly transaction?: AnyFunction;
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

/** A statement that is being built: awaited it runs, with `returning` it answers rows. MySQL has no `returning`. */
interface Statement extends PromiseLike<unknown> {
  values(values: AnyRow): Statement;
  set(values: AnyRow): Statement;
  where(condition: unknown): Statement;
  returning?: () => PromiseLike<AnyRow[]>;
}

interface Writer {
  insert(table: unknown): Statement;
  update(table: unknown): Statement;
  delete(table: unknown): Statement;
  transaction<R>(run: (tx: Writer) => Promise<R>): Promise<R>;
}

/**
 * Writes rows through a database of Drizzle: `drizzleAdapter(db, { eq })`. Transactions need a driver whose transactions are
 * asynchronous; that of better-sqlite3 is not.
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

  return {
    async create({ table }, values, tx) {
      const [row = values] = await rowsOf(writer(tx).insert(table).values(values), values);
      return row;
    },
    async update(target, id, values, tx) {
      const statement = writer(tx).update(target.table).set(values).where(isRow(target, id));
      const [row] = await rowsOf(statement, { ...values, [target.key]: id });
      return row;
    },
    async delete(target, id, tx) {
      const [row] = await rowsOf(writer(tx).delete(target.table).where(isRow(target, id)), { [target.key]: id });
      return row;
    },
    transaction: (run) => writer(undefined).transaction((tx) => run(tx as never)),
  };
}

/** @param otherwise the row, where the database does not answer it */
async function rowsOf(statement: Statement, otherwise: AnyRow): Promise<readonly AnyRow[]> {
  if (typeof statement.returning === "function") return await statement.returning();
  await statement;
  return [otherwise];
}
