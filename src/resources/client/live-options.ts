import type { LiveTarget } from "../names.ts";

/** Options of each hook. */
export interface LiveOptions {
  /** Where the route is. All hooks of a page share one connection to it. @default "/api/flowpanel/stream" */
  readonly endpoint?: string | undefined;
  /** The longest time between two attempts to connect, in milliseconds; of several hooks the shortest holds. @default 30000 */
  readonly reconnectMaxMs?: number | undefined;
  /** `false` pauses. @default true */
  readonly enabled?: boolean | undefined;
}

/** A resource by its name, or as `admin.resource(name).live()` describes it. One without `realtime` opens no connection. */
export type ResourceInput = string | LiveTarget;

export function targetOf(resource: ResourceInput): LiveTarget {
  return typeof resource === "string" ? { name: resource, realtime: true } : resource;
}
