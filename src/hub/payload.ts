import type { Entry } from "../brokers/broker.ts";
import { isEventName } from "../protocol/names.ts";

/**
 * The data of an entry; `undefined` when no event can be read from it. A log can hold what others wrote: text that closes the
 * frame's object early, `1,"channel":"admin"`, would forge the fields of another channel. Only a parse tells for certain; it
 * happens once per entry and process, whoever reads it (docs/adr/0003-hub.md has its price).
 */
export function payloadOf({ event, json }: Entry): { readonly data: unknown } | undefined {
  if (!isEventName(event)) return undefined;
  try {
    return { data: JSON.parse(json) as unknown };
  } catch {
    return undefined;
  }
}
