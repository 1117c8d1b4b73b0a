import { TidingsError } from "../protocol/error.ts";
import {
  DECIDE_SECS,
  MAX_BUFFERED_BYTES,
  MAX_CHANNELS,
  MAX_REPLAY_BYTES,
  MAX_STREAMS_PER_ADDRESS,
  MAX_STREAMS_PER_USER,
  MAX_URL_BYTES,
} from "../protocol/limits.ts";
import { refuseUnknownOptions } from "../protocol/unknown-options.ts";

/** Limits of one endpoint, in each process for itself. `Infinity` is none. */
export interface HandleLimits {
  /** Channels in one stream. @default 50 */
  readonly maxChannels?: number | undefined;
  /** Bytes of a request's path and query. @default 8192 */
  readonly maxUrlBytes?: number | undefined;
  /**
   * Streams, and pages that are waited for, of one user, as `identify` names them; for five seconds twice as many, since a client that
   * changes its channels has two for a moment. @default 50
   */
  readonly maxStreamsPerUser?: number | undefined;
  /** The same of one `address`, and refused before `middleware`, `identify` and `authorize` are asked. @default 500 */
  readonly maxStreamsPerAddress?: number | undefined;
  /**
   * Seconds in which `middleware`, `identify` and `authorize` together decide about a request, for all its channels; above that it is
   * refused with 504 `undecided`, and its client asks again. The same for each question of `revalidateSecs`. @default 10
   */
  readonly decideSecs?: number | undefined;
  /** Bytes that may wait for a slow reader before it is served from the log instead. @default 262144 (256 kB) */
  readonly maxBufferedBytes?: number | undefined;
  /** Bytes of one channel that a stream catches up on; above that it gets a `gap` (`limit`) and goes on at the end of the log. @default 67108864 (64 MB) */
  readonly maxReplayBytes?: number | undefined;
}

/** {@link HandleLimits} with every default. */
export type Limits = { readonly [K in keyof HandleLimits]-?: number };

const DEFAULTS: Limits = {
  maxChannels: MAX_CHANNELS,
  maxUrlBytes: MAX_URL_BYTES,
  maxStreamsPerUser: MAX_STREAMS_PER_USER,
  maxStreamsPerAddress: MAX_STREAMS_PER_ADDRESS,
  decideSecs: DECIDE_SECS,
  maxBufferedBytes: MAX_BUFFERED_BYTES,
  maxReplayBytes: MAX_REPLAY_BYTES,
};
const NAMES = Object.keys(DEFAULTS) as Array<keyof HandleLimits>;
const KNOWN = Object.fromEntries(NAMES.map((name) => [name, true])) as Readonly<Record<keyof HandleLimits, true>>;
/** What a limit counts by. */
const NEEDS = { maxStreamsPerUser: "identify", maxStreamsPerAddress: "address" } as const;

/**
 * @param has which of the functions are given that a limit needs
 * @throws TidingsError `bad_option`, naming the option.
 */
export function checkLimits(
  limits: HandleLimits | undefined,
  has: Readonly<Record<(typeof NEEDS)[keyof typeof NEEDS], boolean>>,
): Limits {
  if (limits === undefined) return DEFAULTS;
  if (typeof limits !== "object" || limits === null)
    throw new TidingsError("bad_option", `\`limits\` of \`handle\` is an object \`{ ${NAMES.join(", ")} }\`.`);
  refuseUnknownOptions("`limits` of `handle`", limits, KNOWN);
  for (const [name, need] of Object.entries(NEEDS) as Array<[keyof typeof NEEDS, keyof typeof has]>) {
    if (limits[name] === undefined || has[need]) continue;
    throw new TidingsError(
      "bad_option",
      `\`limits.${name}\` of \`handle\` counts by what \`${need}\` returns, and there is no \`${need}\`: nothing would be limited. Give \`handle\` one.`,
    );
  }
  return Object.fromEntries(NAMES.map((name) => [name, checkLimit(name, limits[name])])) as Limits;
}

function checkLimit(name: keyof HandleLimits, value: number | undefined): number {
  if (value === undefined) return DEFAULTS[name];
  // Of all others a part makes no sense.
  const isTime = name === "decideSecs";
  if (typeof value !== "number" || !(isTime ? value > 0 : value >= 1)) {
    throw new TidingsError(
      "bad_option",
      `\`limits.${name}\` of \`handle\` is a number ${isTime ? "of seconds above 0" : "of at least 1"}; it got ${String(value)}.`,
    );
  }
  return value;
}
