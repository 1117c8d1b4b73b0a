import { TidingsError, type Realtime } from "../index.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { ResourceAdapter } from "./adapter.ts";
import { announceWritten } from "./announce.ts";
import { checkAuth, type AdminAuth, type AdminSession } from "./auth.ts";
import { bindDefined, pingOf, unbind, type ResourceEvent } from "./binding.ts";
import { resourceChannel } from "./names.ts";
import { createPublisher, type Publisher, type PublisherOptions } from "./publisher.ts";
import type { Resource } from "./resource.ts";
import { createStore, type ResourceStore, type Told } from "./store.ts";

/** A list of resources, or an object of them. */
export type ResourcesInput = readonly Resource[] | Readonly<Record<string, Resource>>;

/** Options of {@link defineAdmin}. */
export interface AdminOptions<R extends ResourcesInput = ResourcesInput, Tx = unknown, S extends AdminSession = AdminSession> {
  /** What `admin.resource(name)` writes with. */
  readonly adapter?: ResourceAdapter<Tx> | undefined;
  /**
   * Who may see what. Without it, everybody who can reach the route may: each resource, and each channel of your own (`publish`). With
   * a `Realtime` that was passed in, channels that are no resource's are refused unless `auth.channel` allows them.
   */
  readonly auth?: AdminAuth<S> | undefined;
  /** Without it, any name is a resource whose changes may be heard. */
  readonly resources?: R | undefined;
  /** Where changes are told. @default { driver: "memory" } */
  readonly realtime?: PublisherOptions | undefined;
}

type Each<R extends ResourcesInput> = R extends readonly (infer E)[] ? E : R[keyof R];

/** The names of its resources. */
export type ResourceName<R extends ResourcesInput> = Each<R> extends { readonly name: infer N extends string } ? N : never;

type TableNamed<R extends ResourcesInput, N extends string> =
  Extract<Each<R>, { readonly name: N }> extends { readonly table: infer T } ? T : unknown;

/** What a transaction writes and tells through. */
export interface AdminTransaction<R extends ResourcesInput, Tx> {
  /** As the adapter's database gives it, for writes of your own. */
  readonly tx: Tx;
  resource<N extends ResourceName<R>>(name: N): Pick<ResourceStore<TableNamed<R, N>>, "create" | "update" | "delete">;
  /** Tells of a write of your own, when the transaction is committed. */
  publishResource(name: string, event: ResourceEvent): void;
}

/** What {@link defineAdmin} returns. */
export interface Admin<R extends ResourcesInput = ResourcesInput, Tx = unknown> extends AsyncDisposable {
  readonly auth: AdminAuth | undefined;
  /** By name; nothing when none were named. */
  readonly resources: ReadonlyMap<string, Resource> | undefined;
  readonly publisher: Publisher;
  /** The `Realtime` below, made at its first use: for `stats`, `drain` and `disconnect`. */
  readonly realtime: Realtime;
  /** Writes a resource through the adapter, and tells of it. @throws TidingsError `bad_option` for a resource that there is not */
  resource<N extends ResourceName<R>>(name: N): ResourceStore<TableNamed<R, N>>;
  /**
   * Writes in one transaction. What is written is told when it is committed, and never told when it is rolled back.
   * @throws what `run` throws; TidingsError `bad_option` when the adapter has no transactions
   */
  transaction<T>(run: (transaction: AdminTransaction<R, Tx>) => Promise<T>): Promise<T>;
  /** Ends its streams, and what it opened. A `Realtime` that was passed in stays open. */
  close(): Promise<void>;
}

const ADMIN_OPTIONS: Readonly<Record<keyof AdminOptions, true>> = {
  adapter: true,
  auth: true,
  resources: true,
  realtime: true,
};

/**
 * An admin: its resources, who may see them, and where their changes are told. Opens nothing before it is used. From now on
 * `publishResource` of this process speaks through it.
 *
 * @throws TidingsError `bad_option`
 */
export function defineAdmin<
  const R extends ResourcesInput = readonly Resource[],
  Tx = unknown,
  S extends AdminSession = AdminSession,
>(options: AdminOptions<R, Tx, S> = {}): Admin<R, Tx> {
  if (typeof options !== "object" || options === null)
    throw new TidingsError("bad_option", "`defineAdmin` takes an object { adapter, auth, resources, realtime }.");
  refuseUnknownOptions("`defineAdmin`", options, ADMIN_OPTIONS);
  const { adapter, auth } = options;
  const resources = byName(options.resources);
  checkAuth(auth, resources?.values() ?? []);
  const publisher = createPublisher(options.realtime);
  bindDefined(publisher);

  const tell: Told = (channel, ping) => announceWritten(publisher, channel, ping);

  function named(name: string): Resource {
    const found = resources?.get(name);
    if (found) return found;
    const names = [...(resources?.keys() ?? [])].map((each) => `"${each}"`).join(", ");
    throw new TidingsError(
      "bad_option",
      `this admin has no resource ${JSON.stringify(name)}; it has ${names || "none"}. Add it to \`resources\` of \`defineAdmin\`.`,
    );
  }

  const admin: Admin<R, Tx> = {
    auth,
    resources,
    publisher,
    get realtime() {
      return publisher.realtime;
    },
    resource: (name) => createStore({ resource: named(name), adapter, tell, publisher }),
    async transaction(run) {
      if (typeof adapter?.transaction !== "function")
        throw new TidingsError("bad_option", "`transaction` needs an `adapter` of `defineAdmin` that has transactions.");
      /** By its text, so that ten writes of one row are one ping. */
      const told = new Map<string, readonly [channel: string, ping: object]>();
      const hold: Told = async (channel, ping) => void told.set(channel + JSON.stringify(ping), [channel, ping]);
      const result = await adapter.transaction((tx) =>
        run({
          tx,
          resource: (name) => createStore({ resource: named(name), adapter, tell: hold, publisher, tx }) as never,
          publishResource: (name, { action, id }) => void hold(resourceChannel(name), pingOf(action, id)),
        }),
      );
      await Promise.all([...told.values()].map(([channel, ping]) => tell(channel, ping)));
      return result;
    },
    async close() {
      unbind(publisher);
      await publisher.close();
    },
    [Symbol.asyncDispose]: () => admin.close(),
  };
  return admin;
}

function byName(resources: ResourcesInput | undefined): ReadonlyMap<string, Resource> | undefined {
  if (resources === undefined) return undefined;
  const list: readonly Resource[] = typeof resources === "object" && resources !== null ? Object.values(resources) : [];
  const map = new Map<string, Resource>();
  for (const each of list) {
    if (typeof each?.name !== "string" || typeof each.key !== "string")
      throw new TidingsError(
        "bad_option",
        "`resources` of `defineAdmin` holds what `resource(…)` returns, in a list or an object.",
      );
    if (map.has(each.name)) throw new TidingsError("bad_option", `\`resources\` of \`defineAdmin\` has "${each.name}" twice.`);
    map.set(each.name, each);
  }
  return map;
}
