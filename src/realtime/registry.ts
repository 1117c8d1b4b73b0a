import type { Broker } from "../brokers/broker.ts";
import { Hub, type HubOptions } from "../hub/hub.ts";

/** What two instances that share a hub have in common: the broker's address and key prefix, or the broker that a user passed in. */
export type HubAddress = string | Broker;

interface Registered {
  readonly hub: Hub;
  users: number;
}

/** A hub that one `Realtime` uses until it lets go. */
export interface HubLease {
  readonly hub: Hub;
  /** The last one to let go closes the hub. Safe to call once. */
  release(): Promise<void>;
}

/** Bumped when hubs of two versions of this package can no longer stand for each other. */
const GENERATION = 1;
const REGISTRY: unique symbol = Symbol.for("tidings") as never;

/** What all copies of this package in one process share. */
interface Shared {
  readonly hubs: Map<HubAddress, Registered>;
  /** Advice that was given already. */
  readonly said: Set<string>;
}

/**
 * Hubs live in one place per process, by broker address and key prefix: Next.js evaluates a module several times in one process
 * and again after each edit, and what one copy emits must reach the streams of another.
 */
function shared(): Shared {
  const holder = globalThis as { [REGISTRY]?: Record<number, Shared | undefined> };
  const generations = (holder[REGISTRY] ??= {});
  return (generations[GENERATION] ??= { hubs: new Map(), said: new Set() });
}

/** Whether this is the first time in this process that `advice` is given. */
export function isNewAdvice(advice: string): boolean {
  const { said } = shared();
  return !said.has(advice) && said.add(advice) !== undefined;
}

/** The process's hub for `address`, made on first use. */
export function leaseHub(address: HubAddress, create: () => HubOptions): HubLease {
  const { hubs } = shared();
  let registered = hubs.get(address);
  if (!registered) hubs.set(address, (registered = { hub: new Hub(create()), users: 0 }));
  const { hub } = registered;
  registered.users++;
  return {
    hub,
    async release() {
      const current = hubs.get(address);
      if (current?.hub !== hub || --current.users > 0) return;
      hubs.delete(address);
      await hub.close();
    },
  };
}

/** How many hubs this process has. */
export function countHubs(): number {
  return shared().hubs.size;
}
