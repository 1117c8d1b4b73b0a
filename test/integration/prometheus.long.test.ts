import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { METRICS } from "../../src/monitoring/metrics.ts";
import { prometheusName } from "../../src/monitoring/prometheus.ts";
import { metrics } from "../../src/prometheus.ts";
import { fetchListener, serve } from "../support/http-server.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { freePort, startRedis } from "../support/redis-server.ts";

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

describe("the rules of docs/guides/monitoring.md", () => {
  const guide = readFileSync(new URL("../../docs/guides/monitoring.md", import.meta.url), "utf8");
  const [, rules = ""] = /^```yaml\n# tidings\.rules\.yml\n([\s\S]*?)^```$/m.exec(guide) ?? [];

  it("are taken by promtool", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "tidings-rules-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, "tidings.rules.yml");
    writeFileSync(file, rules);
    const checked = await promisify(execFile)(process.env["PROMTOOL_PATH"] ?? "promtool", ["check", "rules", file]);
    expect(checked.stdout).toContain("SUCCESS: 3 rules found");
  });

  it("are silent while all is well, and fire when Redis is lost and comes back without its data", async () => {
    const port = await freePort();
    await using redis = await startRedis({ port });
    const silent = { log() {}, warn() {}, error() {} };
    const realtime = new Realtime({ redis: redis.url, logger: silent, emitTimeoutSecs: 1 });
    onTestFinished(() => realtime.close());
    await using server = await serve(fetchListener(async (request) => metrics({ realtime })(request)));
    // An outage of a minute is one of a second here.
    const quick = rules.replaceAll("for: 1m", "for: 1s");
    expect(quick).not.toBe(rules);
    await using prometheus = await startPrometheus(server.url.replace("http://", ""), "/metrics", quick);
    const firing = async (): Promise<string[]> =>
      (await prometheus.query('ALERTS{alertstate="firing"}')).map(({ labels }) => String(labels["alertname"])).toSorted();
    await realtime.channel("a").subscribe({ onData: () => {} });
    await realtime.channel("a").emit("e.v", 1);
    const stored = 'tidings_emits_total{outcome="stored"} == 1';
    await vi.waitFor(async () => expect(await prometheus.query(stored)).toHaveLength(1), SOON);
    expect(await prometheus.query("tidings_broker_connected == 1")).toHaveLength(1);
    expect(await firing()).toEqual([]);

    await redis.kill();
    await vi.waitFor(
      async () => {
        // A rate is the difference of two scrapes: one failure may fall before the first that sees it.
        await realtime.emit("e.v", 2).catch(() => {});
        expect(await firing()).toEqual(["TidingsBrokerAway", "TidingsEmitsFail"]);
      },
      { timeout: 60_000, interval: 200 },
    );
    await using again = await startRedis({ port });
    expect(again.port).toBe(port);
    await vi.waitFor(async () => expect(await firing()).toContain("TidingsGaps"), { timeout: 60_000, interval: 200 });
    await vi.waitFor(async () => expect(await firing()).not.toContain("TidingsBrokerAway"), SOON);
  }, 200_000);
});
