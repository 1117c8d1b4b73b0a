// @ts-check
/** Where the logs live: the Redis of `REDIS_URL`, or this process. Each run of the demo has keys of its own. */
import { Redis } from "ioredis";

const { REDIS_URL, DEMO_PREFIX = "" } = process.env;

export const redis = REDIS_URL ? connect(REDIS_URL) : { driver: /** @type {const} */ ("memory") };

/** @param {string} url */
function connect(url) {
  const client = new Redis(url, { keyPrefix: DEMO_PREFIX });
  // tidings reports its own connections. An outage must not be told once more for each attempt of this one.
  client.on("error", () => {});
  return client;
}
