import type { BrokerStatus, HubObserver, Lag, Replay, SessionReader, TracedDelivery } from "../hub/observer.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import type { TidingsError } from "../protocol/error.ts";
import { readerInfo, type ConnectInfo, type DisconnectInfo, type EmitInfo, type RealtimeHooks } from "./hooks.ts";
import type { RealtimeLogger } from "./internals.ts";

/** An emit that somebody traces. */
export interface TracedEmit {
  /** The trace context that goes with the event. */
  readonly trace?: string | undefined;
  ended(cursor: RealtimeCursor | undefined, error: TidingsError | undefined): void;
}

/** Who wants to hear what happens to one `Realtime`: hooks, and what only traces need. */
export interface RealtimeObserver extends RealtimeHooks {
  /** An emit is about to be handed to the broker, in the caller's context. */
  emitting?(channel: string, event: string): TracedEmit | undefined;
  /** A traced event was given to the readers that were up to date. */
  delivered?(delivery: TracedDelivery): void;
}

type Hook = Exclude<keyof RealtimeObserver, "emitting">;
type InfoOf<H extends Hook> = Parameters<NonNullable<RealtimeObserver[H]>>[0];

/** Tells all who want to hear of one `Realtime`. Nothing that they do comes through to who tells. */
export class Observers implements HubObserver {
  readonly #logger: RealtimeLogger;
  readonly #observers = new Set<RealtimeObserver>();
  readonly #said = new Set<string>();

  constructor(logger: RealtimeLogger, hooks: RealtimeHooks | undefined) {
    this.#logger = logger;
    if (hooks) this.#observers.add(hooks);
  }

  /** @returns ends it */
  add(observer: RealtimeObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Whether anybody wants to know of emits. */
  get wantsEmits(): boolean {
    for (const { onEmit, emitting } of this.#observers) if (onEmit ?? emitting) return true;
    return false;
  }

  /** An emit is about to be handed to the broker. @returns those who trace it */
  emitting(channel: string, event: string): readonly TracedEmit[] {
    const traced: TracedEmit[] = [];
    for (const observer of this.#observers) {
      this.#guard("emitting", () => {
        const one = observer.emitting?.(channel, event);
        if (one) traced.push(one);
      });
    }
    return traced;
  }

  emitted(info: EmitInfo, traced: readonly TracedEmit[]): void {
    for (const one of traced) this.#guard("emitting", () => one.ended(info.cursor, info.error));
    this.#tell("onEmit", info);
  }

  connected(info: ConnectInfo): void {
    this.#tell("onConnect", info);
  }

  disconnected(info: DisconnectInfo): void {
    this.#tell("onDisconnect", info);
  }

  // What the hub says

  replayed(reader: SessionReader, replay: Replay): void {
    this.#tell("onReplay", { ...readerInfo(reader), ...replay });
  }

  gap(gap: Gap, readers: number, reader?: SessionReader): void {
    this.#tell("onGap", { ...gap, readers, ...(reader && { reader: readerInfo(reader) }) });
  }

  lag(reader: SessionReader, lag: Lag): void {
    this.#tell("onLag", { ...readerInfo(reader), ...lag });
  }

  delivered(delivery: TracedDelivery): void {
    this.#tell("delivered", delivery);
  }

  broker(status: BrokerStatus, durationMs: number): void {
    this.#tell("onBroker", { ...status, durationMs });
  }

  #tell<H extends Hook>(hook: H, info: InfoOf<H>): void {
    for (const observer of this.#observers) {
      // A method, so that a class can be one.
      this.#guard(hook, () => (observer[hook] as ((info: InfoOf<H>) => unknown) | undefined)?.call(observer, info));
    }
  }

  #guard(name: string, run: () => unknown): void {
    try {
      const result = run();
      if (result instanceof Promise) result.catch((error: unknown) => this.#failed(name, error));
    } catch (error) {
      this.#failed(name, error);
    }
  }

  #failed(name: string, error: unknown): void {
    if (this.#said.has(name)) return;
    this.#said.add(name);
    this.#logger.error(`tidings: the hook \`${name}\` threw. Nothing else was disturbed. This is said once.`, error);
  }
}

/** Registered, so that a `Realtime` of one bundle can be observed by another. */
const OBSERVERS: unique symbol = Symbol.for("tidings.observers") as never;

/** Lets what instruments an instance find those who hear of it. They are no part of its type and of no listing of its members. */
export function exposeObservers(instance: object, observers: Observers): void {
  Object.defineProperty(instance, OBSERVERS, { value: observers });
}

/** Who hears of a value that claims to be a `Realtime`. */
export function observersOf(value: unknown): Pick<Observers, "add"> | undefined {
  if (typeof value !== "object" || value === null || !(OBSERVERS in value)) return undefined;
  return value[OBSERVERS] as Observers;
}
