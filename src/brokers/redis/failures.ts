import { TidingsError } from "../../protocol/error.ts";

/** Error replies that pass by themselves and prove that the command was not executed. */
const PASSING: ReadonlySet<string> = new Set([
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "BUSY",
  "MISCONF",
  "NOREPLICAS",
  "NOSCRIPT",
]);

/** Those of them after which it is worth asking again within a second: what they wait for is on its way. */
const DEFERRABLE: ReadonlySet<string> = new Set([
  "LOADING",
  "READONLY",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "BUSY",
  "NOSCRIPT",
]);

/** Those that answer a PING and every other command alike. */
const UNREADY: ReadonlySet<string> = new Set(["LOADING", "MASTERDOWN", "BUSY"]);

/** What to do about the error replies that do not pass by themselves. */
const CURES: Readonly<Record<string, string>> = {
  WRONGTYPE: "The channel's key holds something else than a stream: choose another `keyPrefix`, or remove the key.",
  NOPERM:
    "The Redis user lacks a permission: see docs/reference/errors.md for the commands, keys and channels that tidings needs.",
  NOAUTH: "Redis asks for a password: give it to the Redis client.",
  WRONGPASS: "User name or password are wrong: mend what the Redis client is given.",
  OOM: "Redis is full and evicts nothing: raise `maxmemory`, or keep less (`history.maxLength`, `history.expireAfterSecs`).",
  MOVED:
    "This is one node of a Redis Cluster: pass a cluster client (`new Cluster([…])` of ioredis, `createCluster` of redis).",
  CROSSSLOT:
    "This is one node of a Redis Cluster: pass a cluster client (`new Cluster([…])` of ioredis, `createCluster` of redis).",
};

/** The code that an error reply begins with: `"WRONGTYPE"`. Redis before 7 hides it inside the text when a script failed. */
export function replyCode(error: unknown): string {
  const text = textOf(error);
  // Redis 7 has no code for what a script may not do.
  if (text.includes(" executing the script can't ")) return "NOPERM";
  const code = /^([A-Z]+)\b/.exec(text)?.[1] ?? "";
  if (code !== "ERR") return code;
  return /: -([A-Z]+) /.exec(text)?.[1] ?? code;
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^-/, "");
}

/** Whether the server will answer in another way soon. */
export function isPassing(error: unknown): boolean {
  return PASSING.has(replyCode(error));
}

/** Whether the same command, sent again, may soon be taken. */
export function isDeferrable(error: unknown): boolean {
  return DEFERRABLE.has(replyCode(error)) || isHashForbidden(error);
}

/** Whether scripts can be sent as text only: the server's user has no permission for another way, or the server does not have it. */
export function isHashForbidden(error: unknown): boolean {
  return /^ERR unknown command|^NOPERM/.test(textOf(error)) && /\bevalsha\b/i.test(textOf(error));
}

/** Whether the server does not serve anyone yet, or for the moment. */
export function isUnready(error: unknown): boolean {
  return UNREADY.has(replyCode(error));
}

/** What was being done when it failed, in words. */
export interface Attempt {
  /** `"append"` changes the log, so that its outcome matters when no reply comes. */
  readonly kind: "append" | "read" | "join";
  readonly channel: string;
  /** The server, in words. */
  readonly address: string;
}

const DOING = { append: "store an event on", read: "read", join: "listen to" } as const;

function attempted({ kind, channel }: Attempt): string {
  return `${DOING[kind]} channel "${channel}"`;
}

/** The server answered with an error. Nothing was executed: what can fail after an entry is stored does not fail the script. */
export function refusedError(attempt: Attempt, cause: unknown): TidingsError {
  const { kind, address } = attempt;
  const text = textOf(cause);
  if (isPassing(cause)) {
    const code = kind === "append" ? "not_stored" : "broker_unavailable";
    return new TidingsError(
      code,
      `Redis at ${address} cannot ${attempted(attempt)} just now: ${text}. It says so while it starts or fails over; try again later.`,
      { cause },
    );
  }
  const code = replyCode(cause);
  const cure = CURES[code] ?? "See docs/reference/errors.md, `broker_refused`.";
  return new TidingsError("broker_refused", `Redis at ${address} refused to ${attempted(attempt)}: ${text}. ${cure}`, {
    cause,
    // Memory can become free.
    ...(code === "OOM" && { retryable: true }),
  });
}

/** The server cannot be reached, and the command was not sent. */
export function unsentError(attempt: Attempt, why: string, cause?: unknown): TidingsError {
  const { kind, address } = attempt;
  const reason = cause instanceof Error ? `, whose connection failed last with: ${cause.message}` : "";
  const cure = cause instanceof Error ? CURES[replyCode(cause)] : undefined;
  const [consequence, advice] =
    kind === "append" ? ["The event is not in the log", "emitting it again is safe"] : ["Nothing was read", "try again later"];
  return new TidingsError(
    kind === "append" ? "not_stored" : "broker_unavailable",
    `could not ${attempted(attempt)}: ${why} (Redis at ${address}${reason}). ${cure ? `${cure} ${consequence}.` : `${consequence}; ${advice}.`}`,
    cause === undefined ? {} : { cause },
  );
}

/** The oldest Redis with all that the engine needs: `XRANGE` with exclusive ends. */
const MIN_VERSION = [6, 2] as const;

/** What is wrong with a server of this version, if anything is known of it. */
export function versionProblem(version: string | undefined): string | undefined {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? "") ?? [];
  if (major === undefined) return undefined;
  const [leastMajor, leastMinor] = MIN_VERSION;
  if (Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor)) return undefined;
  return `it is Redis ${version}, and tidings needs ${MIN_VERSION.join(".")} or later: upgrade the server`;
}

/** The command was sent, and no reply came. */
export function unansweredError(attempt: Attempt, why: string): TidingsError {
  if (attempt.kind !== "append") return unsentError(attempt, why);
  return new TidingsError(
    "outcome_unknown",
    `tried to ${attempted(attempt)}, but ${why} (Redis at ${attempt.address}). The event may be in the log or not; emitting it again can store it twice, unless it has an \`id\`.`,
  );
}

/** The broker was closed. */
export function closedError(address: string): TidingsError {
  return new TidingsError("closed", `the broker for Redis at ${address} was closed. Make a new \`Realtime\`.`);
}

/** What answers is no Redis, or something rewrites its replies. */
export function strangeError({ kind, channel, address }: Attempt, reply: unknown): TidingsError {
  return new TidingsError(
    kind === "append" ? "outcome_unknown" : "broker_refused",
    `Redis at ${address} gave a reply about channel "${channel}" that makes no sense. A proxy between, or a client with options that change replies, can cause it.`,
    { cause: reply },
  );
}
