import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "./redis-server.ts";
import { until } from "./until.ts";

/** One value that a query of {@link Prometheus} found. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus of the test's own, that scrapes one target every second. */
export interface Prometheus extends AsyncDisposable {
  /** What it holds now. */
  query(promql: string): Promise<readonly Sample[]>;
  /** What it says of a metric: its type and help. */
  metadata(): Promise<Readonly<Record<string, ReadonlyArray<{ readonly type: string; readonly help: string }>>>>;
  /** Why it could not take what the target sent; empty when it could. */
  lastError(): Promise<string>;
}

/**
 * Starts `$PROMETHEUS_PATH`, or `prometheus` from the PATH, on one target: `host:port` and the path of its metrics.
 * @param rules the text of a file of rules, which are looked at every second
 */
export async function startPrometheus(target: string, metricsPath: string, rules: string = ""): Promise<Prometheus> {
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-prometheus-"));
  const port = await freePort();
  const config = path.join(folder, "prometheus.yml");
  const rulesFile = path.join(folder, "rules.yml");
  writeFileSync(rulesFile, rules);
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: ["${rulesFile}"]\nscrape_configs: [{ job_name: tidings, metrics_path: ${metricsPath}, static_configs: [{ targets: ["${target}"] }] }]\n`,
  );
  const options = [`--config.file=${config}`, `--storage.tsdb.path=${folder}`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn(process.env["PROMETHEUS_PATH"] ?? "prometheus", options, { stdio: "ignore" });
  await once(child, "spawn");
  const url = `http://127.0.0.1:${port}`;
  const ask = async <T>(what: string): Promise<T> => {
    const { data } = (await (await fetch(`${url}/api/v1/${what}`)).json()) as { data: T };
    return data;
  };
  await until("an answer of Prometheus", async () => ((await fetch(`${url}/-/ready`)).ok ? true : undefined));
  return {
    async query(promql) {
      type Found = { readonly metric: Record<string, string>; readonly value: readonly [number, string] };
      const { result } = await ask<{ result: Found[] }>(`query?query=${encodeURIComponent(promql)}`);
      return result.map(({ metric: { __name__: _name, instance: _instance, job: _job, ...labels }, value: [, value] }) => ({
        labels,
        value: Number(value),
      }));
    },
    metadata: () => ask("metadata"),
    async lastError() {
      const { activeTargets } = await ask<{ activeTargets: ReadonlyArray<{ lastError: string }> }>("targets");
      return activeTargets[0]?.lastError ?? "";
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
