/**
 * What it costs to say a stream in other words, as the route of `tidings/events` does for a plain `EventSource`, and to rename one of
 * its logs, as it does for our own client. `npm run bench:translate`.
 *
 * First the translation by itself, on streams that are in memory. Then a server in a process of its own, with readers on sockets in
 * this one: the CPU time that the server takes for each event and reader, against `handle` with the request that the route makes of
 * the same one. All ways run on one server in short turns that change places; a turn counts only if every reader got every event.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { translator } from "../src/dialects/translate.ts";
import { PLAIN_DIALECT } from "../src/events/server/plain-dialect.ts";
import { renameLog } from "../src/events/server/rename-log.ts";
import { createEvents } from "../src/events.ts";
import { handle, Realtime, type RealtimeCursor } from "../src/index.ts";
import { connectedFrame, eventFrame } from "../src/protocol/frames.ts";
import { fetchListener } from "../test/support/http-server.ts";
import { median, ratio, table } from "./measure.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const READERS = 100;
/** In one turn, one after the other. */
const EVENTS = 200;

const ID = "1700000000000-0" as RealtimeCursor;

const textOf = (bytes: number): string => "x".repeat(bytes);

/** The requests that are compared; of each pair the second is what the route makes of the first, and the reference. */
const PAIRS = [
  ["a plain `EventSource`", "/events?channels=a", "/handle?channel=user:u1,channel:global,channel:a"],
  [
    "our own client",
    "/events?v=1&channel=user,channel:global,channel:a",
    "/handle?v=1&channel=user:u1,channel:global,channel:a",
  ],
] as const;

/** In each event, once. */
const MARK = '"mark":"';

if (process.send) await serve();
else {
  console.log(await measureFrames());
  console.log(await measureServer());
  console.log(`${cpus().length} cores, Node ${process.version}, ${ROUNDS} rounds`);
}

/** What is read: the same bytes, as they come and by each translation. */
async function measureFrames(): Promise<string> {
  const rows: string[][] = [];
  for (const { bytes, perChunk, count } of [
    { bytes: 150, perChunk: 1, count: 20_000 },
    { bytes: 150, perChunk: 100, count: 20_000 },
    { bytes: 20_000, perChunk: 1, count: 1_000 },
  ]) {
    const ns: Record<"bare" | "translated" | "renamed", number[]> = { bare: [], translated: [], renamed: [] };
    const ways = {
      bare: (response: Response) => response,
      translated: (response: Response) => translator(PLAIN_DIALECT)(response, 1),
      renamed: (response: Response) => renameLog(response, "channel:a", "user"),
    };
    const chunks = chunksOf({ bytes, perChunk, count });
    for (let round = -3; round < ROUNDS; round++) {
      for (const name of inTurn(["bare", "translated", "renamed"] as const, round)) {
        const started = process.cpuUsage();
        await readAll(await ways[name](streamOf(chunks)));
        if (round >= 0) ns[name].push((cpuMicros(started) * 1_000) / count);
      }
    }
    const more = (name: "translated" | "renamed"): string =>
      Math.round(median(ns[name].map((value, at) => value - (ns.bare[at] as number)))).toLocaleString("en");
    rows.push([
      `${bytes.toLocaleString("en")} B`,
      String(perChunk),
      Math.round(median(ns.bare)).toLocaleString("en"),
      more("translated"),
      more("renamed"),
    ]);
  }
  return table(["event", "frames at a time", "reading alone, ns", "translated, ns more", "renamed, ns more"], rows);
}

function chunksOf({ bytes, perChunk, count }: Readonly<Record<"bytes" | "perChunk" | "count", number>>): Uint8Array[] {
  const text = textOf(bytes);
  const frames = Array.from({ length: count }, (_, n) => {
    const json = JSON.stringify({ id: crypto.randomUUID(), event: { type: "t", n, text } });
    return eventFrame({ id: ID, channel: "channel:a", event: "t", json });
  });
  const texts = [connectedFrame({ channel: "channel:a", cursor: ID, tail: ID, heartbeatMs: 15_000 })];
  for (let at = 0; at < count; at += perChunk) texts.push(frames.slice(at, at + perChunk).join(""));
  return texts.map((piece) => new TextEncoder().encode(piece));
}

function streamOf(chunks: readonly Uint8Array[]): Response {
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[at++];
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

async function readAll(response: Response): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  while (!(await reader.read()).done);
}

async function measureServer(): Promise<string> {
  const child = fork(fileURLToPath(import.meta.url));
  try {
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    const rows: string[][] = [];
    for (const [who, route, reference] of PAIRS) {
      for (const bytes of [150, 2_000]) {
        const micros: Record<string, number[]> = { [route]: [], [reference]: [] };
        for (let round = -3; round < ROUNDS; round++) {
          for (const path of inTurn([route, reference], round)) {
            const taken = await turn(child, { port, path, bytes });
            if (round >= 0) micros[path]?.push(taken);
          }
        }
        const [said, bare] = [micros[route], micros[reference]] as [number[], number[]];
        const share = median(said.map((value, at) => 1 - (bare[at] as number) / value));
        rows.push([
          who,
          `${bytes.toLocaleString("en")} B`,
          median(bare).toFixed(1),
          median(said).toFixed(1),
          ratio(said, bare),
          `${(share * 100).toFixed(0)} %`,
        ]);
      }
    }
    return table(["reader", "event", "`handle`, µs", "the route, µs", "route ÷ `handle`", "of the server's CPU"], rows);
  } finally {
    child.kill();
  }
}

/** @returns CPU time of the server in µs, for each event and reader */
async function turn(
  child: ChildProcess,
  { port, path, bytes }: { readonly port: number; readonly path: string; readonly bytes: number },
): Promise<number> {
  const readers = await Promise.all(Array.from({ length: READERS }, () => openReader(port, path)));
  try {
    child.send({ bytes });
    await Promise.all(readers.map(({ all }) => all));
    child.send({});
    const [{ micros }] = (await once(child, "message")) as [{ micros: number }];
    return micros / (READERS * EVENTS);
  } finally {
    for (const { socket } of readers) socket.destroy();
  }
}

interface Reader {
  readonly socket: Socket;
  /** Has every event of a turn. */
  readonly all: Promise<void>;
}

/** Resolves when the stream is open on all its channels. */
function openReader(port: number, path: string): Promise<Reader> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let opening = "";
    let isOpen = false;
    let count = 0;
    let rest = "";
    let complete = (): void => {};
    const all = new Promise<void>((done) => (complete = done));
    socket.on("error", reject);
    socket.on("data", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      if (!isOpen) {
        opening += text;
        // Each of the three is joined: said three times, or once with the position of all.
        isOpen = opening.split("event: connected").length > 3 || /"status": "connected"[^]*event: position/.test(opening);
        if (isOpen) resolve({ socket, all });
        return;
      }
      const pieces = (rest + text).split(MARK);
      count += pieces.length - 1;
      // A mark may be cut in two.
      rest = (pieces.at(-1) as string).slice(1 - MARK.length);
      if (count > EVENTS) reject(new Error(`${count} events, of ${EVENTS}`));
      if (count === EVENTS) complete();
    });
  });
}

async function serve(): Promise<void> {
  const realtime = new Realtime({ redis: { driver: "memory" }, maxDurationSecs: Infinity });
  const limits = { maxStreamsPerUser: Infinity };
  const events = createEvents({ realtime, identify: () => "u1", authorize: () => true, limits });
  const bare = handle({ realtime, identify: () => "u1", authorize: () => true, limits });
  const server = createServer(fetchListener((request) => (request.url.includes("/events?") ? events.GET : bare)(request)));
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2_000 });
  await once(server, "listening");
  let started = process.cpuUsage();
  process.on("message", ({ bytes }: { bytes?: number }) => {
    if (bytes === undefined) process.send?.({ micros: cpuMicros(started) });
    else {
      started = process.cpuUsage();
      void publish(bytes);
    }
  });
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : 0 });

  /** Each event on its own, as they come while nothing is behind. */
  async function publish(bytes: number): Promise<void> {
    const text = textOf(bytes);
    for (let n = 0; n < EVENTS; n++) {
      await events.publishToChannel("a", { type: "t", n, mark: text });
      await new Promise(setImmediate);
    }
  }
}

/** What runs in this round, in its order: who comes first changes. */
function inTurn<T>(names: readonly T[], round: number): T[] {
  return names.map((_, place) => names[(place + Math.abs(round)) % names.length] as T);
}

function cpuMicros(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}
