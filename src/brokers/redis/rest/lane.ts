import type { Timer } from "../../../protocol/clock.ts";
import type { Pending, PendingState } from "../connections/pending.ts";
import type { RestCommand } from "./endpoint.ts";

/** What goes out in one request. */
const MAX_COMMANDS = 500;
const MAX_BYTES: number = 256 * 1024;

/** A command in a request. */
interface Item {
  readonly pending: Pending;
  /** What was known of it before it was sent this time. */
  readonly before: PendingState;
  /** The key that keeps an append from being executed from now on, when its answer is lost. */
  readonly fence: string | undefined;
}

/** The commands of one request. */
export interface Shipment {
  readonly items: readonly Item[];
  /** Announces what the last request stored. */
  readonly bell: RestCommand | undefined;
  readonly bytes: number;
  readonly sentAt: number;
}

/** The commands of one key: one request at a time, in call order. */
export class RestLane {
  readonly key: string;
  /** What waits to be sent, in call order. */
  readonly queue: Pending[] = [];
  /** Appends whose answer was lost, with their fences; those that nobody waits for any more among them. */
  readonly doubts: Map<Pending, string> = new Map();
  shipment: Shipment | undefined;
  bell: RestCommand | undefined;
  isSending: boolean = false;
  /** Runs while the lane pauses. */
  pause: Timer | undefined;
  /** Requests in a row that failed. */
  failures = 0;
  /** Why the last one did. */
  reason: Error | undefined;
  #shipped = 0;

  constructor(key: string) {
    this.key = key;
  }

  get isBusy(): boolean {
    return this.isSending || this.pause !== undefined;
  }

  get isEmpty(): boolean {
    return this.queue.length === 0 && this.doubts.size === 0 && this.bell === undefined;
  }

  /** Takes what goes out next: at least one command, if there is one. */
  load(now: number): Shipment {
    let bytes = 0;
    let count = 0;
    for (const { command } of this.queue) {
      if (count === MAX_COMMANDS || (count > 0 && bytes + command.bytes > MAX_BYTES)) break;
      bytes += command.bytes;
      count++;
    }
    this.#shipped++;
    const items = this.queue.splice(0, count).map((pending): Item => {
      const { state: before, command } = pending;
      pending.state = "sent";
      pending.sentAt = now;
      return { pending, before, fence: this.#fenceOf(command.emit) };
    });
    this.shipment = { items, bell: this.bell, bytes, sentAt: now };
    this.bell = undefined;
    return this.shipment;
  }

  /** Takes back what was certainly not executed. */
  unload({ items, bell }: Shipment): void {
    for (const { pending, before } of items) pending.state = before;
    this.#putBack(items, bell);
  }

  /** Takes back what was sent and not answered. To send it again is harmless for what does not change the log. */
  lose({ items, bell }: Shipment): void {
    for (const { pending, fence } of items) {
      pending.state = pending.command.emit ? "inDoubt" : "waiting";
      if (fence) this.doubts.set(pending, fence);
    }
    this.#putBack(items, bell);
  }

  remove(pending: Pending): void {
    const at = this.queue.indexOf(pending);
    if (at >= 0) this.queue.splice(at, 1);
  }

  #putBack(items: readonly Item[], bell: RestCommand | undefined): void {
    this.queue.unshift(...items.map(({ pending }) => pending).filter(({ isSettled }) => !isSettled));
    this.bell ??= bell;
  }

  #fenceOf(emit: Pending["command"]["emit"]): string | undefined {
    // Those with an id of the caller's own too: a late one would come before what it followed.
    if (!emit) return undefined;
    // Of this attempt alone: a later one must not be kept from being executed.
    return `{${this.key}}:fence:${emit.emitId}:${this.#shipped}`;
  }
}
