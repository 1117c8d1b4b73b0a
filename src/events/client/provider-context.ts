import { createContext, type Context } from "react";
import type { Connection } from "./connection.ts";

/** What a provider gives to the components below it. */
export interface Provided {
  readonly connection: Connection;
  readonly userId: string | undefined;
  readonly isConnected: boolean;
}

export const ProviderContext: Context<Provided | undefined> = createContext<Provided | undefined>(undefined);
