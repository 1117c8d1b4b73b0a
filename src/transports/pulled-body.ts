import type { Sink } from "../hub/stream-session.ts";
import { watchLastBytes, type LastBytes, type Lifetime } from "./last-bytes.ts";

/** A reader that is behind gets pieces of at most so many bytes: by each that it takes one sees that it still reads. */
const PIECE_BYTES = 16 * 1024;

/** How much a {@link PulledBody} holds, and who hears of it. */
export interface PulledBodyOptions {
  /** So many may wait. */
  readonly maxBytes: number;
  /** Of the instance whose stream or page it is. */
  readonly realtime: Lifetime;
  /** It takes more again. May come when it never was full. */
  drained(): void;
  /** The reader has left. */
  cancelled(): void;
  /** Nothing more will be written, and nothing waits. Called once. */
  over(): void;
}

/**
 * The body of a `Response`, as a place to write to. What its reader has not asked for waits here and not in the stream, where only
 * an error could throw it away; and there are hosts that an error in a body crashes.
 */
export class PulledBody implements Sink {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: PulledBodyOptions;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Whether the reader waits for bytes. */
  #isAsked = false;
  #isEnding = false;
  #isOver = false;
  #stopWatching: (() => void) | undefined;

  constructor(options: PulledBodyOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#discard();
          options.cancelled();
          this.#end();
        },
      },
      { highWaterMark: 0, size: (bytes) => bytes?.byteLength ?? 0 },
    );
  }

  get waiting(): number {
    // A reader that asked and gave up its reader before the answer leaves that in the stream.
    return this.#bytes - (this.#controller.desiredSize ?? 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isAsked) {
      this.#isAsked = false;
      this.#controller.enqueue(bytes);
      return true;
    }
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    return this.#bytes < this.#options.maxBytes;
  }

  end(): void {
    this.#isEnding = true;
    if (this.#bytes === 0) this.#end();
    else this.#stopWatching ??= watchLastBytes(this.#lastBytes(), this.#options.realtime);
  }

  abandon(): void {
    this.#discard();
    this.#end();
  }

  #pull(): void {
    const [first] = this.#pieces;
    if (!first) {
      this.#isAsked = true;
      return;
    }
    const piece = first.subarray(0, PIECE_BYTES);
    if (piece.length < first.length) this.#pieces[0] = first.subarray(PIECE_BYTES);
    else this.#pieces.shift();
    this.#bytes -= piece.length;
    this.#controller.enqueue(piece);
    if (this.#isEnding && this.#bytes === 0) this.#end();
    else if (this.#bytes < this.#options.maxBytes) this.#options.drained();
  }

  #lastBytes(): LastBytes {
    const waiting = (): number => this.waiting;
    return {
      get waiting() {
        return waiting();
      },
      cut: () => this.abandon(),
    };
  }

  #discard(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopWatching?.();
    try {
      this.#controller.close();
    } catch {
      // The reader cancelled: the stream is closed already.
    }
    this.#options.over();
  }
}
