import type { RedisNode } from "./driver.ts";
import { SLOTS } from "./key-slot.ts";

/** `host:port`, by which servers are told apart. */
export function nameOf({ host, port }: RedisNode): string {
  return `${host}:${port}`;
}

/** Which server has which slot. */
export type SlotMap = ReadonlyArray<RedisNode | undefined>;

/**
 * Reads the reply of `CLUSTER SLOTS`; `undefined` when it is none.
 * @param asked who answered: its own name can be missing in the reply
 */
export function parseSlots(reply: unknown, asked: RedisNode): SlotMap | undefined {
  if (!Array.isArray(reply)) return undefined;
  const map = Array.from<RedisNode | undefined>({ length: SLOTS });
  const nodes = new Map<string, RedisNode>();
  for (const range of reply as unknown[]) {
    const [first, last, master] = Array.isArray(range) ? (range as unknown[]) : [];
    const [host, port] = Array.isArray(master) ? (master as unknown[]) : [];
    // A server whose name its cluster does not know yet.
    if (host === null || host === "?") continue;
    const node = { host: typeof host === "string" && host !== "" ? host : asked.host, port: Number(port) };
    const known = nodes.get(nameOf(node)) ?? node;
    nodes.set(nameOf(node), known);
    map.fill(known, Number(first), Number(last) + 1);
  }
  return map;
}

/** The slot and the server that `MOVED <slot> <host>:<port>` and `ASK <slot> <host>:<port>` name. */
export function parseRedirection(error: unknown): { readonly slot: number; readonly node: RedisNode } | undefined {
  const text = error instanceof Error ? error.message : String(error);
  const [, slot, host, port] = /\b(?:ASK|MOVED) (\d+) (\S*):(\d+)/.exec(text) ?? [];
  // Without a host the server does not know its name; then the map tells.
  return host ? { slot: Number(slot), node: { host, port: Number(port) } } : undefined;
}
