import { announce, announceWritten } from "./announce.ts";
import { resourceChannel } from "./names.ts";
import { checkChannel, createPublisher, type Publisher } from "./publisher.ts";

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
  /** Subscriptions that wait for a publisher. */
  readonly subscribing: Set<(publisher: Publisher) => void>;
  /** What was published, and waits for a publisher. */
  readonly publishing: Set<Waiting>;
  /** What was warned of. */
  readonly warned: Set<string>;
}

interface Waiting {
  readonly channel: string;
  readonly payload: unknown;
}

/** What may wait to be published: above that the oldest is forgotten. */
const MAX_WAITING = 1_000;
/** Bumped when the states of two versions of this package can no longer stand for each other. */
const GENERATION = 1;
const STATE: unique symbol = Symbol.for("tidings.resources") as never;

function state(): ProcessState {
  const holder = globalThis as { [STATE]?: Record<number, ProcessState | undefined> };
  const generations = (holder[STATE] ??= {});
  return (generations[GENERATION] ??= { subscribing: new Set(), publishing: new Set(), warned: new Set() });
}

function current(): Publisher | undefined {
  const { bound, defined } = state();
  return bound ?? defined;
}

function serveWaiting(): void {
  const publisher = current();
  if (!publisher) return;
  const { subscribing, publishing } = state();
  for (const start of subscribing) {
    subscribing.delete(start);
    try {
      start(publisher);
    } catch (error) {
      console.error("tidings: a channel that was subscribed to before there was an admin cannot be heard.", error);
    }
  }
  for (const waiting of publishing) {
    publishing.delete(waiting);
    void announceWritten(publisher, waiting.channel, waiting.payload);
  }
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

function warnOnce(text: string): void {
  const { warned } = state();
  if (warned.has(text)) return;
  warned.add(text);
  console.warn(text);
}

function warnOfWaiting(): void {
  warnOnce(
    "tidings: something was published, or a channel subscribed to, before this process has an admin. It waits until there is one: import the file that calls `defineAdmin`, in Next.js from instrumentation.ts, or call `bindPublisher(admin)` where this process begins.",
  );
}

/** Keeps what is published until there is a publisher. @throws TidingsError what that one would, in case it is a mistake of the caller */
async function hold(waiting: Waiting): Promise<void> {
  const { publishing } = state();
  // First, so that what is published in this order is told in this order.
  publishing.add(waiting);
  const judge = createPublisher({ driver: "memory", keyPrefix: "tidings-nobody" });
  try {
    await judge.publish(waiting.channel, waiting.payload);
  } catch (error) {
    publishing.delete(waiting);
    throw error;
  } finally {
    await judge.close();
  }
  warnOfWaiting();
  for (const oldest of publishing) {
    if (publishing.size <= MAX_WAITING) return;
    publishing.delete(oldest);
    warnOnce(
      `tidings: more than ${MAX_WAITING} messages were published before this process has an admin. The oldest are dropped, and nobody will hear of them.`,
    );
  }
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
  const publisher = current();
  await (publisher ? announce(publisher, channel, payload) : hold({ channel, payload }));
}

/**
 * Hears a channel in this process, from now on or from when there is an admin.
 * @returns ends it; safe to call at once, and twice.
 * @throws TidingsError `bad_channel`
 */
export function subscribe(channel: string, handler: (payload: unknown) => unknown): () => void {
  const publisher = current();
  if (publisher) return publisher.subscribe(channel, handler);
  checkChannel(channel);
  const { subscribing } = state();
  let end: (() => void) | undefined;
  const start = (found: Publisher): void => void (end = found.subscribe(channel, handler));
  subscribing.add(start);
  warnOfWaiting();
  return () => {
    subscribing.delete(start);
    end?.();
  };
}

/** What is told of a row: what happened, and to which. Never what is in it. */
export function pingOf(action: ResourceEvent["action"], id: unknown): object {
  return typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? { action, id: String(id) } : { action };
}
