import type { Sink } from "../hub/stream-session.ts";

/** A reader that is behind gets pieces of at most so many bytes: by each that it takes one sees that it still reads. */
const PIECE_BYTES = 16 * 1024;

/** How much a {@link PulledBody} holds, and who hears of it. */
export interface PulledBodyOptions {
  /** So many may wait. */
  readonly maxBytes: number;
  /** It takes more again. May come when it never was full. */
  drained(): void;
  /** The reader has left. */
  cancelled(): void;
  /** Nothing more will be written. */
  ended(): void;
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
    this.#options.ended();
    if (this.#bytes === 0) this.#close();
    else this.#isEnding = true;
  }

  abandon(): void {
    this.#options.ended();
    this.#discard();
    this.#close();
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
    if (this.#isEnding && this.#bytes === 0) this.#close();
    else if (this.#bytes < this.#options.maxBytes) this.#options.drained();
  }

  #discard(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  #close(): void {
    try {
      this.#controller.close();
    } catch {
      // The reader cancelled: the stream is closed already.
    }
  }
}
