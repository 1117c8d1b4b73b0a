import type { Entry } from "../brokers/broker.ts";
import { joinBytes } from "../protocol/bytes.ts";
import type { RealtimeCursor } from "../protocol/cursor.ts";
import { eventFrame, gapFrame, idLine, positionFrame, type Gap } from "../protocol/frames.ts";
import { payloadOf } from "./payload.ts";

const encoder = new TextEncoder();

/** Text as the bytes that go over the wire. */
export function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * One step of a channel: an event, a gap, or a position with nothing to show. Encoded once, whoever reads it: the bytes
 * begin with the `id:` line, and a stream of several channels takes them without it.
 */
export class Frame {
  readonly channel: string;
  /** Where a feed stands after this frame. */
  readonly cursor: RealtimeCursor;
  /** The stored entry; absent for a gap and for a mere position. Its event is empty when it could not be read: then the frame only moves the position. */
  readonly entry: Entry | undefined;
  readonly gap: Gap | undefined;
  readonly #bytes: Uint8Array;
  readonly #idLength: number;

  private constructor(channel: string, cursor: RealtimeCursor, body: string, content: { entry?: Entry; gap?: Gap }) {
    const id = idLine(cursor);
    this.channel = channel;
    this.cursor = cursor;
    this.entry = content.entry;
    this.gap = content.gap;
    this.#bytes = encode(id + body);
    this.#idLength = id.length;
  }

  static ofEntry(channel: string, entry: Entry): Frame {
    const { id, event, json } = entry;
    if (payloadOf(entry)) return new Frame(channel, id, eventFrame({ id, channel, event, json }), { entry });
    return new Frame(channel, id, positionFrame(channel, id), { entry: { ...entry, event: "", json: "" } });
  }

  static ofGap(gap: Gap): Frame {
    return new Frame(gap.channel, gap.cursor, gapFrame(gap), { gap });
  }

  /** The channel has moved, with nothing between. */
  static ofPosition(channel: string, cursor: RealtimeCursor): Frame {
    return new Frame(channel, cursor, positionFrame(channel, cursor), {});
  }

  /** Whether there is something behind it: an entry, readable or not, or a gap. */
  get hasContent(): boolean {
    return this.entry !== undefined || this.gap !== undefined;
  }

  /** Whether it stands for an entry that could not be read. */
  get isUnreadable(): boolean {
    return this.entry?.event === "";
  }

  /** @param withId whether the `id:` line leads: only where the stream has this one channel. */
  bytes(withId: boolean): Uint8Array {
    return withId ? this.#bytes : this.#bytes.subarray(this.#idLength);
  }

  /** Bytes that are sent. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Bytes that holding this frame costs, roughly: what is sent, and the text it came from. */
  get size(): number {
    return this.#bytes.length + (this.entry?.json.length ?? 0) + (this.entry?.trace?.length ?? 0);
  }
}

/** Frames of one channel that go out together. The joined bytes are made once and shared by every session that takes them. */
export class Batch {
  readonly frames: readonly Frame[];
  #withId: Uint8Array | undefined;
  #bare: Uint8Array | undefined;
  #length: number | undefined;

  constructor(frames: readonly Frame[]) {
    this.frames = frames;
  }

  /** Bytes that are sent, joined or not. */
  get length(): number {
    return (this.#length ??= this.frames.reduce((sum, frame) => sum + frame.length, 0));
  }

  bytes(withId: boolean): Uint8Array {
    if (withId) return (this.#withId ??= joinBytes(this.frames.map((frame) => frame.bytes(true))));
    return (this.#bare ??= joinBytes(this.frames.map((frame) => frame.bytes(false))));
  }
}
