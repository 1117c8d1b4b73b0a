import type { Broker, Retention } from "../brokers/broker.ts";
import type { Interop } from "../brokers/interop/format.ts";
import { TidingsError } from "../protocol/error.ts";
import {
  DEFAULT_EMIT_TIMEOUT_SECS,
  DEFAULT_EXPIRE_AFTER_SECS,
  DEFAULT_MAX_DURATION_SECS,
  DEFAULT_MAX_LENGTH,
  MAX_PAYLOAD_BYTES,
  MAX_TOTAL_BUFFERED_BYTES,
} from "../protocol/limits.ts";
import { isKeyPrefix, KEY_PREFIX_GRAMMAR } from "../protocol/names.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";
import type { Schema } from "../schema/schema.ts";
import { checkHooks, type RealtimeHooks } from "./hooks.ts";
import type { RealtimeLogger } from "./internals.ts";
import type { RealtimePlugin } from "./plugins.ts";
import type { RedisInput } from "./resolve-broker.ts";

/** How much of each channel's log is kept. */
export interface HistoryOptions {
  /** Events kept per channel, exactly; `Infinity` keeps all. @default 1000 */
  readonly maxLength?: number | undefined;
  /** Seconds after a channel's last event at which its log is dropped; `Infinity` never drops it. @default 86400 (24 h) */
  readonly expireAfterSecs?: number | undefined;
}

/** Limits of one `Realtime`. */
export interface RealtimeLimits {
  /** Bytes of one event's JSON, as UTF-8. @default 1048576 (1 MB) */
  readonly maxPayloadBytes?: number | undefined;
  /**
   * Bytes that may wait for all slow readers of this process together; above that the stream for which the most waits is ended, and its
   * client comes back by its cursors. @default 268435456 (256 MB)
   */
  readonly maxTotalBufferedBytes?: number | undefined;
}

/** Options of `Realtime`. Every one is optional. */
export interface RealtimeOptions {
  /** The events, by namespace. Without it events are untyped: any name, any data. */
  readonly schema?: Schema | undefined;
  /**
   * Where the logs live: a client of ioredis, node-redis, Bun or `@upstash/redis`, what an adapter function made of one, a URL,
   * `{ driver: "redis", url }`, `{ driver: "memory" }`, or an object with the four documented methods.
   *
   * @default memory, also for a variable that is not set or empty
   */
  readonly redis?: RedisInput | undefined;
  /** Where the logs live, as any object that implements the broker port. Not together with `redis`. */
  readonly broker?: Broker | undefined;
  /** Begins the name of every key. @default "tidings" */
  readonly keyPrefix?: string | undefined;
  /**
   * Reads and writes the logs of another library, beside it: in its format, under its keys (`keyPrefix` is its prefix, `""` by default),
   * never trimming or expiring them. `handle` then needs `authorize` or `middleware`. @default none
   */
  readonly interop?: Interop | undefined;
  /** Seconds within which `emit` settles. @default 5 */
  readonly emitTimeoutSecs?: number | undefined;
  /** What is kept of each log; `false` keeps nothing (a client that was away is told so by a gap). @default true */
  readonly history?: boolean | HistoryOptions | undefined;
  /** Seconds after which a stream ends and its client opens the next one; `Infinity` on a server that lives long. @default 300 */
  readonly maxDurationSecs?: number | undefined;
  /** Plugins, whose APIs are merged into the instance. */
  readonly plugins?: readonly RealtimePlugin<object>[] | undefined;
  /** Lets plugins' `logger` speak. Warnings of tidings itself are always logged. @default false */
  readonly verbose?: boolean | undefined;
  /** Where tidings says what an operator should know. @default console */
  readonly logger?: RealtimeLogger | undefined;
  /** How large an event may be. */
  readonly limits?: RealtimeLimits | undefined;
  /** Functions that are told what happens. @default none */
  readonly hooks?: RealtimeHooks | undefined;
}

/**
 * The options of an instance of which nothing is known: any name is an event and its data is `unknown`, to the compiler. An
 * instance whose events are known can be passed where these are asked for. What it emits is still checked when it runs.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- options stand in parameters too, and only `any` fits in both directions
export type AnyOptions = any;

const REALTIME_OPTIONS: Readonly<Record<keyof RealtimeOptions, true>> = {
  schema: true,
  redis: true,
  broker: true,
  keyPrefix: true,
  interop: true,
  emitTimeoutSecs: true,
  history: true,
  maxDurationSecs: true,
  plugins: true,
  verbose: true,
  logger: true,
  limits: true,
  hooks: true,
};
const LIMITS: Readonly<Record<keyof RealtimeLimits, true>> = { maxPayloadBytes: true, maxTotalBufferedBytes: true };
const HISTORY_OPTIONS: Readonly<Record<keyof HistoryOptions, true>> = { maxLength: true, expireAfterSecs: true };
const LOGGER_METHODS = ["log", "warn", "error"] as const;

/** {@link RealtimeOptions} after they were checked, in the units used inside. */
export interface Settings {
  readonly keyPrefix: string;
  readonly interop: Interop | undefined;
  readonly retention: Retention;
  readonly emitTimeoutMs: number;
  readonly maxDurationMs: number;
  readonly maxPayloadBytes: number;
  readonly maxTotalBufferedBytes: number;
  readonly logger: RealtimeLogger;
  readonly verbose: boolean;
  readonly hooks: RealtimeHooks | undefined;
}

/** @throws TidingsError `bad_option`, naming the option and what it takes. */
export function checkOptions(options: RealtimeOptions): Settings {
  if (typeof options !== "object" || options === null) throw badOption("new Realtime(…)", "an object of options", options);
  refuseUnknownOptions("`new Realtime(…)`", options, REALTIME_OPTIONS);
  if (options.redis !== undefined && options.broker !== undefined) {
    throw new TidingsError("bad_option", "`redis` and `broker` both say where the logs live. Pass one of them.");
  }
  const { interop } = options;
  if (interop !== undefined && interop !== "forrealtime" && interop !== "upstash") {
    throw badOption("interop", '"forrealtime" or "upstash"', interop);
  }
  if (interop !== undefined) refuseHistory("history", options.history);
  const keyPrefix = options.keyPrefix ?? (interop === undefined ? "tidings" : "");
  if (!isKeyPrefix(keyPrefix) && !(interop !== undefined && keyPrefix === ""))
    throw badOption("keyPrefix", KEY_PREFIX_GRAMMAR, keyPrefix);
  const { logger = console, verbose = false } = options;
  if (typeof logger !== "object" || logger === null || LOGGER_METHODS.some((name) => typeof logger[name] !== "function")) {
    throw badOption("logger", "an object with log, warn and error", logger);
  }
  if (typeof verbose !== "boolean") throw badOption("verbose", "a boolean", verbose);
  const { limits, plugins } = options;
  if (limits !== undefined && (typeof limits !== "object" || limits === null))
    throw badOption("limits", "{ maxPayloadBytes, maxTotalBufferedBytes }", limits);
  if (limits !== undefined) refuseUnknownOptions("`limits`", limits, LIMITS);
  if (plugins !== undefined && !Array.isArray(plugins)) throw badOption("plugins", "an array of plugins", plugins);
  return {
    keyPrefix,
    interop,
    retention: checkHistory("history", options.history),
    emitTimeoutMs: seconds("emitTimeoutSecs", options.emitTimeoutSecs, DEFAULT_EMIT_TIMEOUT_SECS),
    maxDurationMs: seconds("maxDurationSecs", options.maxDurationSecs, DEFAULT_MAX_DURATION_SECS),
    maxPayloadBytes: wholeNumber("limits.maxPayloadBytes", options.limits?.maxPayloadBytes, MAX_PAYLOAD_BYTES),
    maxTotalBufferedBytes: wholeNumber(
      "limits.maxTotalBufferedBytes",
      options.limits?.maxTotalBufferedBytes,
      MAX_TOTAL_BUFFERED_BYTES,
    ),
    logger: guardLogger(logger),
    verbose,
    hooks: checkHooks(options.hooks),
  };
}

/** A logger that throws must not end the process that wanted to say something. */
function guardLogger(logger: RealtimeLogger): RealtimeLogger {
  const guard =
    (name: "log" | "warn" | "error") =>
    (message: string, ...details: unknown[]): void => {
      try {
        logger[name](message, ...details);
      } catch {
        // There is nobody left to tell.
      }
    };
  return { log: guard("log"), warn: guard("warn"), error: guard("error") };
}

/** What is kept of a log that another library owns is that library's to say. @throws TidingsError `bad_option` */
export function refuseHistory(name: string, history: unknown): void {
  if (history === undefined) return;
  throw new TidingsError(
    "bad_option",
    `\`${name}\` does not go with \`interop\`: the logs belong to the other library, whose own \`history\` says what is kept, and tidings never trims or expires them. Leave it out until you leave \`interop\`.`,
  );
}

/** @param fallback what holds where the option says nothing. */
export function checkHistory(name: string, history: boolean | HistoryOptions | undefined, fallback?: Retention): Retention {
  const { maxLength, expireAfterMs } = fallback ?? {
    maxLength: DEFAULT_MAX_LENGTH,
    expireAfterMs: DEFAULT_EXPIRE_AFTER_SECS * 1_000,
  };
  if (history === undefined) return { maxLength, expireAfterMs };
  if (history === false) return { maxLength: 0, expireAfterMs };
  if (history === true) return { maxLength: maxLength === 0 ? DEFAULT_MAX_LENGTH : maxLength, expireAfterMs };
  if (typeof history !== "object" || history === null)
    throw badOption(name, "true, false or { maxLength, expireAfterSecs }", history);
  refuseUnknownOptions(`\`${name}\``, history, HISTORY_OPTIONS);
  return {
    maxLength: wholeNumber(`${name}.maxLength`, history.maxLength, maxLength),
    expireAfterMs: seconds(`${name}.expireAfterSecs`, history.expireAfterSecs, expireAfterMs / 1_000),
  };
}

function seconds(name: string, value: number | undefined, fallback: number): number {
  const secs = value ?? fallback;
  if (typeof secs !== "number" || !(secs > 0)) throw badOption(name, "a number of seconds above 0, or Infinity", secs);
  return secs * 1_000;
}

function wholeNumber(name: string, value: number | undefined, fallback: number): number {
  const count = value ?? fallback;
  if (count !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(count) && count >= 1)) {
    throw badOption(name, "a whole number of at least 1, or Infinity", count);
  }
  return count;
}

/** An option of the wrong type or out of its range. */
export function badOption(name: string, takes: string, got: unknown): TidingsError {
  const shown =
    typeof got === "object" && got !== null
      ? "an object of another shape"
      : typeof got === "string"
        ? JSON.stringify(got)
        : String(got);
  return new TidingsError("bad_option", `\`${name}\` takes ${takes}; it got ${shown}.`);
}
