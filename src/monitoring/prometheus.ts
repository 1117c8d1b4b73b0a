import { TidingsError } from "../protocol/error.ts";
import type { RealtimeStats } from "../realtime/stats.ts";
import { METRICS, type Metric, type Point } from "./metrics.ts";

/** What has stats: a `Realtime`. */
export interface HasStats {
  stats(): RealtimeStats;
}

/** Options of `metrics`. */
export interface MetricsOptions {
  /** The `Realtime` whose broker is watched. */
  readonly realtime: HasStats;
}

/** The `content-type` of {@link metricsText}. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * An endpoint for Prometheus, for anything that speaks `Request` and `Response`. It is open to whoever reaches it: mount it where only
 * your Prometheus does.
 *
 * @throws TidingsError `bad_option` when `realtime` is none.
 */
export function metrics({ realtime }: MetricsOptions): (request: Request) => Response {
  if (typeof realtime?.stats !== "function")
    throw new TidingsError("bad_option", "`metrics` takes `{ realtime }`, an instance made with `new Realtime(…)`.");
  return ({ method }) => {
    if (method !== "GET" && method !== "HEAD") return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    const headers = { "content-type": METRICS_CONTENT_TYPE, "cache-control": "no-store" };
    return new Response(method === "HEAD" ? null : metricsText(realtime), { headers });
  };
}

/** The stats as Prometheus reads them, for servers without `Request` and `Response`. Send it as {@link METRICS_CONTENT_TYPE}. */
export function metricsText(realtime: HasStats): string {
  const stats = realtime.stats();
  return METRICS.map((metric) => {
    const name = prometheusName(metric);
    const lines = metric.read(stats).map((point) => `${name}${labels(point)} ${point.value}\n`);
    return `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.kind}\n${lines.join("")}`;
  }).join("");
}

/** The name of a metric by the rules of Prometheus. */
export function prometheusName({ name, unit, kind }: Pick<Metric, "name" | "unit" | "kind">): string {
  const base = name.replaceAll(".", "_");
  const withUnit = unit === "By" ? `${base}_bytes` : base;
  return kind === "counter" ? `${withUnit}_total` : withUnit;
}

function labels({ attributes = {} }: Point): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
