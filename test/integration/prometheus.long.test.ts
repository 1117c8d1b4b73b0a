import { expect, it, onTestFinished, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { METRICS } from "../../src/monitoring/metrics.ts";
import { prometheusName } from "../../src/monitoring/prometheus.ts";
import { metrics } from "../../src/prometheus.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis-server.ts";

const SOON = { timeout: 30_000, interval: 200 };

it("a real Prometheus scrapes every metric, with its type, and counts what happens", async () => {
  await using redis = await startRedis();
  const realtime = new Realtime({ redis: redis.url });
  onTestFinished(() => realtime.close());
  await using server = await serve(fetchListener(async (request) => metrics({ realtime })(request)));
  await using prometheus = await startPrometheus(server.url.replace("http://", ""), "/metrics");
  await realtime.channel("a").subscribe({ onData: () => {} });
  for (const n of [1, 2, 3]) await realtime.channel("a").emit("e.v", n);
  await vi.waitFor(async () => expect(await prometheus.query("tidings_deliveries_total")).toMatchObject([{ value: 3 }]), SOON);
  expect(await prometheus.lastError()).toBe("");
  expect(await prometheus.query('tidings_emits_total{outcome="stored"}')).toMatchObject([{ value: 3 }]);
  expect(await prometheus.query("tidings_broker_connected")).toEqual([
    { labels: { broker: `redis at 127.0.0.1:${redis.port}/0` }, value: 1 },
  ]);
  const known = await prometheus.metadata();
  for (const metric of METRICS) {
    const { kind, help } = metric;
    expect(known[prometheusName(metric)], metric.name).toMatchObject([{ type: kind, help }]);
  }
});
