import { announce } from "./announce.ts";
import { resourceChannel } from "./names.ts";
import type { Publisher } from "./publisher.ts";

/** What happened to a row. */
export interface ResourceEvent {
  readonly action: "create" | "update" | "delete";
  /** Which row. */
  readonly id?: string | number | undefined;
}

/** What all copies of this module in one process share: Next.js evaluates it once for each of its bundles. */
interface ProcessState {
  /** By `bindPublisher`. */
  bound?: Publisher | undefined;
  /** By the admin that was defined last. */
  defined?: Publisher | undefined;
  /** What waits for a publisher. */
  waiting: Array<(publisher: Publisher) => unknown>;
  isWarned: boolean;
}

/** What may wait: above that the oldest is forgotten. */
const MAX_WAITING = 1_000;
/** Bumped when the states of two versions of this package can no longer stand for each other. */
const GENERATION = 1;
const STATE: unique symbol = Symbol.for("tidings.resources") as never;

function state(): ProcessState {
  const holder = globalThis as { [STATE]?: Record<number, ProcessState | undefined> };
  const generations = (holder[STATE] ??= {});
  return (generations[GENERATION] ??= { waiting: [], isWarned: false });
}

function current(): Publisher | undefined {
  const { bound, defined } = state();
  return bound ?? defined;
}

function serveWaiting(): void {
  const publisher = current();
  if (publisher) for (const serve of state().waiting.splice(0)) serve(publisher);
}

/**
 * Makes `publish`, `publishResource` and `subscribe` of this process speak through an admin, or through a publisher. An admin binds
 * itself when it is defined; a process with several says here which one is meant.
 */
export function bindPublisher(source: Publisher | { readonly publisher: Publisher }): void {
  state().bound = "publisher" in source ? source.publisher : source;
  serveWaiting();
}

/** An admin was defined: it is the one that is meant, unless another was bound. */
export function bindDefined(publisher: Publisher): void {
  state().defined = publisher;
  serveWaiting();
}

/** A publisher was closed. */
export function unbind(publisher: Publisher): void {
  const bindings = state();
  if (bindings.bound === publisher) bindings.bound = undefined;
  if (bindings.defined === publisher) bindings.defined = undefined;
}

/** Calls back with the publisher of this process, as soon as there is one. */
function withPublisher<R>(use: (publisher: Publisher) => R): R | undefined {
  const publisher = current();
  if (publisher) return use(publisher);
  const bindings = state();
  if (bindings.waiting.push(use) > MAX_WAITING) bindings.waiting.shift();
  if (!bindings.isWarned) {
    bindings.isWarned = true;
    console.warn(
      "tidings: something was published before this process has an admin. It waits until there is one: import the file that calls `defineAdmin`, in Next.js from instrumentation.ts, or call `bindPublisher(admin)` where this process begins.",
    );
  }
  return undefined;
}

/**
 * Tells that a row changed: every list and widget on the resource refreshes. To be called when the write is committed. Trouble on the
 * way is a warning (`realtime_failed`): the write has happened.
 *
 * @throws TidingsError `bad_channel` for what is no name
 */
export async function publishResource(name: string, { action, id }: ResourceEvent): Promise<void> {
  await publish(resourceChannel(name), pingOf(action, id));
}

/**
 * Tells something on a channel of your own. Trouble on the way is a warning.
 *
 * @param payload less than 64 KiB of JSON. @default null
 * @throws TidingsError `bad_channel`, `payload_too_large`, `payload_not_json`
 */
export async function publish(channel: string, payload?: unknown): Promise<void> {
  await withPublisher((publisher) => announce(publisher, channel, payload));
}

/**
 * Hears a channel in this process, from now on or from when there is an admin.
 * @returns ends it; safe to call at once, and twice.
 */
export function subscribe(channel: string, handler: (payload: unknown) => unknown): () => void {
  let isOver = false;
  let end: (() => void) | undefined;
  withPublisher((publisher) => {
    if (!isOver) end = publisher.subscribe(channel, handler);
  });
  return () => {
    isOver = true;
    end?.();
  };
}

/** What is told of a row: what happened, and to which. Never what is in it. */
export function pingOf(action: ResourceEvent["action"], id: unknown): object {
  return typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? { action, id: String(id) } : { action };
}
