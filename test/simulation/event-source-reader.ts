/**
 * Who reads by a plain `EventSource`, and checks the promise at each step. It keeps no cursors: its place on all its channels is the last
 * `id:` that it saw. What it was shown since then comes again, and nothing else does.
 */
import { isCursorText, isOrigin, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import type { Connected, Gap } from "../../src/protocol/frames.ts";
import { demand, Ledger } from "../support/ledger.ts";
import type { StreamMessage } from "./event-stream.ts";
import { Heard } from "./heard.ts";
import { SimulatedEventSource } from "./simulated-event-source.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";

/** An application that has to begin again does so after this time. */
const REOPEN_MS = 5_000;

/** What stands in `data:` of an event; in these worlds an event's data is its id. */
interface EventFields {
  readonly id: RealtimeCursor;
  readonly channel: string;
  readonly event: string;
  readonly data: string;
}

/** How a URL says where its channels start. */
const SPELLINGS = ["at", "last_ack", "lastEventId"] as const;

/** A channel of the reader. */
class Place {
  readonly channel: string;
  /** What the request of the stream that there is says. */
  asked: string;
  /** Where that stream stands, by its frames; nowhere before it has joined the channel. */
  cursor: RealtimeCursor | undefined;
  ledger: Ledger;
  /** Events that came on this stream, and no `id:` accounts for them yet. */
  readonly #fresh = new Set<string>();
  /** Those of all streams so far. */
  readonly #loose = new Set<string>();
  readonly #redis: SimulatedRedis;
  #first: RealtimeCursor | undefined;

  constructor(channel: string, asked: string, redis: SimulatedRedis) {
    this.channel = channel;
    this.asked = asked;
    this.#redis = redis;
    this.ledger = this.#begin();
  }

  /** The next stream is asked for. */
  ask(asked: string): void {
    this.asked = asked;
    this.cursor = undefined;
    this.#fresh.clear();
    if (isCursorText(asked) && this.#first !== undefined) {
      this.ledger.rewind(asked);
      return;
    }
    // Nothing accounts for what came: it is as if it were read for the first time.
    this.#first = undefined;
    this.#loose.clear();
    this.ledger = this.#begin();
  }

  join(cursor: RealtimeCursor): void {
    this.cursor = cursor;
    this.#first ??= cursor;
  }

  event(id: RealtimeCursor, event: string): void {
    this.ledger.event(id, event);
    this.cursor = id;
    this.#fresh.add(id);
    this.#loose.add(id);
  }

  /** An `id:` accounts for what has come, and for nothing else: none of it comes again. */
  account(start: string): void {
    const expected = this.cursor ?? this.asked;
    demand(start === expected, () => `${this.channel}: an id says ${start} to who stands at ${expected}`);
    for (const id of this.#fresh) this.#loose.delete(id);
    this.#fresh.clear();
  }

  #begin(): Ledger {
    const log = this.#redis.log(this.channel);
    return new Ledger(log, {
      events: [],
      first: () => this.#first as RealtimeCursor,
      former: { mayReturn: (id) => this.#loose.has(id) || log.mayReturn(id), isFormer: (id) => log.isFormer(id) },
    });
  }

  /** What has come on this stream without an `id:` that accounts for it. */
  get unaccounted(): readonly string[] {
    return [...this.#fresh];
  }

  /** Whether everything has come that is stored, and is accounted for. */
  get hasAll(): boolean {
    return this.cursor !== undefined && this.#fresh.size === 0 && this.ledger.missing().length === 0;
  }
}

export interface EventSourceReaderOptions {
  readonly network: SimulatedNetwork;
  readonly redis: SimulatedRedis;
  readonly channels: readonly string[];
  /** Where each channel starts, as a request says it; empty for from now on. */
  readonly starts: readonly string[];
  /** Which of the ways to say so. */
  readonly spelling: number;
  onShown(channel: string, cursor: RealtimeCursor): void;
}

export class EventSourceReader {
  messages = 0;
  gaps = 0;
  readonly #options: EventSourceReaderOptions;
  readonly #places: readonly Place[];
  #source: SimulatedEventSource;
  #heard: Heard | undefined;
  #failure: unknown;
  #isClosed = false;

  constructor(options: EventSourceReaderOptions) {
    const { redis, channels, starts, spelling } = options;
    this.#options = options;
    this.#places = channels.map((channel, index) => new Place(channel, starts[index] as string, redis));
    this.#source = this.#open(starts, SPELLINGS[spelling % SPELLINGS.length] as (typeof SPELLINGS)[number]);
  }

  #open(starts: readonly string[], spelling: (typeof SPELLINGS)[number]): SimulatedEventSource {
    const { network, channels } = this.#options;
    const query = new URLSearchParams(channels.map((channel) => ["channel", channel]));
    if (spelling !== "last_ack") query.set(spelling, starts.join());
    else for (const [index, channel] of channels.entries()) query.set(`last_ack_${channel}`, starts[index] as string);
    return new SimulatedEventSource(`/events?${query}`, network, {
      asks: (lastEventId) => this.#guard(() => this.#asks(lastEventId === "" ? starts : lastEventId.split(","))),
      message: (message) => this.#guard(() => this.#hear(message)),
      failed: (status) => this.#guard(() => this.#failed(status)),
    });
  }

  /** An `EventSource` that ended for good, or lacks a channel, is replaced by one that goes on where it stood. */
  #reopen(): void {
    const source = this.#source;
    this.#options.network.time.setTimeout(() => {
      if (this.#isClosed || source !== this.#source) return;
      source.close();
      this.#source = this.#open(
        this.#places.map(({ asked }, index) => source.lastEventId.split(",")[index] || asked),
        "lastEventId",
      );
    }, REOPEN_MS);
  }

  /** What is thrown in a handler would be taken for a stream that broke. */
  #guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #asks(starts: readonly string[]): void {
    const { redis, channels } = this.#options;
    this.#places.forEach((place, index) => place.ask(starts[index] as string));
    this.#heard = new Heard(redis, channels);
  }

  #failed(status: number): void {
    demand(status >= 500, () => `a plain EventSource is refused with ${status}: ${this.#source.lastEventId}`);
    this.#reopen();
  }

  #place(channel: string): Place {
    const place = this.#places.find((each) => each.channel === channel);
    if (!place) throw new Error(`something comes from ${channel}, which was not asked for`);
    return place;
  }

  /** @returns the place of a channel that this stream has joined. */
  #joined(channel: string): Place {
    const place = this.#place(channel);
    demand(place.cursor !== undefined, () => `something comes from ${channel} before it was joined`);
    return place;
  }

  #hear({ name, data, id }: StreamMessage): void {
    const fields = JSON.parse(data) as EventFields & Connected & Gap;
    const isWhole = name === "position" && !("channel" in fields);
    if (name === "") this.#event(fields);
    else if (name === "connected") this.#connected(fields);
    else if (name === "gap") this.#gap(fields);
    else if (name === "problem") this.#reopen();
    else if (name === "position" && !isWhole) this.#joined(fields.channel).cursor = fields.cursor;
    const isMoving = isWhole || ["", "connected", "gap", "position"].includes(name);
    const needsId = this.#places.length === 1 ? isMoving : isWhole;
    demand((id !== undefined) === needsId, () => `${needsId ? "no id" : "an id"} with a frame "${name}" ${data}`);
    if (id !== undefined) this.#account(id);
  }

  #event({ id, channel, event, data }: EventFields): void {
    const place = this.#joined(channel);
    this.messages++;
    demand(data === id, () => `the data of ${id} is that of ${data}`);
    place.event(id, event);
    this.#options.onShown(channel, id);
  }

  #connected({ channel, cursor, tail }: Connected): void {
    const place = this.#place(channel);
    const { asked } = place;
    demand(place.cursor === undefined, () => `${channel} is joined twice by one stream`);
    demand(!isCursorText(asked) || cursor === asked, () => `${channel}: joined at ${cursor}, and ${asked} was asked for`);
    this.#heard?.checkTail(channel, tail);
    place.join(cursor);
  }

  #gap(gap: Gap): void {
    const { channel, cursor, reason } = gap;
    const place = this.#joined(channel);
    const after = place.cursor as RealtimeCursor;
    this.gaps++;
    // A reset says where the server stood. Who stands before the first entry was told that the log is gone, or knows of none, and the
    // server may stand at the end of one that has gone.
    const isKnown = gap.after === after || reason === "reset" || isOrigin(after);
    demand(isKnown, () => `${channel}: a gap after ${gap.after} for who stands at ${after}`);
    if (cursor !== after) place.ledger.gap({ ...gap, after });
    place.cursor = cursor;
    this.#options.onShown(channel, cursor);
  }

  #account(id: string): void {
    const starts = id.split(",");
    demand(starts.length === this.#places.length, () => `the id ${id} is that of other channels`);
    for (const [index, place] of this.#places.entries()) place.account(starts[index] as string);
  }

  /** What has come so far was right. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Whether everything has come that is stored, and is accounted for. */
  get hasAll(): boolean {
    return this.#places.every(({ hasAll }) => hasAll);
  }

  /** What is held has come. */
  checkHeld(): void {
    this.check();
    for (const { channel, cursor, unaccounted, ledger } of this.#places) {
      demand(cursor !== undefined, () => `${channel}: a plain EventSource was never joined`);
      const missing = ledger.missing();
      demand(missing.length === 0, () => `${channel}: ${missing.join()} is missing for a plain EventSource`);
      demand(unaccounted.length === 0, () => `${channel}: no id accounts for ${unaccounted.join()}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#source.close();
  }
}
