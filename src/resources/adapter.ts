/** A row, as far as anything is known of it. */
export type AnyRow = Record<string, unknown>;

/** What an adapter is told to write to. */
export interface WriteTarget {
  readonly name: string;
  /** As it was given to `resource`. */
  readonly table: unknown;
  /** The column by which a row is known. */
  readonly key: string;
}

/** What writes rows for an admin. `Tx` is what it writes through inside a transaction. */
export interface ResourceAdapter<Tx = unknown> {
  /** @returns the row as it is stored. */
  create(target: WriteTarget, values: AnyRow, tx?: Tx): Promise<AnyRow>;
  /** @returns the row as it is stored now, nothing when there is none. */
  update(target: WriteTarget, id: unknown, values: AnyRow, tx?: Tx): Promise<AnyRow | undefined>;
  /** @returns the row that was deleted, nothing when there is none. */
  delete(target: WriteTarget, id: unknown, tx?: Tx): Promise<AnyRow | undefined>;
  /** Resolves when it is committed; rejects, with what `run` rejected with, when it is rolled back. */
  transaction?: (<R>(run: (tx: Tx) => Promise<R>) => Promise<R>) | undefined;
}
