import { createContext, type Context } from "react";
import type { RealtimeEvent } from "../types.ts";
import type { Connection } from "./connection.ts";

/** What {@link useRealtimeContext} returns. */
export interface RealtimeContext {
  readonly isConnected: boolean;
  /** The events of a channel, outside of rendering. The same function until the provider has another connection. @returns ends it */
  subscribe(channel: string, callback: (event: RealtimeEvent) => unknown): () => void;
}

/** What a provider gives to the components below it. */
export interface Provided extends RealtimeContext {
  readonly connection: Connection;
  readonly userId: string | undefined;
}

export const ProviderContext: Context<Provided | undefined> = createContext<Provided | undefined>(undefined);
