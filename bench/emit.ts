/**
 * What an emit costs beyond the script that it sends: emits pipelined on one connection, through the engine and by `channel.emit`,
 * against the same script with the same arguments sent raw through the same client library. Then what the script itself costs.
 *
 * How it avoids lying: all ways run in one process, against one server of its own, in short turns that change places, so that what
 * else the machine does meets all alike; a figure is the median of the ratios of neighbouring turns; and a turn counts only if no
 * emit failed and the log says that it has grown by as many entries.
 */
import { cpus } from "node:os";
import { startRedis } from "../test/support/redis-server.ts";
import { CLIENTS, connectTo, openWays, type OpenWays } from "./emit-ways.ts";
import { measureScript } from "./emit-script.ts";
import { median, ratio, runTurn, table } from "./measure.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);
const SIZES = [
  { bytes: 100, name: "100 B", burst: 1_000, bursts: 6 },
  { bytes: 20_000, name: "20 kB", burst: 200, bursts: 6 },
] as const;
const only = process.argv[2];

const server = await startRedis();
try {
  const rows: string[][] = [];
  for (const library of Object.keys(CLIENTS)) {
    if (only !== undefined && !library.startsWith(only)) continue;
    for (const size of SIZES) {
      const client = await connectTo(library, server.port);
      const open = await openWays(client, `${library.replace(" ", "-")}.${size.bytes}`, size.bytes);
      rows.push([library, size.name, ...(await compare(open, size, server.port))]);
      await open.close();
      await client.close();
    }
  }
  if (rows.length > 0)
    console.log(table(["client", "payload", "raw /s", "engine /s", "emit /s", "engine ÷ raw", "emit ÷ raw"], rows));
  if (only === undefined || only === "script") console.log(await measureScript(server.port));
  console.log(`${cpus().length} cores, Node ${process.version}, ${ROUNDS} rounds`);
} finally {
  await server.stop();
}

async function compare(open: OpenWays, size: (typeof SIZES)[number], port: number): Promise<string[]> {
  const names = ["raw", "engine", "emit"] as const;
  const rates: Record<(typeof names)[number], number[]> = { raw: [], engine: [], emit: [] };
  let at = 0;
  for (let round = -3; round < ROUNDS; round++) {
    // Who comes first changes, for what comes after another meets its garbage.
    const order = names.map((_, place) => names[(place + Math.abs(round)) % names.length] as (typeof names)[number]);
    for (const name of order) {
      const rate = await runTurn(port, open.key, { way: open.ways[name], from: at, ...size });
      at += size.burst * size.bursts;
      if (round >= 0) rates[name].push(rate);
    }
  }
  return [
    ...names.map((name) => Math.round(median(rates[name])).toLocaleString("en")),
    ratio(rates.engine, rates.raw),
    ratio(rates.emit, rates.raw),
  ];
}
