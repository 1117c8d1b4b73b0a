import { describe, expect, it } from "vitest";
import { DRAIN_OVERLAP_MS } from "../../src/protocol/limits.ts";
import type { AppServer } from "../support/app-server.ts";
import { startRedis } from "../support/redis-server.ts";
import { startProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { expectPromiseKept } from "./promise.ts";
import { perform } from "./stage.ts";
import { addRow, columnsOf, isShort } from "./table.ts";

const READERS = isShort ? 100 : 1_000;
const GRACE_SECS = 10;
/** The time in which clients leave. */
const WINDOW_SECS = GRACE_SECS - DRAIN_OVERLAP_MS / 1_000;

const WAYS: ReadonlyArray<readonly [name: string, graceSecs: number | undefined]> = [
  ["it closes at once", undefined],
  [`it drains for ${GRACE_SECS} s`, GRACE_SECS],
];

describe(`${READERS} readers, all on one of two servers, which is told to end (SIGTERM)`, () => {
  it.each(WAYS)("%s: nothing is missed", async (name, graceSecs) => {
    await using redis = await startRedis();
    let proxy: TcpProxy | undefined;
    /** When the server was told to end. */
    let began: number | undefined;
    /** Who came back, and how many milliseconds later. */
    const returns: Array<{ readonly reader: number; readonly ms: number }> = [];
    const tallies = await perform(
      {
        redisPort: redis.port,
        readers: READERS,
        // Readers and balancer share a process: what flows must leave it the time to count seconds.
        everyMs: isShort ? 100 : graceSecs === undefined ? 500 : 1_000,
        graceSecs,
        before: async ([first]) => void (proxy = await startProxy((first as AppServer).port)),
        routeOf: (_servers, reader) => () => {
          if (began !== undefined) returns.push({ reader, ms: performance.now() - began });
          return `http://127.0.0.1:${(proxy as TcpProxy).port}`;
        },
      },
      async ({ servers: [old, other], audience }) => {
        // As a balancer does that asks for readiness.
        (proxy as TcpProxy).targetPort = (other as AppServer).port;
        began = performance.now();
        await (old as AppServer).stop();
        await audience.ready();
      },
    );
    await proxy?.close();
    const perSecond = Array.from(
      { length: GRACE_SECS + 1 },
      (_, n) => returns.filter(({ ms }) => Math.floor(ms / 1_000) === n).length,
    );
    const most = Math.max(...perSecond);
    const { Readers, ...columns } = { Readers: READERS, ...columnsOf(tallies) };
    addRow("drain", {
      "One of two servers ends": name,
      Readers,
      "Came back": returns.length,
      "Most in one second": most,
      "Fair share": graceSecs === undefined ? "–" : Math.ceil(READERS / WINDOW_SECS),
      ...columns,
    });
    expectPromiseKept(tallies, "keeps");
    if (graceSecs === undefined) return;
    const firsts = new Map(returns.toReversed().map(({ reader, ms }) => [reader, Math.floor(ms / 1_000)]));
    expect(firsts.size, "everybody came back").toBe(READERS);
    const planned = perSecond.map((_, n) => [...firsts.values()].filter((second) => second === n).length);
    // The plan itself is counted in src/realtime/drain.test.ts; on a busy machine some come late, and some have to try again.
    expect(Math.max(...planned), planned.join()).toBeLessThan((READERS / WINDOW_SECS) * 2);
  });
});
