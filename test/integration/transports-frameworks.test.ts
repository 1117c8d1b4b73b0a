import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createMemoryBroker } from "../../src/brokers/memory.ts";
import { handle as handleFetch, Realtime } from "../../src/index.ts";
import { handle as handleNode } from "../../src/node.ts";
import { npm } from "../package/installed.ts";
import { readByEventSource } from "../support/eventsource-reader.ts";
import { openRaw } from "../support/raw-stream.ts";
import { streamsOf } from "../support/streams-of.ts";

/** What these tests use of the frameworks. They are no dependencies of the repository, so their types are not here. */
interface Express {
  (): RequestListener & { get(path: string, handler: RequestListener): void; use(path: string, router: RequestListener): void };
  Router(): RequestListener & { get(path: string, handler: RequestListener): void };
}
interface FastifyInstance {
  get(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void;
  listen(where: { port: number; host: string }): Promise<string>;
  close(): Promise<void>;
  readonly server: { closeAllConnections(): void };
}
interface FastifyRequest {
  readonly raw: Parameters<RequestListener>[0];
}
interface FastifyReply {
  readonly raw: Parameters<RequestListener>[1];
  hijack(): void;
}
interface Hono {
  get(path: string, handler: (context: { req: { raw: Request } }) => Response | Promise<Response>): void;
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** A server of one framework, with the stream under `/api/realtime`. */
interface Site {
  readonly url: string;
  /** Breaks every connection. */
  cut(): void;
  stop(): Promise<unknown>;
}

const sources = fileURLToPath(new URL("fixtures/frameworks", import.meta.url));
let folder: string;

/** Loads a package of the fixture. */
async function load<T>(name: string, take: (loaded: Record<string, unknown>) => unknown): Promise<T> {
  const found = createRequire(path.join(folder, "package.json")).resolve(name);
  return take((await import(pathToFileURL(found).href)) as Record<string, unknown>) as T;
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "tidings-frameworks-"));
  cpSync(sources, folder, { recursive: true });
  npm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function listen(listener: RequestListener): Promise<Site> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => server.closeAllConnections(),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const FRAMEWORKS: Readonly<Record<string, (realtime: Realtime) => Promise<Site>>> = {
  async "Express 5, tidings/node"(realtime) {
    const express = await load<Express>("express", (loaded) => loaded.default);
    const app = express();
    app.get("/api/realtime", handleNode({ realtime }));
    return await listen(app);
  },

  async "Express 5, a mounted router, tidings/node"(realtime) {
    const express = await load<Express>("express", (loaded) => loaded.default);
    const [app, router] = [express(), express.Router()];
    router.get("/realtime", handleNode({ realtime }));
    app.use("/api", router);
    return await listen(app);
  },

  async "Fastify 5, tidings/node"(realtime) {
    const fastify = await load<() => FastifyInstance>("fastify", (loaded) => loaded.default);
    const app = fastify();
    const stream = handleNode({ realtime });
    app.get("/api/realtime", (request, reply) => {
      reply.hijack();
      stream(request.raw, reply.raw);
    });
    return await listenFastify(app);
  },

  async "Hono on Node, tidings"(realtime) {
    const [HonoApp, getRequestListener] = await loadHono();
    const app = new HonoApp();
    const handler = handleFetch({ realtime });
    app.get("/api/realtime", (c) => handler(c.req.raw));
    return await listen(getRequestListener(app.fetch));
  },

  async "F-13: Hono on Node, tidings, handle() for each request"(realtime) {
    const [HonoApp, getRequestListener] = await loadHono();
    const app = new HonoApp();
    app.get("/api/realtime", (c) => handleFetch({ realtime })(c.req.raw));
    return await listen(getRequestListener(app.fetch));
  },
};

async function listenFastify(app: FastifyInstance): Promise<Site> {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const cut = (): void => app.server.closeAllConnections();
  const stop = (): Promise<void> => {
    cut();
    return app.close();
  };
  return { url, cut, stop };
}

async function loadHono(): Promise<[new () => Hono, (fetch: Hono["fetch"]) => RequestListener]> {
  return [
    await load<new () => Hono>("hono", (loaded) => loaded.Hono),
    await load<(fetch: Hono["fetch"]) => RequestListener>("@hono/node-server", (loaded) => loaded.getRequestListener),
  ];
}

describe.each(Object.entries(FRAMEWORKS))("%s", (_name, start) => {
  let realtime: Realtime;
  let site: Site;

  beforeAll(async () => {
    realtime = new Realtime({ broker: createMemoryBroker() }) as never as Realtime;
    site = await start(realtime);
  });

  afterAll(async () => {
    await realtime.close();
    await site.stop();
  });

  it("F-12, F-35: streams under its route, refuses with JSON, and frees what leaves", async () => {
    const stream = await openRaw(`${site.url}/api/realtime?channel=room:1`);
    expect([stream.status, stream.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    await stream.until("event: connected");
    const id = await realtime.channel("room:1").emit("chat.message", "hello");
    await stream.until(`data: {"id":"${id}","channel":"room:1","event":"chat.message","data":"hello"}\n\n`);
    const refused = await openRaw(`${site.url}/api/realtime?at=wrong`);
    expect([refused.status, JSON.parse(await refused.ended)]).toMatchObject([400, { code: "bad_cursor" }]);
    expect(streamsOf(realtime)).toBe(1);
    stream.destroy();
    await vi.waitFor(() => expect(streamsOf(realtime)).toBe(0));
  });

  it("U-8: a plain EventSource resumes after its socket was destroyed, on one channel and on several", async () => {
    using one = readByEventSource(`${site.url}/api/realtime?channel=a`);
    using two = readByEventSource(`${site.url}/api/realtime?channel=a&channel=b`);
    await vi.waitFor(() => {
      expect([one, two].map(({ frames }) => frames.filter((frame) => frame === "connected").length)).toEqual([1, 2]);
    });
    const [a, b] = [realtime.channel("a"), realtime.channel("b")];
    await a.emit("e.v", "a1");
    await b.emit("e.v", "b1");
    await vi.waitFor(() => expect([one.data, two.data]).toEqual([["a1"], ["a1", "b1"]]));
    site.cut();
    await a.emit("e.v", "a2");
    await b.emit("e.v", "b2");
    await vi.waitFor(() => expect([one.opened, two.opened]).toEqual([2, 2]), { timeout: 20_000 });
    await a.emit("e.v", "a3");
    await vi.waitFor(() => expect(one.data).toEqual(["a1", "a2", "a3"]));
    await vi.waitFor(() => expect(new Set(two.data)).toEqual(new Set(["a1", "a2", "a3", "b1", "b2"])));
    expect(two.data).toHaveLength(5);
  });
});
