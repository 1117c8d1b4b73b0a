import type { Timer } from "../../../protocol/clock.ts";
import type { Pending, Place } from "./pending.ts";
import type { Pipeline } from "./pipeline.ts";

/**
 * The commands of one key while something is wrong with it: its server was lost, or has moved, or wants to be asked again. They are
 * kept in call order, and sent one at a time until one succeeds.
 */
export class Lane implements Place {
  readonly key: string;
  /** By their numbers. */
  readonly #queue: Pending[] = [];
  /** What is on its way for the key. */
  inFlight: number;
  /** The one that was sent to see whether all is well again. */
  probe: Pending | undefined;
  /** Times in a row that the server wanted to be asked again. */
  refusals = 0;
  /** Runs while the lane pauses. */
  pause: Timer | undefined;
  /** The look into the log for those in doubt that is under way. */
  look: { readonly on: Pipeline } | undefined;

  constructor(key: string, inFlight: number) {
    this.key = key;
    this.inFlight = inFlight;
  }

  /** Whether something has to come first before the next one can be sent. */
  get isBusy(): boolean {
    return this.inFlight > 0 || this.pause !== undefined || this.look !== undefined;
  }

  get head(): Pending | undefined {
    return this.#queue[0];
  }

  get inDoubt(): Pending[] {
    return this.#queue.filter(({ state }) => state === "inDoubt");
  }

  add(pending: Pending): void {
    let at = this.#queue.length;
    while (at > 0 && (this.#queue[at - 1] as Pending).number > pending.number) at--;
    this.#queue.splice(at, 0, pending);
    pending.place = this;
  }

  remove(pending: Pending): void {
    const at = this.#queue.indexOf(pending);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  /** Empties it, in order. */
  takeAll(): Pending[] {
    return this.#queue.splice(0);
  }
}
