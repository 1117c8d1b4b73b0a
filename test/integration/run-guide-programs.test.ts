import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { openHook, programsOf, type Route } from "../support/guide-programs.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

interface Closable {
  close(): Promise<void>;
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

it("docs/guides/bullmq.md: its programs show a job's pages and its end to who ordered it, and to nobody else", async () => {
  const program = programsOf("bullmq", { REDIS_URL: redis.url });
  const { worker } = (await program("worker.ts")) as { worker: Closable };
  const routes = (await program("routes.ts")) as { queue: Closable; printRoute: Route; realtimeRoute: Route };
  const before = new Set(process.listeners("SIGTERM"));
  await program("bridge.ts");
  const ends = process.listeners("SIGTERM").filter((listener) => !before.has(listener)) as Array<
    (signal: "SIGTERM") => unknown
  >;
  onTestFinished(async () => {
    await worker.close();
    await routes.queue.close();
    expect(ends).toHaveLength(1);
    for (const end of ends) {
      process.off("SIGTERM", end);
      // As the signal does.
      await end("SIGTERM");
    }
  });
  const order = (headers: Record<string, string>): Promise<Response> =>
    routes.printRoute(new Request("http://localhost/api/print", { method: "POST", headers }));
  expect((await order({})).status).toBe(401);
  const { channel: ordered } = (await (await order({ cookie: "user=ada" })).json()) as { channel: string };

  const load = async () => (await program("use-job.ts"))["useJob"] as (id: string) => unknown;
  const hers = await openHook(load, ordered, { route: routes.realtimeRoute, headers: { cookie: "user=ada" } });
  await vi.waitFor(() => expect(hers.shown).toEqual({ page: 3, state: "done" }), { timeout: 30_000, interval: 50 });
  const refused = async (channel: string, headers: Record<string, string>): Promise<number> =>
    (await routes.realtimeRoute(new Request(`http://localhost/api/realtime?channel=${channel}`, { headers }))).status;
  expect(await refused(ordered, { cookie: "user=eve" })).toBe(403);
  expect(await refused(ordered, {})).toBe(403);
  expect(await refused("job:print:none", {})).toBe(403);
});
