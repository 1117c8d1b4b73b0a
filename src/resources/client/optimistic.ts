/** What somebody changed in a list, before the server has said so. */
export type Change<Row> =
  | { readonly kind: "insert"; readonly key: unknown; readonly row: Row }
  | { readonly kind: "update"; readonly key: unknown; readonly patch: Partial<Row> }
  | { readonly kind: "remove"; readonly key: unknown };

/** A list of rows as a page shows it. */
export interface Rows<Row> {
  readonly rows: readonly Row[];
  /** Rows on all pages, where it is known. */
  readonly total: number | undefined;
}

/**
 * The rows that the server has sent, with the changes on top, in their order. A row that the server has already is not inserted twice; a
 * change to a row that is not on this page changes nothing.
 */
export function withChanges<Row>(
  sent: Rows<Row>,
  changes: ReadonlyArray<Change<Row>>,
  keyOf: (row: Row) => unknown,
): Rows<Row> {
  if (changes.length === 0) return sent;
  let { rows, total } = sent;
  const grow = (by: number): void => {
    if (total !== undefined) total += by;
  };
  for (const change of changes) {
    const isThere = rows.some((row) => keyOf(row) === change.key);
    if (change.kind === "insert") {
      if (isThere) continue;
      rows = [change.row, ...rows];
      grow(1);
    } else if (!isThere) {
      continue;
    } else if (change.kind === "update") {
      rows = rows.map((row) => (keyOf(row) === change.key ? { ...row, ...change.patch } : row));
    } else {
      rows = rows.filter((row) => keyOf(row) !== change.key);
      grow(-1);
    }
  }
  return { rows, total };
}
