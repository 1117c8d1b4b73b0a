import type { BrokerStatus } from "../hub/observer.ts";

/** Whether a process should live, and whether it should be given requests. */
export interface RealtimeHealth {
  /** `false` once the instance is closed: the process is about to end. Restart it only for that. */
  readonly live: boolean;
  /**
   * Whether requests should come here: `false` until the broker was reached for the first time, while the instance drains, and when it
   * is closed. A broker that is away later changes nothing: streams are kept, and no other process could do better.
   */
  readonly ready: boolean;
  /** Whether the instance sends its clients to other servers before it closes. */
  readonly draining: boolean;
  readonly broker: BrokerStatus;
}
