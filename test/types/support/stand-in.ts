/** The typed surface of `Realtime` and `createRealtime`, so that the cost of the inference is measured without the rest. */
import type { RealtimeCursor } from "../../../src/protocol/cursor.ts";
import type { CarriesEvents, EventsOf } from "../../../src/schema/infer.ts";
import type { HistoryMessage, Message, MessageIn } from "../../../src/schema/message.ts";
import type { EventInput, EventName, Schema, SchemaOf } from "../../../src/schema/schema.ts";

export interface Options {
  readonly schema?: Schema | undefined;
  readonly verbose?: boolean | undefined;
}

// Merged with the class, because isolatedDeclarations allows no computed property name in one.
export interface StandIn<O extends Options = Options> extends CarriesEvents<SchemaOf<O>> {}
export declare class StandIn<const O extends Options = Options> {
  constructor(options?: O);
  emit<E extends EventName<O>>(event: E, data: EventInput<O, E>): Promise<RealtimeCursor>;
  history(): Promise<HistoryMessage<O>[]>;
  subscribe<E extends EventName<O> = EventName<O>>(options: {
    readonly events?: readonly E[] | undefined;
    onData(message: Message<O, E>): unknown;
  }): Promise<() => void>;
}

export interface HookOptions<M, E extends keyof M & string> {
  readonly events?: readonly E[] | undefined;
  readonly onData?: ((message: MessageIn<M, E>) => void) | undefined;
}

/** The typed surface of `createRealtime`. */
export declare function createHook<T extends object>(): {
  useRealtime<E extends keyof EventsOf<T> & string = keyof EventsOf<T> & string>(options: HookOptions<EventsOf<T>, E>): void;
};
