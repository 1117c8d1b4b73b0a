// @ts-check
/**
 * A program that does one thing with the built package and nothing else that would keep it alive. It prints how that ended.
 * Arguments: what it does, and with which client. Environment: REDIS_URL.
 */
import { Redis as Upstash } from "@upstash/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { Realtime } from "tidings";

const [, , task = "", client = ""] = process.argv;
const url = process.env["REDIS_URL"] ?? "";
const clients = {
  "a URL": () => url,
  ioredis: () => new Redis(url, { lazyConnect: true }),
  "node-redis": () => createClient({ url }),
  "@upstash/redis": () => new Upstash({ url: url.replace(/^redis/, "http"), token: "token" }),
};
const realtime = new Realtime({ redis: clients[/** @type {keyof typeof clients} */ (client)](), emitTimeoutSecs: 1 });

/** @type {Record<string, () => Promise<unknown>>} */
const tasks = {
  emit: () => realtime.emit("job.done", 1),
  history: () => realtime.history(),
  subscribe: () => new Promise((resolve) => void realtime.subscribe({ onData: ({ data }) => resolve(data) })),
};

async function main() {
  try {
    console.log("ended with", await tasks[task]?.());
  } catch (error) {
    console.log("ended with", /** @type {{ code?: string }} */ (error).code);
  } finally {
    await realtime.close();
  }
}
// Not awaited by the module: Node tells of such an await that will never end, and of nothing else.
void main();
