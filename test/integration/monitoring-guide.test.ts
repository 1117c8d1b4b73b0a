import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { RealtimeHooks } from "../../src/index.ts";
import { METRICS } from "../../src/monitoring/metrics.ts";
import { prometheusName } from "../../src/monitoring/prometheus.ts";
import { Realtime } from "../../src/index.ts";
import { metrics, metricsText } from "../../src/prometheus.ts";
import { installOnce } from "../support/install-once.ts";
import { freePort, startRedis } from "../support/redis-server.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "test/integration/fixtures/monitoring");
const programs = readdirSync(example);
const guide = readFileSync(path.join(root, "docs/guides/monitoring.md"), "utf8");
/** Installed with its first use. */
const PARSER = "parse-prometheus-text-format";
const SOON = { timeout: 20_000 };

/** The rows of the table under a heading, by their first cell. */
function tableUnder(heading: string): Map<string, readonly string[]> {
  const section = guide.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  expect(section, `a section "${heading}"`).toBeDefined();
  const rows = (section ?? "").split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.map((row) => {
      const [first = "", ...others] = row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [first.replaceAll("`", ""), others];
    }),
  );
}

/** The paths of what is in an object, down to what holds nothing more. */
function pathsOf(value: object, before = ""): string[] {
  return Object.entries(value).flatMap(([name, part]) =>
    typeof part === "object" && part !== null ? pathsOf(part as object, `${before}${name}.`) : [`${before}${name}`],
  );
}

describe("docs/guides/monitoring.md names", () => {
  it("every field of stats, each with what it is", async () => {
    const realtime = new Realtime({ redis: { driver: "memory" } });
    onTestFinished(() => realtime.close());
    const documented = tableUnder("Counts");
    expect([...documented.keys()]).toEqual(pathsOf({ ...realtime.stats(), refusals: 0 }));
    for (const [field, [is]] of documented) expect(is, field).toMatch(/\.$/);
  });

  it("every hook", () => {
    // One that is not there does not compile.
    const hooks: Record<keyof RealtimeHooks, true> = {
      onConnect: true,
      onDisconnect: true,
      onEmit: true,
      onReplay: true,
      onGap: true,
      onLag: true,
      onBroker: true,
    };
    expect([...tableUnder("Hooks").keys()]).toEqual(Object.keys(hooks));
  });

  it("every metric, as Prometheus and as OpenTelemetry have it, with its labels", async () => {
    const realtime = new Realtime({ redis: { driver: "memory" } });
    onTestFinished(() => realtime.close());
    const documented = tableUnder("Health, Prometheus");
    expect([...documented.keys()]).toEqual(METRICS.map(({ name }) => name));
    for (const metric of METRICS) {
      const [prometheus, labels = ""] = documented.get(metric.name) ?? [];
      expect(prometheus).toBe(`\`${prometheusName(metric)}\``);
      const points = metric.read(realtime.stats()).map(({ attributes = {} }) => attributes);
      const told = [...labels.matchAll(/`(\w+)`/g)].map(([, word = ""]) => word);
      const values = points.flatMap(({ broker: _broker, ...attributes }) => Object.values(attributes));
      expect(told, metric.name).toEqual([...new Set(points.flatMap((point) => Object.keys(point))), ...values]);
    }
    for (const { conventional } of METRICS.filter((metric) => metric.conventional))
      expect(guide).toContain(`\`${conventional}\``);
  });
});

describe("the text for Prometheus", () => {
  it("is read by a parser that is not ours, and holds every metric", async () => {
    const realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: "parsed" });
    onTestFinished(() => realtime.close());
    await realtime.emit("e.v", 1);
    const require = createRequire(
      path.join(installOnce("observability", path.join(import.meta.dirname, "fixtures/observability")), "package.json"),
    );
    const parse = require(PARSER) as (text: string) => unknown[];
    expect(parse(metricsText(realtime))).toEqual(
      METRICS.map((metric) =>
        expect.objectContaining({
          name: prometheusName(metric),
          help: metric.help,
          type: metric.kind.toUpperCase(),
          metrics: metric.read(realtime.stats()).map(({ value, attributes }) => ({
            value: String(value),
            ...(attributes && { labels: attributes }),
          })),
        }),
      ),
    );
  });

  it("writes the broker's name so that it ends nothing but itself", () => {
    const name = 'a "broker"\\\nof ours';
    const memory = new Realtime({ redis: { driver: "memory" } });
    onTestFinished(() => memory.close());
    const stats = { ...memory.stats(), broker: { name, state: "away", since: 0 } } as const;
    expect(metricsText({ stats: () => stats })).toContain(
      'tidings_broker_connected{broker="a \\"broker\\"\\\\\\nof ours"} 0\n',
    );
  });

  it("says nothing of a broker that nobody has asked for anything: 0 would be an alarm", () => {
    const realtime = new Realtime({ redis: "redis://127.0.0.1:1" });
    onTestFinished(() => realtime.close());
    expect(realtime.stats().broker.state).toBe("idle");
    expect(metricsText(realtime)).toMatch(/# TYPE tidings_broker_connected gauge\n$/);
  });

  it("is answered to GET and HEAD, and to nothing else", async () => {
    const realtime = new Realtime({ redis: { driver: "memory" } });
    onTestFinished(() => realtime.close());
    const answer = metrics({ realtime });
    const got = answer(new Request("http://localhost/metrics"));
    expect([got.status, got.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(await got.text()).toBe(metricsText(realtime));
    const head = answer(new Request("http://localhost/metrics", { method: "HEAD" }));
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(answer(new Request("http://localhost/metrics", { method: "POST" })).status).toBe(405);
    expect(() => metrics({} as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
  });
});

describe("the programs of docs/guides/monitoring.md", () => {
  let folder: string;
  beforeAll(() => {
    // Below the root, so that the built package is found by its name.
    mkdirSync(path.join(root, ".cache"), { recursive: true });
    folder = mkdtempSync(path.join(root, ".cache/monitoring-"));
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    for (const file of programs) {
      const { outputText } = ts.transpileModule(readFileSync(path.join(example, file), "utf8"), { compilerOptions: options });
      writeFileSync(path.join(folder, file.replace(".ts", ".mjs")), outputText);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are shown whole", () => {
    const fences = [...guide.matchAll(/^```ts\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)];
    for (const { groups: { file = "", code } = {} } of fences)
      expect(code, file).toBe(readFileSync(path.join(example, file), "utf8"));
    expect(fences.map(({ groups }) => groups?.["file"] ?? "").toSorted()).toEqual(programs.toSorted());
  });

  it("compile", async () => {
    const dist = (entry: string): string[] => [path.join(root, `dist/${entry}.d.ts`)];
    const config = {
      compilerOptions: {
        ...{ target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom", "dom.iterable"] },
        ...{ strict: true, skipLibCheck: true, noEmit: true, rootDir: root },
        ...{ types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] },
        paths: {
          tidings: dist("index"),
          ...Object.fromEntries(["node", "opentelemetry", "prometheus"].map((entry) => [`tidings/${entry}`, dist(entry)])),
        },
      },
      files: programs.map((file) => path.join(example, file)),
    };
    const file = path.join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    const output = await compiled.catch((error: { stdout: string }) => error);
    expect(output.stdout).toBe("");
  });

  it("tell ready from live: not ready before Redis was there, and both when it goes away again", async () => {
    const [redisPort, port, insidePort] = [await freePort(), await freePort(), await freePort()];
    const child = spawn(process.execPath, [path.join(folder, "server.mjs")], {
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        INSIDE_PORT: String(insidePort),
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      },
      stdio: "ignore",
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ask = async (what: string): Promise<readonly [number, string]> => {
      const response = await fetch(`http://127.0.0.1:${insidePort}/${what}`);
      return [response.status, await response.text()];
    };
    await vi.waitFor(async () => expect(await ask("readyz")).toEqual([503, "broker: away\n"]), SOON);
    expect(await ask("livez")).toEqual([200, "broker: away\n"]);
    await using redis = await startRedis({ port: redisPort });
    await vi.waitFor(async () => expect(await ask("readyz")).toEqual([200, "broker: connected\n"]), SOON);
    await redis.kill();
    await vi.waitFor(async () => expect(await ask("livez")).toEqual([200, "broker: away\n"]), SOON);
    expect(await ask("readyz")).toEqual([200, "broker: away\n"]);
    expect((await ask("metrics"))[1]).toContain(`tidings_broker_connected{broker="redis at 127.0.0.1:${redisPort}/0"} 0\n`);
  });
});
