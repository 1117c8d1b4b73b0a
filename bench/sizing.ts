/**
 * What to plan for: memory and file descriptors of idle streams, connections to Redis, and what logs take there. `npm run bench:sizing`.
 *
 * A server in a process of its own, collected before each look; clients in this one, which read nothing but what comes. Figures are
 * differences between two numbers of streams, so that what a process takes by itself is not in them.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { handle as handleFetch, Realtime } from "../src/index.ts";
import { handle } from "../src/node.ts";
import { fetchListener } from "../test/support/http-server.ts";
import { rawCommand } from "../test/support/raw-redis.ts";
import { startRedis } from "../test/support/redis-server.ts";
import { table } from "./measure.ts";

const FEW = 1_000;
const MANY = 5_000;
/** Opened at a time, so that no queue of the kernel overflows. */
const AT_ONCE = 200;

/** How streams are served, and to how many channels they listen. The first is the reference: `node:http` without tidings. */
const WAYS = {
  "`node:http` alone": () => (_req, res) => void res.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n"),
  "`tidings/node`": (realtime) => handle({ realtime }),
  "`tidings` (fetch)": (realtime) => fetchListener(handleFetch({ realtime })),
} satisfies Readonly<Record<string, (realtime: Realtime) => RequestListener>>;
type Way = keyof typeof WAYS;

/** What a stream asks for. */
const QUERIES: Readonly<Record<string, (n: number) => string>> = {
  "one for all": () => "channel=news",
  "one of its own": (n) => `channel=user:${n}`,
  "one for all, ten of its own": (n) =>
    ["news", ...Array.from({ length: 10 }, (_, at) => `user:${n}:${at}`)].map((name) => `channel=${name}`).join("&"),
};

interface Look {
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
}

if (process.send) await serve(process.argv[2] as Way, process.argv[3] as string);
else await measure();

async function serve(way: Way, redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  const realtime = new Realtime({ redis, maxDurationSecs: Infinity });
  const server = createServer(WAYS[way](realtime)).listen({ port: 0, host: "0.0.0.0", backlog: 2_000 });
  await once(server, "listening");
  process.on("message", () => void report());
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : 0 });
}

async function report(): Promise<void> {
  // Twice: what the first run finalizes, the second one frees.
  for (let n = 0; n < 2; n++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ rss, heap: heapUsed, descriptors: readdirSync("/proc/self/fd").length } satisfies Look);
}

async function measure(): Promise<void> {
  await using redis = await startRedis();
  const rows: string[][] = [];
  for (const [way, ask] of [
    ["`node:http` alone", "one for all"],
    ...Object.keys(QUERIES).map((ask) => ["`tidings/node`", ask] as const),
    ["`tidings` (fetch)", "one of its own"],
  ] as ReadonlyArray<readonly [Way, string]>) {
    rows.push([
      way,
      way.includes("alone") ? "–" : ask,
      ...(await sizeOf(way, QUERIES[ask] as (n: number) => string, redis.url)),
    ]);
  }
  console.log(`${MANY - FEW} idle streams more, per stream:\n`);
  console.log(table(["server", "channels", "memory (RSS), kB", "of it heap, kB", "descriptors", "connections to Redis"], rows));

  const logs: string[][] = [];
  for (const [size, count] of [
    [100, 1],
    [100, 100],
    [100, 1_000],
    [1_000, 1_000],
    [8_000, 1_000],
  ] as const) {
    logs.push([String(count), `${size} B`, await logBytes(redis.url, redis.port, { size, count })]);
  }
  console.log(`\nA log in Redis:\n\n${table(["events", "JSON of each", "memory, kB"], logs)}`);
}

async function sizeOf(way: Way, query: (n: number) => string, redisUrl: string): Promise<string[]> {
  const child = fork(fileURLToPath(import.meta.url), [way, redisUrl], { execArgv: ["--expose-gc"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const sockets: Socket[] = [];
  try {
    await open(FEW, port, sockets, query);
    const few = await look(child);
    await open(MANY - FEW, port, sockets, query);
    const many = await look(child);
    const each = (part: keyof Look): number => (many[part] - few[part]) / (MANY - FEW);
    const clients = String(await rawCommand(Number(new URL(redisUrl).port), "CLIENT", "LIST"));
    // The one that asks is in the list.
    const connections = clients.trim().split("\n").length - 1;
    return [
      (each("rss") / 1_000).toFixed(1),
      (each("heap") / 1_000).toFixed(1),
      each("descriptors").toFixed(2),
      String(connections),
    ];
  } finally {
    for (const socket of sockets) socket.destroy();
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}

async function look(child: ChildProcess): Promise<Look> {
  const answer = once(child, "message");
  child.send("look");
  return ((await answer) as [Look])[0];
}

async function open(count: number, port: number, sockets: Socket[], query: (n: number) => string): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, count - done) }, async () => {
        const n = sockets.length;
        // A source port is used once for each address.
        const socket = connect({ port, host: `127.0.0.${1 + (n % 4)}` });
        sockets.push(socket);
        socket.on("error", () => {});
        socket.write(`GET /api/realtime?${query(n)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        // Each asks for at most eleven channels, and is told of each that it joined.
        const wanted = query(n).split("&").length;
        let text = "";
        await new Promise<void>((resolve, reject) => {
          socket.on("close", () => reject(new Error("a stream was refused")));
          socket.on("data", (chunk: Buffer) => {
            text += chunk.toString("latin1");
            const joined = text.match(/event: connected/g)?.length ?? 0;
            if (joined < wanted && !text.includes("\r\n:\n\n\r\n")) return;
            text = "";
            socket.removeAllListeners("data").resume();
            resolve();
          });
        });
        socket.removeAllListeners("close");
      }),
    );
  }
}

async function logBytes(url: string, port: number, { size, count }: { size: number; count: number }): Promise<string> {
  const redis = new Redis(url);
  const realtime = new Realtime({ redis });
  const name = `log:${size}:${count}`;
  const channel = realtime.channel(name);
  // The quotes of the JSON count.
  for (let n = 0; n < count; n++) await channel.emit("step", "x".repeat(size - 2));
  await realtime.close();
  redis.disconnect();
  const bytes = await rawCommand(port, "MEMORY", "USAGE", `tidings:${name}`, "SAMPLES", "0");
  return (Number(bytes) / 1_000).toFixed(1);
}
