/** What the frameworks' bindings take, said once for all of them. */
import type { Gap } from "../../protocol/frames.ts";
import type { MessageIn } from "../../schema/message.ts";
import type { HistoryOption, RealtimeClient, RealtimeClientOptions } from "../options.ts";
import type { ConnectionCallbacks } from "./watch-connection.ts";

/** Options of `useRealtime`, for events given as a map of name → data. */
export interface UseRealtimeOptions<Events, E extends keyof Events & string = keyof Events & string> {
  /** `undefined` and `""` are dropped; with none left nothing is requested. @default ["default"] */
  readonly channels?: ReadonlyArray<string | undefined> | undefined;
  /** Only these events. @default all */
  readonly events?: readonly E[] | undefined;
  /** Called for each event, once, in the order of its channel. The newest function is called; a new one is no new subscription. */
  onData?: ((message: MessageIn<Events, E>) => unknown) | undefined;
  /** `false` pauses the subscription, which goes on where it stood. @default true */
  readonly enabled?: boolean | undefined;
  /** What the log holds comes first: all of it, or the newest `limit`. @default false */
  readonly history?: HistoryOption | undefined;
  /** Go on after this cursor; for several channels, one for each. Read once per channel. */
  readonly after?: string | Readonly<Record<string, string>> | undefined;
  /** Events may be missing: fetch the current state anew. Without it a warning is written to the console in development. */
  onGap?: ((gap: Gap) => unknown) | undefined;
}

/** Options of a `useRealtime` that does not know the events. */
export type UntypedOptions = UseRealtimeOptions<Record<string, unknown>, string>;

/** Options of `provideRealtime`; none is required. Callbacks are read each time they are needed: a getter can change them. */
export interface ProvideRealtimeOptions extends RealtimeClientOptions, ConnectionCallbacks {
  /** A client of your own, which stays yours to destroy. Without it one is made. */
  readonly client?: RealtimeClient | undefined;
}
