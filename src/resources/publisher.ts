import { Realtime, TidingsError } from "../index.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import { isLiveChannel, LIVE_CHANNEL_GRAMMAR } from "./names.ts";

/** Where changes are told: in this process, over Redis, or through a `Realtime` that there is already. */
export type PublisherOptions =
  | { readonly driver: "memory"; readonly keyPrefix?: string | undefined }
  | {
      readonly driver: "redis";
      /** `redis://` or `rediss://`. */
      readonly url: string;
      /** Begins the name of every key, so that several admins can share a Redis. @default "flowpanel" */
      readonly keyPrefix?: string | undefined;
    }
  | Realtime;

/** Tells something on a channel, and hears what is told. */
export interface Publisher {
  /** The `Realtime` below, made at its first use: for `stats`, `drain` and `disconnect`. */
  readonly realtime: Realtime;
  /** Whether the `Realtime` was made here. One that was passed in has logs of others, which its stream is not to tell unasked. */
  readonly ownsRealtime: boolean;
  /**
   * Resolves when it is stored, and will reach every process and browser that listens.
   * @param payload less than 64 KiB of JSON. @default null
   * @throws TidingsError `bad_channel`, `payload_too_large`, `payload_not_json`, and what `emit` rejects with
   */
  publish(channel: string, payload?: unknown): Promise<void>;
  /**
   * Hears a channel from now on. A handler that throws is reported, and hears the next one.
   * @returns ends it; safe to call at once, and twice.
   * @throws TidingsError `bad_channel`
   */
  subscribe(channel: string, handler: (payload: unknown) => unknown): () => void;
  /** Ends what was opened here. A `Realtime` that was passed in stays open. */
  close(): Promise<void>;
}

const DEFAULT_KEY_PREFIX = "flowpanel";
const MAX_PAYLOAD_BYTES = 64 * 1024 - 1;
/** Every message has this name: what it says is in its payload. */
const EVENT = "live.message";
const DRIVER_OPTIONS = {
  memory: { driver: true, keyPrefix: true },
  redis: { driver: true, url: true, keyPrefix: true },
} as const;

/**
 * A publisher of its own, for who needs no admin. Nothing is opened before it is used, so that a build may evaluate it.
 * @throws TidingsError `bad_option`
 */
export function createPublisher(options: PublisherOptions = { driver: "memory" }): Publisher {
  const given = isRealtime(options) ? options : undefined;
  if (!isRealtime(options)) checkDriver(options);
  let made: Realtime | undefined;
  let closing: Promise<void> | undefined;

  function realtime(): Realtime {
    if (given) return given;
    if (closing) throw new TidingsError("closed", "this publisher, or its admin, was closed.");
    return (made ??= openRealtime(options as DriverOptions));
  }

  return {
    get realtime() {
      return realtime();
    },
    ownsRealtime: given === undefined,
    async publish(channel, payload = null) {
      checkChannel(channel);
      await realtime().channel(channel).emit(EVENT, payload);
    },
    subscribe(channel, handler) {
      checkChannel(channel);
      const ended = new AbortController();
      realtime()
        .channel(channel)
        .subscribe({
          onData: ({ data }) => handler(data),
          signal: ended.signal,
        })
        .catch((error: unknown) => {
          if (!ended.signal.aborted) console.error(`tidings: channel "${channel}" cannot be heard.`, error);
        });
      return () => ended.abort();
    },
    close: () => (closing ??= made ? made.close() : Promise.resolve()),
  };
}

type DriverOptions = Exclude<PublisherOptions, Realtime>;

function openRealtime(options: DriverOptions): Realtime {
  const keyPrefix = options.keyPrefix ?? DEFAULT_KEY_PREFIX;
  const redis = options.driver === "redis" ? { driver: options.driver, url: options.url } : { driver: options.driver };
  return new Realtime({ redis, keyPrefix, limits: { maxPayloadBytes: MAX_PAYLOAD_BYTES } });
}

function isRealtime(options: unknown): options is Realtime {
  return typeof options === "object" && options !== null && "channel" in options && typeof options.channel === "function";
}

/** @throws TidingsError `bad_option` */
function checkDriver(options: DriverOptions): void {
  const { driver } = (options ?? {}) as { readonly driver?: unknown };
  if (driver !== "memory" && driver !== "redis") {
    throw new TidingsError(
      "bad_option",
      '`realtime` takes { driver: "memory" }, { driver: "redis", url } or a `Realtime`; without it, it is memory.',
    );
  }
  refuseUnknownOptions(`\`realtime: { driver: "${driver}" }\``, options, DRIVER_OPTIONS[driver]);
}

/** @throws TidingsError `bad_channel` */
export function checkChannel(channel: unknown): void {
  if (isLiveChannel(channel)) return;
  throw new TidingsError(
    "bad_channel",
    `${JSON.stringify(channel) ?? String(channel)} is not a channel name: ${LIVE_CHANNEL_GRAMMAR}.`,
  );
}
