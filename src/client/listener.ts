import { compareCursors, type RealtimeCursor } from "../protocol/cursor.ts";
import type { Gap } from "../protocol/frames.ts";
import type { WireEvent } from "./wire.ts";

/** An event as a listener receives it. */
export interface ClientMessage extends WireEvent {
  /** Whether it was stored before the stream joined the channel. */
  readonly replayed: boolean;
}

/** What a listener asks for, checked and without defaults to fill in. */
export interface ListenerOptions {
  readonly channels: readonly string[];
  readonly events: ReadonlySet<string> | undefined;
  /** Where each channel starts that has no cursor: `""` now, `"-"` what is held, `"-20"` the newest 20, or a cursor. */
  startOf(channel: string): string;
  /** Where the listener stands on each channel. Handed in by whoever wants to go on there later. */
  readonly cursors: Map<string, RealtimeCursor>;
  onData(message: ClientMessage): unknown;
  onGap(gap: Gap): unknown;
}

/** What a stream has said of one channel: everything from `start` up to `position`. */
export interface Coverage {
  /** The log's last id when the stream joined. */
  tail: RealtimeCursor;
  position: RealtimeCursor;
}

/**
 * One subscriber. It has a cursor of its own on each channel, and takes from a stream only what continues it: of two streams that
 * overlap, each event is taken once, from whichever has it first without a hole.
 */
export class Listener {
  readonly options: ListenerOptions;
  /** The newest `-n` of a channel, held back until the rest of what was stored has come. */
  readonly #newest = new Map<string, { readonly limit: number; readonly messages: ClientMessage[] }>();

  constructor(options: ListenerOptions) {
    this.options = options;
  }

  /** Where a stream must start on `channel` for this listener. */
  request(channel: string): string {
    return this.options.cursors.get(channel) ?? this.options.startOf(channel);
  }

  /** A stream has joined `channel`, asked for with this listener in mind. It starts at `start`. */
  joined(channel: string, start: RealtimeCursor, tail: RealtimeCursor): void {
    const { cursors } = this.options;
    const cursor = cursors.get(channel);
    if (cursor !== undefined) {
      // Asked for with "-" on behalf of another listener: the log begins above us.
      if (compareCursors(cursor, start) < 0) this.#gap({ channel, after: cursor, cursor: start, reason: "trimmed" });
      if (compareCursors(cursor, tail) >= 0) this.#release(channel);
      return;
    }
    const asked = this.options.startOf(channel);
    const limit = asked.length > 1 && asked[0] === "-" ? Number(asked.slice(1)) : 0;
    if (limit > 0 && compareCursors(start, tail) < 0) this.#newest.set(channel, { limit, messages: [] });
    cursors.set(channel, asked === "" ? tail : start);
  }

  event(event: WireEvent, { position, tail }: Coverage): void {
    const { channel, id } = event;
    const cursor = this.options.cursors.get(channel);
    if (cursor === undefined || compareCursors(cursor, position) < 0 || compareCursors(id, cursor) <= 0) return;
    this.options.cursors.set(channel, id);
    const message: ClientMessage = { ...event, replayed: compareCursors(id, tail) <= 0 };
    const newest = this.#newest.get(channel);
    if (newest && message.replayed) {
      newest.messages.push(message);
      if (newest.messages.length > newest.limit) newest.messages.shift();
    } else {
      this.#hand(message);
    }
    if (compareCursors(id, tail) >= 0) this.#release(channel);
  }

  gap(gap: Gap, { position }: Coverage): void {
    const { channel } = gap;
    const cursor = this.options.cursors.get(channel);
    if (cursor === undefined || compareCursors(cursor, position) < 0) return;
    if (gap.reason !== "reset" && compareCursors(gap.cursor, cursor) <= 0) return;
    this.#release(channel);
    this.#gap({ ...gap, after: cursor });
  }

  moved(channel: string, to: RealtimeCursor, { position, tail }: Coverage): void {
    const cursor = this.options.cursors.get(channel);
    if (cursor === undefined || compareCursors(cursor, position) < 0 || compareCursors(to, cursor) <= 0) return;
    this.options.cursors.set(channel, to);
    if (compareCursors(to, tail) >= 0) this.#release(channel);
  }

  #gap(gap: Gap): void {
    this.options.cursors.set(gap.channel, gap.cursor);
    guarded(() => this.options.onGap(gap));
  }

  /** What was stored has come: hands over the newest of it. */
  #release(channel: string): void {
    const newest = this.#newest.get(channel);
    this.#newest.delete(channel);
    for (const message of newest?.messages ?? []) this.#hand(message);
  }

  #hand(message: ClientMessage): void {
    if (!this.options.events || this.options.events.has(message.event)) guarded(() => this.options.onData(message));
  }
}

/** A listener that throws must not keep an event from the others: its error is reported as the page's own. */
export function guarded(call: () => unknown): void {
  const report = (error: unknown): void => console.error("tidings: a listener threw; the next event follows.", error);
  try {
    const result = call();
    if (result instanceof Promise) result.catch(report);
  } catch (error) {
    report(error);
  }
}
