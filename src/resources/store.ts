import { TidingsError } from "../index.ts";
import type { AnyRow, ResourceAdapter } from "./adapter.ts";
import { pingOf, type ResourceEvent } from "./binding.ts";
import { resourceChannel, type LiveTarget } from "./names.ts";
import type { Publisher } from "./publisher.ts";
import type { NewRowOf, Resource, RowOf } from "./resource.ts";

/** Tells what was written, now or when it is committed. Never rejects. */
export type Told = (channel: string, ping: object) => Promise<void>;

/** Writes one resource, and tells of each write when it is committed. */
export interface ResourceStore<T = unknown> {
  readonly name: string;
  readonly columns: readonly string[] | undefined;
  readonly realtime: boolean;
  /** @returns the row as it is stored. @throws what the database throws; nothing is told then */
  create(values: NewRowOf<T>): Promise<RowOf<T>>;
  /** @returns the row as it is stored now; nothing when there is none, and nothing is told. */
  update(id: string | number, values: Partial<NewRowOf<T>>): Promise<RowOf<T> | undefined>;
  /** @returns the row that was deleted; nothing when there is none, and nothing is told. */
  delete(id: string | number): Promise<RowOf<T> | undefined>;
  /**
   * What a browser needs to know of it, with where its log stands. Ask before you read the rows: a list that has both misses nothing in
   * between. Plain data, for a client component or an answer. Trouble on the way leaves the cursor out.
   */
  live(): Promise<LiveTarget>;
}

/** What a store writes with. */
export interface StoreParts<Tx> {
  readonly resource: Resource;
  readonly adapter: ResourceAdapter<Tx> | undefined;
  readonly tell: Told;
  readonly publisher: Publisher;
  /** The transaction that it is part of. */
  readonly tx?: Tx | undefined;
}

export function createStore<Tx>({ resource, adapter, tell, publisher, tx }: StoreParts<Tx>): ResourceStore {
  const { name, table, key, columns, realtime } = resource;
  const target = { name, table, key };

  function writer(): ResourceAdapter<Tx> {
    if (adapter) return adapter;
    throw new TidingsError(
      "bad_option",
      `resource "${name}" is written through an \`adapter\` of \`defineAdmin\`, and there is none. After a write of your own, call \`publishResource("${name}", …)\`.`,
    );
  }

  async function written(
    action: ResourceEvent["action"],
    row: AnyRow | undefined,
    id = row?.[key],
  ): Promise<AnyRow | undefined> {
    if (row && realtime) await tell(resourceChannel(name), pingOf(action, id));
    return row;
  }

  return {
    name,
    columns,
    realtime,
    async create(values) {
      return (await written("create", await writer().create(target, values, tx))) as AnyRow;
    },
    update: async (id, values) => await written("update", await writer().update(target, id, values, tx), id),
    delete: async (id) => await written("delete", await writer().delete(target, id, tx), id),
    async live() {
      if (!realtime) return { name, realtime };
      try {
        return { name, realtime, cursor: await publisher.realtime.channel(resourceChannel(name)).cursor() };
      } catch {
        // A list without it fetches once more when it is live.
        return { name, realtime };
      }
    },
  };
}
