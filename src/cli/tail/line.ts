import { visible } from "../visible.ts";
import type { Shown } from "./watcher.ts";

/** How {@link lineOf} writes. */
export interface LineOptions {
  readonly json: boolean;
  /** In milliseconds since 1970, for an event whose id does not tell when it was stored. */
  readonly now: number;
}

/** An event in one line: when it was stored, its channel, its name, its data. Nothing in it can drive the terminal. */
export function lineOf({ id, channel, event, data, replayed }: Shown, { json, now }: LineOptions): string {
  // Escaped as JSON does it, so it can be parsed all the same.
  if (json) return visible(JSON.stringify({ id, channel, event, data, replayed }));
  return visible([new Date(storedAt(id) ?? now).toISOString(), channel, event, JSON.stringify(data)].join("  "));
}

/** The milliseconds of which an id of Redis, or of our memory, is made; other logs may count. */
function storedAt(id: string): number | undefined {
  const [, ms] = /^(\d{13})-\d+$/.exec(id) ?? [];
  return ms === undefined ? undefined : Number(ms);
}
