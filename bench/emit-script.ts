/** What the script of an emit costs the server, beside what else could be sent in its place. */
import { rawCommand } from "../test/support/raw-redis.ts";
import { connectTo, EVENT, payload, recordAppend } from "./emit-ways.ts";
import { median, ratio, runTurn, table } from "./measure.ts";

/** The library that costs least by itself, so that the server's part shows most. */
const LIBRARY = "ioredis 5";
const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const SIZES = [
  { bytes: 100, name: "100 B", burst: 1_000 },
  { bytes: 2_000, name: "2 kB", burst: 1_000 },
  { bytes: 8_000, name: "8 kB", burst: 500 },
  { bytes: 20_000, name: "20 kB", burst: 200 },
] as const;
const BURSTS = 4;

type Send = (name: string, ...args: string[]) => Promise<unknown>;
/** Sends one event's commands. */
type Commands = (send: Send, json: string) => Promise<unknown>;

/**
 * The script as it is sent, once as text and once by its hash; the same when every entry is announced whole; and what does without a script:
 * a bare append to the stream, and the three commands with which one would store, expire and announce by hand.
 */
async function commandsFor(port: number, key: string): Promise<Record<string, Commands>> {
  const client = await connectTo(LIBRARY, port);
  const { args, jsonAt } = await recordAppend(client.source, key);
  await client.close();
  const [script = "", , , keep = "", ttl = "", live = ""] = args;
  const hash = String(await rawCommand(port, "SCRIPT", "LOAD", script));
  const announcedAt = jsonAt + 3;
  const withJson = (json: string, announced = args[announcedAt] as string) =>
    args.with(2, key).with(jsonAt, json).with(announcedAt, announced);
  const append = (json: string) => ["XADD", key, "MAXLEN", "=", keep, "*", "v", "1", "e", EVENT, "d", json] as const;
  return {
    "XADD alone": (send, json) => send(...append(json)),
    "XADD, PEXPIRE, PUBLISH": async (send, json) => {
      await Promise.all([send(...append(json)), send("PEXPIRE", key, ttl), send("PUBLISH", live, json)]);
    },
    "the script": (send, json) => send("EVALSHA", ...withJson(json).with(0, hash)),
    "as text": (send, json) => send("EVAL", ...withJson(json)),
    "announcing all": (send, json) => send("EVALSHA", ...withJson(json, String(2 ** 40)).with(0, hash)),
  };
}

/** @returns a table in Markdown: events per second, and by how much the other ways are faster or slower */
export async function measureScript(port: number): Promise<string> {
  const client = await connectTo(LIBRARY, port);
  const send: Send = (name, ...args) => client.send(name, args);
  const rows: string[][] = [];
  let kinds: Array<[string, Commands]> = [];
  for (const { bytes, name, burst } of SIZES) {
    const key = `script.${bytes}`;
    kinds = Object.entries(await commandsFor(port, key));
    const rates = kinds.map((): number[] => []);
    let from = 0;
    for (let round = -2; round < ROUNDS; round++) {
      // Who comes first changes.
      for (let turn = 0; turn < kinds.length; turn++) {
        const place = (turn + round + kinds.length) % kinds.length;
        const [, commands] = kinds[place] as [string, Commands];
        const way = (at: number) => commands(send, JSON.stringify(payload(at, bytes)));
        const rate = await runTurn(port, key, { way, from, burst, bursts: BURSTS });
        from += burst * BURSTS;
        if (round >= 0) rates[place]?.push(rate);
      }
    }
    const [reference = [], ...others] = rates;
    rows.push([name, Math.round(median(reference)).toLocaleString("en"), ...others.map((each) => ratio(each, reference))]);
  }
  await client.close();
  return table(["payload", "XADD alone /s", ...kinds.slice(1).map(([kind]) => `${kind} ÷ it`)], rows);
}
