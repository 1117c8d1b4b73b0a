import type { Clock } from "../../protocol/clock.ts";
import { compareCursors, ORIGIN, positionBelow, type RealtimeCursor } from "../../protocol/cursor.ts";
import type { RedisAdapter, StreamEntry, XAddOptions, XRangeArgs, XReadArgs, XReadResult } from "./adapter.ts";

/** A read that the store has not answered yet. */
interface Waiting {
  readonly args: XReadArgs;
  answer(): void;
}

/** A stream: what it holds, the last id that its present life has given, and what it was before its newest entry was added. */
interface Stream {
  readonly entries: readonly StreamEntry[];
  readonly last: RealtimeCursor;
  readonly earlier: Stream | undefined;
}

/**
 * An adapter for tests over streams in memory, which knows the truth about each entry. Keeps the documented contract, unless it is
 * told to wait differently, to fail or to hold its answers back.
 */
export class SimulatedAdapter implements RedisAdapter {
  readonly #clock: Clock;
  readonly #streams = new Map<string, Stream>();
  readonly #waiting = new Set<Waiting>();
  #held: Array<() => void> = [];
  #sequence = 0;
  /** What every entry follows in truth, also when that is gone by now. */
  readonly truth: Map<string, RealtimeCursor> = new Map();
  /** Calls of `xread`: their channels. */
  readonly reads: string[][] = [];
  /** How `xread` waits: as it is told, not at all, or until something comes whatever it is told. */
  waits: "as told" | "never" | "for ever" = "as told";
  heedsSignal = true;
  /** Whether answers of `xread` are held back until they are released. */
  holdsReads = false;
  /** What a call rejects with, if it does. */
  fails: (call: keyof RedisAdapter, channels: readonly string[]) => Error | undefined = () => undefined;
  /** What an `xadd` waits for before it is carried out. */
  delaysAdd: (payload: Record<string, unknown>) => Promise<void> | undefined = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Appends at once. */
  add(channel: string, payload: Record<string, unknown>, { maxLen }: XAddOptions = {}): RealtimeCursor {
    const earlier = this.#streams.get(channel);
    const id = `${1_000_000 + Math.floor(this.#clock.now())}-${++this.#sequence}` as RealtimeCursor;
    this.truth.set(`${channel} ${id}`, earlier?.last ?? ORIGIN);
    const entry = { id, payload: JSON.parse(JSON.stringify(payload)) as Record<string, unknown> };
    const entries = [...(earlier?.entries ?? []), entry].slice(maxLen === undefined ? 0 : -maxLen);
    this.#streams.set(channel, { entries, last: id, earlier });
    for (const { args, answer } of [...this.#waiting]) if (args.channels.includes(channel)) answer();
    return id;
  }

  ids(channel: string): string[] {
    return (this.#streams.get(channel)?.entries ?? []).map(({ id }) => id);
  }

  /** The stream is gone, and the next entry begins another one. */
  expire(channel: string): void {
    this.#streams.delete(channel);
  }

  /** A failover to a server that has not heard of the newest entries, nor of what was trimmed for them. @returns their ids */
  loseNewest(channel: string, count: number): string[] {
    const lost: string[] = [];
    for (let stream = this.#streams.get(channel); stream && lost.length < count;) {
      lost.push(stream.last);
      stream = stream.earlier;
      if (stream) this.#streams.set(channel, stream);
      else this.#streams.delete(channel);
    }
    return lost;
  }

  /** Ids go on from a lower one, as on a server whose clock is behind. */
  setBack(channel: string, entries: StreamEntry[]): void {
    this.#streams.set(channel, { entries, last: (entries.at(-1)?.id ?? ORIGIN) as RealtimeCursor, earlier: undefined });
  }

  releaseReads(): void {
    const held = this.#held;
    this.#held = [];
    for (const release of held) release();
  }

  async xadd(channel: string, payload: Record<string, unknown>, options?: XAddOptions): Promise<string> {
    await this.delaysAdd(payload);
    this.#throwIfFailing("xadd", [channel]);
    return this.add(channel, payload, options);
  }

  async xrange(channel: string, { start, end, count }: XRangeArgs = {}): Promise<StreamEntry[]> {
    this.#throwIfFailing("xrange", [channel]);
    const entries = this.#after(channel, start === undefined ? ORIGIN : positionBelow(start as RealtimeCursor));
    return entries
      .filter(({ id }) => end === undefined || compareCursors(id as RealtimeCursor, end as RealtimeCursor) <= 0)
      .slice(0, count);
  }

  async getLatestCursor(channel: string): Promise<string | null> {
    this.#throwIfFailing("getLatestCursor", [channel]);
    return this.ids(channel).at(-1) ?? null;
  }

  async xread(args: XReadArgs): Promise<XReadResult> {
    this.reads.push([...args.channels]);
    this.#throwIfFailing("xread", args.channels);
    let result = this.#found(args);
    if (result.length === 0 && this.waits !== "never" && (args.blockMs !== undefined || this.waits === "for ever")) {
      await this.#wait(args);
      this.#throwIfFailing("xread", args.channels);
      result = this.#found(args);
    }
    if (this.holdsReads) await new Promise<void>((resolve) => this.#held.push(resolve));
    return result;
  }

  /** Every read that waits rejects, as when the connection breaks. */
  interrupt(): void {
    for (const { answer } of [...this.#waiting]) answer();
  }

  #wait(args: XReadArgs): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.waits === "for ever" ? undefined : this.#clock.setTimeout(() => waiting.answer(), args.blockMs ?? 0);
      const waiting: Waiting = {
        args,
        answer: () => {
          this.#clock.clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
      if (this.heedsSignal) args.signal?.addEventListener("abort", () => waiting.answer());
    });
  }

  #found({ channels, cursors, count }: XReadArgs): XReadResult {
    return channels
      .map((channel, at) => ({ channel, messages: this.#after(channel, cursors[at] as RealtimeCursor).slice(0, count) }))
      .filter(({ messages }) => messages.length > 0);
  }

  #after(channel: string, position: RealtimeCursor): StreamEntry[] {
    const { entries = [] } = this.#streams.get(channel) ?? {};
    return entries.filter(({ id }) => compareCursors(id as RealtimeCursor, position) > 0);
  }

  #throwIfFailing(call: keyof RedisAdapter, channels: readonly string[]): void {
    const error = this.fails(call, channels);
    if (error) throw error;
  }
}
