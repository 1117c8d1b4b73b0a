import type { RedisAdapter } from "./adapter.ts";

interface Known {
  readonly numbers: WeakMap<RedisAdapter, number>;
  count: number;
}

const KNOWN: unique symbol = Symbol.for("tidings.four-method-adapters") as never;

/**
 * Names an adapter within this process, equal for every copy of this package in it: nothing else tells whether two adapters lead
 * to the same logs.
 */
export function fourMethodIdentity(adapter: RedisAdapter): string {
  const holder = globalThis as { [KNOWN]?: Known };
  const known = (holder[KNOWN] ??= { numbers: new WeakMap(), count: 0 });
  let number = known.numbers.get(adapter);
  if (number === undefined) known.numbers.set(adapter, (number = ++known.count));
  return `four-method:${number}`;
}
