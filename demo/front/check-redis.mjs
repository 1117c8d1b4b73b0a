// @ts-check
/** Looks whether the Redis of `REDIS_URL` answers, before anything is started on it. */
import { Redis } from "ioredis";
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "./listen.mjs";

const TIMEOUT_MS = 3_000;

/**
 * Connects, and stays connected.
 * @param {string} url
 * @returns {Promise<Redis>}
 */
export async function connectRedis(url) {
  const redis = open(url);
  let cause = "no answer";
  // Node's errors have a code; those of Redis begin with one.
  redis.on(
    "error",
    (/** @type {NodeJS.ErrnoException} */ error) =>
      (cause = error.code ?? /^[A-Z]+\b/.exec(error.message)?.[0] ?? error.message),
  );
  const timeout = sleep(TIMEOUT_MS, undefined, { ref: false }).then(() => Promise.reject(new Error("timeout")));
  try {
    await Promise.race([redis.connect().then(() => redis.ping()), timeout]);
  } catch {
    redis.disconnect();
    const { host, port, path } = redis.options;
    throw new Refusal(
      `the Redis of REDIS_URL cannot be reached at ${path ?? `${host}:${port}`} (${cause}): start it, or leave REDIS_URL out to run on memory.`,
    );
  }
  // It may go away later: the servers notice, and this one is only used at the end.
  redis.options.retryStrategy = () => 1_000;
  return redis;
}

/** @param {string} url */
function open(url) {
  try {
    return new Redis(url, {
      lazyConnect: true,
      connectTimeout: TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
  } catch {
    // Not shown: there may be a password in it.
    throw new Refusal(
      "REDIS_URL is no address of a Redis: give it like redis://localhost:6379, or leave it out to run on memory.",
    );
  }
}
