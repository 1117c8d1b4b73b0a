import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { EventSource } from "eventsource";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { build } from "vite";
import { luaPlugin } from "../../scripts/lua-plugin.ts";
import { fetchListener, serve, type TestServer } from "../support/http-server.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { countOf, readStream, type StreamReader } from "../support/stream-reader.ts";
import { startUpstashFront, type UpstashFront } from "../support/upstash-front.ts";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const example = path.join(root, "examples/migrating");
const OWN = {
  tidings: path.join(root, "src/index.ts"),
  "tidings/client/core": path.join(root, "src/client/core.ts"),
};
const SOON = { timeout: 20_000 };

const sourceOf = (file: string): string => readFileSync(path.join(example, file), "utf8");

/** What a program of the guide exports. */
interface Program {
  readonly GET: (request: Request) => Promise<Response>;
  readonly realtime: {
    channel(name: string): {
      emit(event: string, data: unknown): Promise<unknown>;
      history(): Promise<ReadonlyArray<{ readonly id: string; readonly data: unknown }>>;
    };
    close?(): Promise<void>;
  };
}

let server: RedisServer;
let front: UpstashFront;
let raw: Redis;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  front = await startUpstashFront(server.port);
  raw = new Redis(server.port);
  folder = mkdtempSync(path.join(tmpdir(), "tidings-migrating-"));
  vi.stubEnv("REDIS_URL", server.url);
  vi.stubEnv("UPSTASH_REDIS_REST_URL", front.url);
  vi.stubEnv("UPSTASH_REDIS_REST_TOKEN", front.token);
  const programs = readdirSync(example, { recursive: true }).map(String);
  const files = programs.filter((file) => /^[\w-]+\/[\w-]+\.ts$/.test(file));
  await build({
    root: example,
    configFile: false,
    logLevel: "warn",
    plugins: [luaPlugin()],
    resolve: {
      // forrealtime is made for ioredis 5.
      alias: [...Object.entries(OWN), ["ioredis", "ioredis5"] as const].map(([name, replacement]) => ({
        find: new RegExp(`^${name}$`),
        replacement,
      })),
    },
    ssr: { noExternal: true, external: ["ioredis5", "forrealtime", "@upstash/realtime", "@upstash/redis", "zod"] },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      target: "es2022",
      rollupOptions: {
        input: Object.fromEntries(files.map((file) => [file.slice(0, -3), path.join(example, file)])),
        preserveEntrySignatures: "strict",
        output: { entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
      },
    },
  });
  // So that what is not bundled is found.
  await run("ln", ["-s", path.join(root, "node_modules"), path.join(folder, "node_modules")]);
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  vi.unstubAllEnvs();
  raw.disconnect();
  await front.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const start = async <P = Program>(name: string): Promise<P> =>
  (await import(/* @vite-ignore */ pathToFileURL(path.join(folder, `${name}.mjs`)).href)) as P;

const open: StreamReader[] = [];
afterEach(async () => {
  for (const reader of open.splice(0)) await reader.close();
});

async function listen({ GET }: Program, query: string): Promise<StreamReader> {
  const reader = await readStream(GET, query);
  open.push(reader);
  return reader;
}

describe("docs/guides/migrating.md", () => {
  const guide = readFileSync(path.join(root, "docs/guides/migrating.md"), "utf8");

  it("shows the files of the example, whole, and what changes from one to the next", () => {
    const shown = new Set<string>();
    const fences = [...guide.matchAll(/^```(?<language>ts|diff)\n(?:\/\/|#) (?<name>.+)\n(?<code>[\s\S]*?)^```$/gm)];
    expect(guide.match(/^```/gm)).toHaveLength(2 * fences.length);
    for (const { groups: { language, name = "", code = "" } = {} } of fences) {
      const [from = "", to = from] = name.split(" -> ");
      const lines = code.split("\n").slice(0, -1);
      const without = (sign: string) =>
        lines.flatMap((line) => (line.startsWith(sign) ? [] : [`${language === "diff" ? line.slice(1) : line}\n`])).join("");
      expect(without("+"), from).toBe(sourceOf(from));
      expect(without("-"), to).toBe(sourceOf(to));
      for (const file of [from, to]) shown.add(file);
    }
    const there = readdirSync(example, { recursive: true }).map(String);
    expect([...shown].sort()).toEqual(there.filter((file) => file.includes("/") && file.endsWith(".ts")).sort());
  });

  it("which compile", async () => {
    const config = {
      extends: path.join(example, "tsconfig.json"),
      compilerOptions: {
        noEmit: true,
        rootDir: root,
        module: "esnext",
        moduleResolution: "bundler",
        target: "es2022",
        lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
        // What comes along of the sources asks for it.
        exactOptionalPropertyTypes: true,
        allowImportingTsExtensions: true,
        types: ["node"],
        typeRoots: [path.join(root, "node_modules/@types")],
        paths: Object.fromEntries(Object.entries(OWN).map(([name, file]) => [name, [file]])),
      },
      include: [`${example}/*/*.ts`, path.join(root, "src/brokers/redis/lua.d.ts")],
      // The client's type is not what forrealtime asks for.
      exclude: [path.join(example, "forrealtime/before.ts")],
    };
    const file = path.join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const compiled = run(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", file]);
    await expect(compiled).resolves.toMatchObject({ stdout: "" });
  });
});

describe.each([
  ["forrealtime", "last_ack_room:1=0-0"],
  ["upstash", "last_ack_room:1=0"],
])("its programs for %s", (library, everything) => {
  const says = (text: string) => ({ user: "ada", text });

  it("the one before and the one beside share a channel; the one alone says by a gap that its log is another", async () => {
    const before = await start(`${library}/before`);
    const beside = await start(`${library}/beside`);
    const room = ({ realtime }: Program) => realtime.channel("room:1");
    await room(before).emit("chat.message", says("stored before the move"));
    const theirs = await listen(before, `channel=room:1&${everything}`);
    const ours = await listen(beside, "v=1&channel=room:1&at=0-0");
    await theirs.until((frames) => frames.some(({ data }) => data["type"] === "connected"));
    await ours.until((frames) => countOf(frames, "") === 1);
    await room(beside).emit("chat.message", says("from tidings"));
    await ours.until((frames) => countOf(frames, "") === 2);
    await room(before).emit("chat.message", says("from the other"));
    const all = ["stored before the move", "from tidings", "from the other"].map(says);
    await ours.until((frames) => countOf(frames, "") === 3);
    expect([ours.values, countOf(ours.frames, "gap")]).toEqual([all, 0]);
    await theirs.until((frames) => frames.some(({ data }) => (data["data"] as { text?: string })?.text === "from the other"));
    expect((await room(before).history()).map(({ data }) => data)).toEqual(all);
    const refused = await beside.GET(new Request("http://localhost/api/realtime?channel=session:42"));
    expect(refused.status).toBe(403);

    const last = (await room(beside).history()).at(-1)?.id;
    await beside.realtime.close?.();
    const alone = await start(`${library}/alone`);
    const back = await listen(alone, `v=1&channel=room:1&at=${last}`);
    await back.until((frames) => countOf(frames, "gap") === 1);
    await room(alone).emit("chat.message", says("alone"));
    await back.until((frames) => countOf(frames, "") === 1);
    expect(back.frames.find(({ event }) => event === "gap")?.data).toMatchObject({ after: last, reason: "reset" });
    expect(back.values).toEqual([says("alone")]);
    expect((await raw.keys("*")).sort()).toEqual(["room:1", "tidings:room:1"]);
    await alone.realtime.close?.();
  });
});

interface ByHand extends Program {
  readonly redis: Redis;
  readonly orderChanged: (id: string, state: string) => Promise<void>;
}

describe("its programs for a route of one's own", () => {
  async function web({ GET }: Program): Promise<TestServer> {
    return serve(fetchListener(async (request) => GET(request)));
  }

  function plainPage(url: string): { readonly messages: unknown[]; opened: Promise<unknown>; close(): void } {
    const source = new EventSource(url);
    const messages: unknown[] = [];
    source.addEventListener("message", ({ data }) => messages.push(JSON.parse(data as string)));
    const opened = new Promise((resolve) => source.addEventListener("open", resolve, { once: true }));
    return { messages, opened, close: () => source.close() };
  }

  it("do what the one before did, for a plain EventSource and for the client; what is still published comes over the bridge", async () => {
    const before = await start<ByHand>("by-hand/before");
    const after = await start<ByHand>("by-hand/realtime");
    const { followOrder } = await start<{
      followOrder(id: string, show: (order: unknown) => void, reload: () => void): () => void;
    }>("by-hand/page");
    await start<object>("by-hand/bridge");
    await using oldWeb = await web(before);
    await using newWeb = await web(after);
    const oldPage = plainPage(`${oldWeb.url}/?channel=order:7`);
    const newPage = plainPage(`${newWeb.url}/?channel=order:7`);
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const fetchOf = globalThis.fetch;
    // A page's address is relative.
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => fetchOf(new URL(url, newWeb.url), init));
    const shown: unknown[] = [];
    const stop = followOrder(
      "7",
      (order) => shown.push(order),
      () => shown.push("reload"),
    );
    await newPage.opened;
    await vi.waitFor(async () => expect(await raw.pubsub("NUMSUB", "order:7")).toEqual(["order:7", 1]), SOON);

    await before.orderChanged("7", "packed");
    await vi.waitFor(() => expect(oldPage.messages).toEqual([{ id: "7", state: "packed" }]), SOON);
    await vi.waitFor(() => expect(newPage.messages).toMatchObject([{ data: { id: "7", state: "packed" } }]), SOON);
    await vi.waitFor(() => expect(shown).toEqual([{ id: "7", state: "packed" }]), SOON);

    newWeb.cut();
    await after.orderChanged("7", "sent");
    const states = [
      { id: "7", state: "packed" },
      { id: "7", state: "sent" },
    ];
    await vi.waitFor(() => expect(newPage.messages.map((each) => (each as { data: unknown }).data)).toEqual(states), SOON);
    await vi.waitFor(() => expect(shown).toEqual(states), SOON);

    stop();
    oldPage.close();
    newPage.close();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    await after.realtime.close?.();
  });
});
