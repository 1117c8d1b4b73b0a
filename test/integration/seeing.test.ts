import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Realtime, type BrokerInfo } from "../../src/index.ts";
import { freePort, startRedis, type RedisServer } from "../support/redis-server.ts";

const SOON = { timeout: 20_000 };

/** An instance on a Redis with a password, whose log and broker states are kept. */
function watched(url: string) {
  const lines: string[] = [];
  const states: BrokerInfo[] = [];
  const note = (message: string): void => void lines.push(message);
  const realtime = new Realtime({
    redis: url,
    logger: { log: note, warn: note, error: note },
    hooks: { onBroker: (info) => states.push(info) },
  });
  return { realtime, lines, states };
}

describe("a Redis that goes and comes back", () => {
  let redis: RedisServer;
  let own: ReturnType<typeof watched>;
  beforeEach(async () => {
    redis = await startRedis({ args: ["--user", "app", "on", ">hunter2", "~*", "&*", "+@all"] });
    own = watched(redis.url.replace("redis://", "redis://app:hunter2@"));
  });
  afterEach(async () => {
    await own.realtime.close();
    await redis.stop();
  });

  it("is one line when it is lost and one when it is back, with its address and without its password; none besides", async () => {
    const { realtime, lines, states } = own;
    let seen: unknown;
    await realtime.subscribe({ onData: ({ data }) => void (seen = data), onGap: () => {} });
    await realtime.emit("e.v", 1);
    await vi.waitFor(() => expect(seen).toBe(1), SOON);
    expect(lines).toEqual([]);
    for (const round of [1, 2]) {
      await redis.kill();
      await vi.waitFor(() => expect(realtime.stats().broker.state).toBe("away"), SOON);
      await redis.start();
      await vi.waitFor(() => expect(realtime.stats().broker.state).toBe("connected"), SOON);
      await realtime.emit("e.v", `round ${round}`);
      await vi.waitFor(() => expect(seen).toBe(`round ${round}`), SOON);
      const address = `Redis at 127.0.0.1:${redis.port}/0`;
      expect(lines.slice(-2)).toEqual([
        expect.stringContaining(`no connection to ${address}`),
        expect.stringMatching(new RegExp(`${address} is back, after \\d+\\.\\d s\\.$`)),
      ]);
      expect(lines).toHaveLength(2 * round);
    }
    expect(states.map(({ state }) => state)).toEqual(["connected", "away", "connected", "away", "connected"]);
    for (const { name, durationMs } of states)
      expect([name, durationMs >= 0]).toEqual([`redis at 127.0.0.1:${redis.port}/0`, true]);
    expect(JSON.stringify([lines, states, realtime.stats(), realtime.health()])).not.toContain("hunter2");
  });

  it("changes neither live nor ready, and stats tell of it", async () => {
    const { realtime } = own;
    expect(realtime.health()).toMatchObject({ live: true, ready: false, broker: { state: "idle" } });
    await vi.waitFor(() => expect(realtime.health()).toMatchObject({ ready: true, broker: { state: "connected" } }), SOON);
    await redis.kill();
    await vi.waitFor(() => expect(realtime.health().broker.state).toBe("away"), SOON);
    expect(realtime.health()).toMatchObject({ live: true, ready: true });
  });

  it("is nothing to speak of when the instance is closed meanwhile", async () => {
    const { realtime, lines } = own;
    await realtime.emit("e.v", 1);
    await redis.kill();
    await vi.waitFor(() => expect(lines).toHaveLength(1), SOON);
    await realtime.close();
    expect(lines).toHaveLength(1);
  });
});

it("a Redis that was never there is not ready, however often it is asked, until it is there", async () => {
  const port = await freePort();
  const { realtime, lines } = watched(`redis://127.0.0.1:${port}`);
  try {
    await vi.waitFor(
      () => expect(realtime.health()).toMatchObject({ live: true, ready: false, broker: { state: "away" } }),
      SOON,
    );
    await using redis = await startRedis({ port });
    await vi.waitFor(() => expect(realtime.health().ready).toBe(true), SOON);
    expect(lines).toHaveLength(2);
    expect(redis.port).toBe(port);
  } finally {
    await realtime.close();
  }
});
