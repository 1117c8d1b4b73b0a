import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { examineEndpoint, type EndpointOptions } from "../../src/cli/doctor/endpoint/examine.ts";
import { handle, Realtime } from "../../src/index.ts";
import { complaints, COOKIE, serveWell } from "../support/doctor.ts";
import { fetchListener, serve, type TestServer } from "../support/http-server.ts";
import { freePort } from "../support/redis-server.ts";

// What stands between, and a heartbeat of its own length, is in doctor-*.long.test.ts.
vi.mock("../../src/protocol/limits.ts", async (original) => ({ ...(await original<object>()), HEARTBEAT_MS: 1_500 }));

let server: TestServer;
let realtime: Realtime;
beforeAll(async () => {
  server = await serveWell();
  realtime = new Realtime({ redis: { driver: "memory" } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await realtime.close();
});

const look = (url: string, options: Partial<EndpointOptions> = {}) => complaints(url, { patienceMs: 2_000, ...options });

const found = (url: string, options: Partial<EndpointOptions> = {}) =>
  examineEndpoint({ url, headers: COOKIE, patienceMs: 2_000, ...options });
/** All that is said of it. */
const told = async (url: string, options: Partial<EndpointOptions> = {}): Promise<string> =>
  (await found(url, options)).map(({ text }) => text).join("\n");

describe.concurrent("tidings doctor --url, and the endpoint itself", () => {
  /** An endpoint of its own, with no proxy before it. */
  async function endpoint(options: Partial<Parameters<typeof handle>[0]> = {}): Promise<TestServer> {
    return serve(fetchListener(handle({ realtime, ...options })));
  }

  it("finds nothing where all is well", async () => {
    expect(await look(`${server.url}/api/realtime`)).toEqual([]);
  });

  it("finds that anybody may read, with headers of somebody or without", async () => {
    await using open = await endpoint();
    expect(await look(open.url)).toEqual(["warning guard"]);
    expect(await look(open.url, { headers: {} })).toEqual(["warning guard"]);
  });

  it("takes one that refuses a stranger for guarded, and says so when it refuses somebody", async () => {
    // No "ok" alone, which would read as if a stream had been watched.
    expect(await look(server.url, { headers: {} })).toEqual(["warning guard"]);
    expect(await look(server.url, { headers: { cookie: "session=other" } })).toEqual(["problem guard"]);
    await using staff = await endpoint({ authorize: ({ channel }) => channel.startsWith("staff:") });
    expect(await look(staff.url)).toEqual(["problem guard"]);
    expect(await look(staff.url, { channel: "staff:1" })).toEqual(["warning guard"]);
  });

  it("knows a limit of requests of something in between", async () => {
    await using limiting = await serve(
      (_req, res) => void res.writeHead(429, { "content-type": "text/html" }).end("Slow down"),
    );
    const [found] = await examineEndpoint({ url: limiting.url, headers: {} });
    expect(found).toMatchObject({ severity: "problem", id: "status", cure: expect.stringContaining("limit_req") as string });
  });

  it("finds that pages of another origin may not read", async () => {
    const middleware = ({ request }: { readonly request: Request }): Response | undefined =>
      request.headers.has("cookie") ? undefined : new Response(undefined, { status: 401 });
    const origin = "https://app.example.com";
    await using shared = await endpoint({ middleware, cors: { origin, credentials: true } });
    expect(await look(shared.url, { origin })).toEqual([]);
    expect(await look(shared.url, { origin: "https://other.example.com" })).toEqual(["problem cors"]);
    // Where no leave is needed.
    await using alone = await endpoint({ middleware });
    expect(await look(alone.url, { origin: alone.url })).toEqual([]);
    // Cookies would not come along.
    for (const allowed of [origin, "*"]) {
      // oxlint-disable-next-line no-await-in-loop -- each for a second or two
      await using plain = await endpoint({ middleware, cors: { origin: allowed } });
      // oxlint-disable-next-line no-await-in-loop
      const [cors] = (await found(plain.url, { origin })).filter(({ id }) => id === "cors");
      expect(cors?.cure).toContain(`cors: { origin: "${origin}", credentials: true }`);
    }
  });

  it("finds that a page of another origin may not send its headers", async () => {
    const origin = "https://app.example.com";
    const headers = { authorization: "Bearer open-sesame" };
    const middleware = ({ request }: { readonly request: Request }): Response | undefined =>
      request.headers.has("authorization") ? undefined : new Response(undefined, { status: 401 });
    const listener = fetchListener(handle({ realtime, middleware, cors: { origin } }));
    await using shared = await serve(listener);
    expect(await look(shared.url, { origin, headers })).toEqual([]);
    await using guarding = await serve((req, res) => {
      if (req.method === "OPTIONS") res.writeHead(401).end();
      else listener(req, res);
    });
    expect(await told(guarding.url, { origin, headers })).toContain("asks for leave first (OPTIONS), and is answered 401");
    await using forgetful = await serve((req, res) => {
      if (req.method === "OPTIONS") {
        res.writeHead(204, { "access-control-allow-origin": "*", "access-control-allow-headers": "*" }).end();
      } else listener(req, res);
    });
    expect(await told(forgetful.url, { origin, headers })).toContain("authorization is not in Access-Control-Allow-Headers");
  });

  it("says how to come past a proxy that asks for a password, and does not repeat one that it was given", async () => {
    const right = `Basic ${Buffer.from("staff:open-sesame").toString("base64")}`;
    const listener = fetchListener(handle({ realtime }));
    await using guarded = await serve((req, res) => {
      if (req.headers.authorization === right) listener(req, res);
      else res.writeHead(401, { "www-authenticate": 'Basic realm="staff"' }).end(`Not you, ${req.headers.authorization}`);
    });
    expect(await look(guarded.url, { headers: { authorization: right } })).toEqual([]);
    for (const headers of [{}, { cookie: "a=b" }]) {
      // oxlint-disable-next-line no-await-in-loop
      const [first] = await found(guarded.url, { headers });
      expect(first).toMatchObject({ id: "guard", cure: expect.stringContaining("Authorization: Basic $(") as string });
    }
  });

  it("finds nothing by IPv6, and names an address that nobody listens at", async () => {
    const six = createServer(fetchListener(handle({ realtime })));
    await new Promise<void>((resolve) => six.listen(0, "::1", resolve));
    const { port } = six.address() as AddressInfo;
    expect(await look(`http://[::1]:${port}/api/realtime`)).toEqual(["warning guard"]);
    six.closeAllConnections();
    await new Promise((resolve) => six.close(resolve));
    expect(await told(`http://[::1]:${port}/api`)).toContain(`http://[::1]:${port}/api cannot be asked: nobody listens`);
    // Both addresses of the name were tried.
    expect(await told(`http://localhost:${port}/api`)).toContain("nobody listens at this port (ECONNREFUSED)");
  });

  it("says of a guarded address behind a redirection to another origin that the headers were left behind", async () => {
    await using leading = await serve((_req, res) => void res.writeHead(301, { location: `${server.url}/api/realtime` }).end());
    expect(await look(leading.url)).toEqual(["warning redirect", "problem guard"]);
    expect(await told(leading.url)).toContain(
      `was led to another origin, ${server.url}/api/realtime, and the headers were not`,
    );
  });

  it("finds that an address leads on for ever", async () => {
    await using looping = await serve((_req, res) => void res.writeHead(308, { location: "/a/" }).end());
    expect(await look(looping.url)).toEqual(["warning redirect", "problem redirect"]);
  });

  it("shows of what something else answers neither its data nor half a secret that it was given", async () => {
    await using other = await serve((req, res) => {
      const type = req.url?.startsWith("/json") ? "application/json" : "text/plain";
      const text = `${"x".repeat(46)} ${req.headers.cookie} \u001b]0;title\u0007`;
      res
        .writeHead(200, { "content-type": type })
        .end(type === "text/plain" ? text : JSON.stringify({ email: "ada@example.com" }));
    });
    const plain = await told(other.url);
    expect(plain).toContain(`a text that begins with "xxxx`);
    expect(plain).not.toContain("open");
    expect(plain).not.toContain("session");
    const json = await told(`${other.url}/json`);
    expect(json).toContain(`an object with "email"`);
    expect(json).not.toContain("ada");
  });

  it("finds that the server cannot reach its broker", async () => {
    const away = new Realtime({ redis: `redis://127.0.0.1:${await freePort()}`, logger: { log() {}, warn() {}, error() {} } });
    await using lost = await serve(fetchListener(handle({ realtime: away })));
    expect(await look(lost.url)).toEqual(["problem broker", "warning guard"]);
    await away.close();
  });

  it("tells a stream that ends by itself from one that is cut", async () => {
    const brief = new Realtime({ redis: { driver: "memory" }, maxDurationSecs: 1 });
    await using short = await serve(fetchListener(handle({ realtime: brief })));
    expect(await look(short.url)).toEqual(["warning guard"]);
    await brief.close();
  });

  it("believes no stream that spoke early: it could be cut in the next silence", async () => {
    const pages = fetchListener(handle({ realtime }));
    await using cutting = await serve((req, res) => {
      if (req.headers.accept !== "text/event-stream") {
        pages(req, res);
        return;
      }
      res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" });
      res.write(`retry: 1000\n:\n\nevent: connected\ndata: {"channel":"c","cursor":"0-0","tail":"0-0","heartbeatMs":2000}\n\n`);
      setTimeout(() => res.write(":\n\n"), 200);
      setTimeout(() => res.destroy(), 400);
    });
    expect(await look(cutting.url)).toEqual(["problem idle-timeout", "warning guard"]);
  });

  it("finds a stream that is cut though it speaks", async () => {
    await using cutting = await serve((req, res) => {
      fetchListener(handle({ realtime }))(req, res);
      if (req.headers.accept === "text/event-stream") setTimeout(() => res.destroy(), 3_400);
    });
    expect(await look(cutting.url, { watchMs: 10_000 })).toEqual(["problem cut", "warning guard"]);
  });

  it("finds an event stream of something else, and a server that says nothing", async () => {
    await using other = await serve((_req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" }).write("data: hello\n\n");
    });
    expect(await look(other.url, { patienceMs: 300 })).toEqual(["warning pages", "problem content-type", "warning guard"]);
    await using silent = await serve(() => {});
    expect(await look(silent.url, { patienceMs: 300 })).toEqual(["problem reachable"]);
  });

  it("finds what is no address, and where nobody listens", async () => {
    expect(await look("localhost:3000/api/realtime")).toEqual(["problem url"]);
    expect(await look("ftp://example.com/")).toEqual(["problem url"]);
    expect(await look(server.url.replace("//", "//me:open-sesame@"))).toEqual(["problem url"]);
    expect(await look(`http://127.0.0.1:${await freePort()}/`)).toEqual(["problem reachable"]);
    expect(await look("http://nowhere.invalid/")).toEqual(["problem reachable"]);
    const noHttp = createServer().on("connection", (socket) => void socket.end("SSH-2.0-OpenSSH\r\n"));
    await new Promise<void>((resolve) => noHttp.listen(0, "127.0.0.1", resolve));
    expect(await look(`http://127.0.0.1:${(noHttp.address() as AddressInfo).port}/`)).toEqual(["problem reachable"]);
    await new Promise((resolve) => noHttp.close(resolve));
  });

  it("never tells another origin who somebody is", async () => {
    const told: Array<string | undefined> = [];
    await using elsewhere = await serve((req, res) => {
      told.push(req.headers.cookie);
      res.writeHead(404).end();
    });
    await using leading = await serve((_req, res) => void res.writeHead(307, { location: elsewhere.url }).end());
    expect(await look(leading.url)).toEqual(["warning redirect", "problem status"]);
    expect(told).toEqual([undefined]);
  });
});
