import { compareCursors, type RealtimeCursor } from "../../src/protocol/cursor.ts";
import { demand } from "../support/ledger.ts";
import { createEventStreamParser } from "./event-stream.ts";
import { Heard } from "./heard.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";

/** A frame of a stream or a page, as far as it matters here. */
interface Frame {
  readonly channel: string;
  readonly id: RealtimeCursor;
  readonly tail: RealtimeCursor;
  readonly reason?: string;
}

/** What one stream, or the pages that follow one another in its place, have said so far. */
interface Said {
  heard: Heard;
  /** By channel, up to where it replays; none behind a reset. */
  readonly tails: Map<string, RealtimeCursor | undefined>;
  /** By id, whether the event was replayed. */
  readonly events: Map<string, boolean>;
}

/**
 * Listens beneath a page's client to all that its streams and pages say, and so knows of each event whether it is a replay: it is up to the
 * `tail` of its channel's `connected` on the same stream, unless a reset came in between (PROTOCOL.md, "What a client does with a cursor").
 */
export class WireTap {
  readonly #network: SimulatedNetwork;
  readonly #redis: SimulatedRedis;
  /** By the signal that ends them. */
  readonly #said = new WeakMap<AbortSignal, Said>();
  /** Of two streams each piece is handled before the next arrives: this is the one whose events are shown now. */
  #latest: Said | undefined;
  #failure: unknown;

  constructor(network: SimulatedNetwork, redis: SimulatedRedis) {
    this.#network = network;
    this.#redis = redis;
  }

  /** The `fetch` of the page's client. */
  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const [, channels = ""] = /[?&]channel=([^&]*)/.exec(input as string) ?? [];
    const signal = init.signal as AbortSignal;
    const heard = new Heard(this.#redis, decodeURIComponent(channels).split(","));
    const said = this.#said.get(signal) ?? { heard, tails: new Map(), events: new Map() };
    this.#said.set(signal, said);
    said.heard = heard;
    const response = await this.#network.fetch(input, init);
    if (response.status !== 200) return response;
    return {
      status: response.status,
      headers: response.headers,
      body: { pipeThrough: () => ({ getReader: () => this.#tapStream(response, said) }) },
      json: async () => this.#tapPage(await response.json(), said),
    } as unknown as Response;
  };

  #tapStream(response: Response, said: Said): Pick<ReadableStreamDefaultReader<string>, "read"> {
    const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream()).getReader();
    const parse = createEventStreamParser({ message: ({ name, data }) => this.#hear(said, name || "event", JSON.parse(data)) });
    return {
      read: async () => {
        const piece = await reader.read();
        this.#latest = said;
        if (!piece.done) parse(piece.value);
        return piece;
      },
    };
  }

  #tapPage<T extends { readonly frames: ReadonlyArray<Frame & { readonly type: string }> }>(page: T, said: Said): T {
    this.#latest = said;
    for (const frame of page.frames) this.#hear(said, frame.type, frame);
    return page;
  }

  #hear({ heard, tails, events }: Said, type: string, { channel, id, tail, reason }: Frame): void {
    if (type === "connected") {
      try {
        heard.checkTail(channel, tail);
      } catch (error) {
        this.#failure ??= error;
      }
      // Pages say it again.
      if (!tails.has(channel)) tails.set(channel, tail);
    } else if (reason === "reset") {
      tails.set(channel, undefined);
    } else if (type === "event") {
      const end = tails.get(channel);
      events.set(id, end !== undefined && compareCursors(id, end) <= 0);
    }
  }

  /** Whether an event that is shown now is a replay. */
  isReplay(id: string): boolean {
    const isReplay = this.#latest?.events.get(id);
    demand(isReplay !== undefined, () => `${id} is shown, and no stream has brought it`);
    return isReplay as boolean;
  }

  /** What was said so far was right. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }
}
