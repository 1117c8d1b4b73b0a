import type { BrokerState } from "../broker.ts";

type Known = Exclude<BrokerState, "idle">;

/** Whether Redis can be reached, from the transport that sees it to the hub that asks later. */
export class Reachable {
  #state: Known | undefined;
  readonly #watchers = new Set<(state: Known) => void>();

  /** It changed. */
  readonly changed = (state: Known): void => {
    this.#state = state;
    for (const watcher of this.#watchers) watcher(state);
  };

  watch(changed: (state: Known) => void): void {
    this.#watchers.add(changed);
    if (this.#state) changed(this.#state);
  }
}
