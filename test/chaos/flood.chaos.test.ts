import { execFile, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createRealtimeClient } from "../../src/client/core.ts";
import { Realtime } from "../../src/index.ts";
import { startRedis } from "../support/redis-server.ts";
import { openRaw } from "../support/raw-stream.ts";
import { until } from "../support/until.ts";
import { addRow, isShort } from "./table.ts";
import { sum, tally, type Fate, type Step } from "./tally.ts";

const READERS = 100;
const REQUESTS = isShort ? 1_000 : 10_000;
const AT_ONCE = 50;
const EVERY_MS = 10;

const pathOf = (name: string): string => fileURLToPath(new URL(`flood/${name}`, import.meta.url));
const run = promisify(execFile);

async function cpuMsOf(server: ChildProcess): Promise<number> {
  server.send({ id: 1 });
  const [{ cpuMs }] = (await once(server, "message")) as [{ cpuMs: number }];
  return cpuMs;
}

/** Scripts, and changes of what is subscribed to, that Redis was asked for so far. */
async function commandsOf(redis: Redis): Promise<number> {
  const statistics = await redis.info("commandstats");
  return [...statistics.matchAll(/cmdstat_(?:eval|evalsha|s?subscribe|s?unsubscribe|get|exists):calls=(\d+)/g)].reduce(
    (count, [, calls]) => count + Number(calls),
    0,
  );
}

function share(sorted: readonly number[], part: number): number {
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10;
}

describe(`${REQUESTS.toLocaleString("en-US")} refused connects of each kind, beside ${READERS} readers`, () => {
  it("the readers miss nothing and keep their streams, and Redis is asked for nothing", async () => {
    await using redis = await startRedis();
    const direct = new Redis(redis.url);
    const server = fork(pathOf("guarded-server.mjs"), { env: { ...process.env, REDIS_URL: redis.url } });
    const [{ port }] = (await once(server, "message")) as [{ port: number }];
    const url = `http://127.0.0.1:${port}`;
    await using realtime = new Realtime({ redis: { driver: "redis", url: redis.url } });
    const fates: Fate[] = [];
    const readers = Array.from({ length: READERS }, () => ({ steps: [] as Step[] }));
    let delays: number[] = [];
    let requests = 0;
    const clients = readers.map(({ steps }) => {
      const client = createRealtimeClient({
        api: { url },
        fetch: (...given) => {
          requests++;
          return fetch(...given);
        },
      });
      client.subscribe({
        channels: ["news"],
        onGap: () => steps.push("gap"),
        onData({ data }) {
          const { n, at } = data as { n: number; at: number };
          steps.push(n);
          delays.push(performance.timeOrigin + performance.now() - at);
        },
      });
      return client;
    });
    const isEverybody = (): boolean => readers.every(({ steps }) => steps.at(-1) === fates.length);
    try {
      await until("the readers", async () => clients.every((client) => client.getStatus() === "connected") || undefined);
      // Of one address there are as many as may be, so that each further one is refused.
      const full = [];
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let each = 0; each < 10; each++)
        full.push(await openRaw(`${url}/?channel=news`, { headers: { "x-address": "6.6.6.6" } }));
      expect(full.map(({ status }) => status)).toEqual(Array(10).fill(200));
      const kinds = [
        ["nothing", "", 0, {}],
        ["bare Node, which refuses at once", "/bare", 403, {}],
        ["a channel name that is none", "/?channel=%7Ba%7D", 400, {}],
        ["a channel that `authorize` refuses", "/?channel=admin&at=-", 403, {}],
        ["too many streams from one address", "/?channel=news&at=-", 429, { "x-address": "6.6.6.6" }],
      ] as const;
      let bareMs = 0;
      // The first one sends its script as text, after Redis did not know it by its hash.
      await realtime
        .channel("news")
        .emit("count.up", { n: fates.push("stored"), at: performance.timeOrigin + performance.now() });
      for (const [what, path, status, headers] of kinds) {
        delays = [];
        const [cpuBefore, commandsBefore, emitted] = [await cpuMsOf(server), await commandsOf(direct), fates.length];
        const started = performance.now();
        let isOver = false;
        const flood: Promise<{ readonly stdout: string }> =
          path === ""
            ? sleep(isShort ? 1_000 : 4_000, { stdout: "{}" })
            : run(process.execPath, [
                pathOf("flood.mjs"),
                url + path,
                String(REQUESTS),
                String(AT_ONCE),
                JSON.stringify(headers),
              ]);
        const over = flood.finally(() => (isOver = true));
        while (!isOver) {
          await realtime
            .channel("news")
            .emit("count.up", { n: fates.length + 1, at: performance.timeOrigin + performance.now() });
          fates.push("stored");
          await sleep(EVERY_MS);
        }
        const { stdout } = await over;
        const seconds = (performance.now() - started) / 1_000;
        await until("everybody to have everything", async () => isEverybody() || undefined);
        const cpuMs = (await cpuMsOf(server)) - cpuBefore;
        const events = fates.length - emitted;
        expect(JSON.parse(stdout)).toEqual(path === "" ? {} : { [status]: REQUESTS });
        expect(await commandsOf(direct), "one command for each event, and none for a refusal").toBe(commandsBefore + events);
        const sorted = delays.toSorted((a, b) => a - b);
        if (path === "/bare") bareMs = cpuMs / REQUESTS;
        addRow("flood", {
          "Meanwhile asked for": what,
          "Refused /s": path === "" ? 0 : Math.round(REQUESTS / seconds),
          "CPU of the server, × bare Node": path === "" || path === "/bare" ? "" : (cpuMs / REQUESTS / bareMs).toFixed(2),
          Deliveries: events * READERS,
          Lost: readers.reduce((lost, { steps }) => lost + tally(fates, steps).lost, 0),
          "p50 ms": share(sorted, 0.5),
          "p99 ms": share(sorted, 0.99),
        });
      }
      const shown = readers.map(({ steps }) => tally(fates, steps));
      expect(sum(shown)).toMatchObject({ lost: 0, doubled: 0, gaps: 0 });
      expect(requests, "each reader has the stream that it began with").toBe(READERS);
    } finally {
      clients.forEach((client) => client.destroy());
      direct.disconnect();
      server.kill("SIGKILL");
    }
  });
});
