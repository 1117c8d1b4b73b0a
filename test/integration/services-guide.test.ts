import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Realtime } from "../../src/index.ts";
import { handle } from "../../src/node.ts";
import { serve, type TestServer } from "../support/http-server.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "test/integration/fixtures/services");
const programs = readdirSync(example);
const SOON = { timeout: 20_000 };

describe("docs/guides/services.md", () => {
  let folder: string;
  let realtime: Realtime;
  let server: TestServer;
  /** The Authorization of each request. */
  let asked: Array<string | undefined> = [];
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "tidings-services-"));
    await build({
      ...{ root: example, configFile: false, logLevel: "warn" },
      resolve: { alias: { "tidings/client/core": path.join(root, "src/client/core.ts") } },
      ssr: { noExternal: true },
      build: {
        ...{ ssr: true, outDir: folder, emptyOutDir: false, minify: false },
        rolldownOptions: {
          input: programs.map((file) => path.join(example, file)),
          output: { entryFileNames: "[name].mjs" },
          preserveEntrySignatures: "strict",
        },
      },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(async () => {
    asked = [];
    realtime = new Realtime({ redis: { driver: "memory" }, keyPrefix: `services-${Math.random()}` });
    const stream = handle({
      realtime,
      middleware({ request }) {
        asked.push(request.headers.get("authorization") ?? undefined);
        return asked.at(-1) === "Bearer wrong" ? new Response("who are you?", { status: 401 }) : undefined;
      },
    });
    server = await serve(stream);
  });
  afterEach(async () => {
    await realtime.close();
    await server[Symbol.asyncDispose]();
  });

  const place = (...items: readonly string[]): Promise<unknown> =>
    Promise.all(items.map((item) => realtime.channel("orders").emit("order.placed", item)));

  it("shows these programs, whole", () => {
    const guide = readFileSync(path.join(root, "docs/guides/services.md"), "utf8");
    const fences = [...guide.matchAll(/^```ts\n\/\/ (?<file>[\w.-]+)\n(?<code>[\s\S]*?)^```$/gm)];
    for (const { groups: { file = "", code } = {} } of fences)
      expect(code, file).toBe(readFileSync(path.join(example, file), "utf8"));
    expect(fences.map(({ groups }) => groups?.["file"] ?? "").toSorted()).toEqual(programs.toSorted());
  });

  it("which compile", async () => {
    const config = {
      compilerOptions: {
        ...{ target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom", "dom.iterable"] },
        ...{ strict: true, skipLibCheck: true, noEmit: true, allowImportingTsExtensions: true, rootDir: root },
        ...{ types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] },
        paths: { "tidings/client/core": [path.join(root, "src/client/core.ts")] },
      },
      files: programs.map((file) => path.join(example, file)),
    };
    const file = path.join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    const output = await compiled.catch((error: { stdout: string }) => error);
    expect(output.stdout).toBe("");
  });

  /** Starts the service of Node. */
  function startService(env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [path.join(folder, "service.mjs")], {
      cwd: folder,
      env: { PATH: process.env.PATH, ORDERS_URL: `${server.url}/api/realtime`, ORDERS_TOKEN: "packer", ...env },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += String(text)));
    return {
      says: (...lines: readonly string[]) =>
        vi.waitFor(() => expect(output).toBe(lines.map((line) => `packing order.placed ${line}\n`).join("")), SOON),
      output: () => output,
      ended: once(child, "exit"),
      child,
    };
  }

  it("F-25: its service begins with all that is held, ends when it is told to, and goes on where it ended", async () => {
    await place("tea");
    const first = startService();
    await first.says("tea");
    await place("jam");
    await first.says("tea", "jam");
    first.child.kill("SIGTERM");
    expect(await first.ended).toEqual([0, null]);
    await place("rum");
    const second = startService();
    await second.says("rum");
    expect(asked).toEqual(["Bearer packer", "Bearer packer"]);
    rmSync(path.join(folder, "cursors.json"));
  });

  it("which ends by itself when it is refused", async () => {
    const service = startService({ ORDERS_TOKEN: "wrong" });
    expect(await service.ended).toEqual([1, null]);
    expect(service.output()).toContain("the orders were refused");
  });

  const load = async (name: string): Promise<object> =>
    (await import(/* @vite-ignore */ pathToFileURL(path.join(folder, `${name}.mjs`)).href)) as object;

  it("its worker answers a request when the event has come, and keeps nothing open", async () => {
    const { default: worker } = (await load("worker")) as {
      default: { fetch(request: Request, env: object): Promise<Response> };
    };
    const env = { ORDERS_URL: `${server.url}/api/realtime` };
    const answer = worker.fetch(new Request("http://worker.test/?order=7"), env);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    await realtime.channel("order:7").emit("order.sent", { by: "mail" });
    expect(await (await answer).json()).toEqual({ by: "mail" });
    const again = await worker.fetch(new Request("http://worker.test/?order=7"), env);
    expect(await again.json()).toEqual({ by: "mail" });
  });

  it("its object keeps its cursors in its storage, and goes on there when it is made anew", async () => {
    const { OrderListener } = (await load("order-listener")) as {
      OrderListener: new (state: object, env: object) => { fetch(): Promise<Response>; alarm(): Promise<void> };
    };
    const stored = new Map<string, unknown>();
    const storage = {
      get: async (key: string) => await Promise.resolve(structuredClone(stored.get(key))),
      put: async (key: string, value: unknown) => await Promise.resolve(void stored.set(key, structuredClone(value))),
      setAlarm: async (time: number) => await Promise.resolve(void stored.set("alarm", time)),
    };
    const printed = vi.spyOn(console, "log").mockImplementation(() => {});
    onTestFinished(() => printed.mockRestore());
    const env = { ORDERS_URL: `${server.url}/api/realtime` };
    await place("tea");
    const listener = new OrderListener({ storage }, env);
    await listener.fetch();
    await listener.alarm();
    await vi.waitFor(() => expect(printed.mock.calls).toEqual([["order.placed", "tea"]]), SOON);
    expect(asked).toHaveLength(1);
    await vi.waitFor(() => expect(stored.get("cursors")).toEqual([["orders", expect.stringMatching(/-/)]]));
    expect(stored.has("alarm")).toBe(true);
    await new OrderListener({ storage }, env).fetch();
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    await place("jam");
    // Both listen now.
    await vi.waitFor(() => expect(printed.mock.calls.filter(([, item]) => item === "jam")).toHaveLength(2), SOON);
    expect(printed.mock.calls.filter(([, item]) => item === "tea")).toHaveLength(1);
  });
});
