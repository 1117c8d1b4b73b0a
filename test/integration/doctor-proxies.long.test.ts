import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { printed, SHOWN } from "../support/doctor-guide.ts";
import { complaints, COOKIE, serveWell } from "../support/doctor.ts";
import type { TestServer } from "../support/http-server.ts";
import { startHaproxyWith, startNginxWith, type NginxConfig, type RunningProxy } from "../support/proxies.ts";
import { freePort } from "../support/redis-server.ts";
import { SELF_SIGNED } from "../support/self-signed.ts";

// Its own length is waited for in doctor-idle-timeouts.long.test.ts.
vi.mock("../../src/protocol/limits.ts", async (original) => ({ ...(await original<object>()), HEARTBEAT_MS: 1_500 }));

let server: TestServer;
beforeAll(async () => {
  server = await serveWell();
});
afterAll(() => server[Symbol.asyncDispose]());

const portOf = ({ url }: { readonly url: string }): number => Number(new URL(url).port);
const look = (url: string, ca?: readonly string[]) => complaints(url, { patienceMs: 2_000, ca });

type Start = () => Promise<RunningProxy>;
const nginx = (location: string, more: Omit<NginxConfig, "location"> = {}): Start => {
  return () => startNginxWith(portOf(server), { location, ...more });
};
const haproxy = (defaults: string, backend?: string): Start => {
  return () => startHaproxyWith(portOf(server), { defaults, ...(backend !== undefined && { backend }) });
};
const PATIENT = "timeout client 60s\n  timeout server 60s";
const GZIP = "gzip on; gzip_types text/event-stream application/json; gzip_proxied any;";
const CACHE = "proxy_cache_path FOLDER/cache keys_zone=pages:1m;";

describe.concurrent("tidings doctor --url, behind a proxy that is set up well", () => {
  it.each<[string, Start]>([
    ["none at all", async () => ({ url: `${server.url}/api/realtime`, async [Symbol.asyncDispose]() {} })],
    ["nginx as it comes", nginx("PASS;")],
    ["nginx by HTTP/1.1", nginx(`PASS; proxy_http_version 1.1; proxy_set_header Connection "";`)],
    ["nginx without buffers", nginx("PASS; proxy_buffering off;")],
    ["nginx that compresses other things", nginx("PASS; proxy_http_version 1.1;", { http: "gzip on;" })],
    ["nginx that caches what may be cached", nginx("PASS; proxy_cache pages; proxy_cache_valid 1m;", { http: CACHE })],
    ["nginx by HTTP/2", nginx("PASS; proxy_http_version 1.1;", { tls: "http2" })],
    ["haproxy", haproxy(`${PATIENT}\n  option http-no-delay`)],
    // It leaves alone what says no-transform.
    [
      "haproxy that compresses",
      haproxy(`${PATIENT}\n  option http-no-delay\n  compression algo gzip\n  compression type text/event-stream`),
    ],
  ])("%s: nothing is found", async (_name, start) => {
    await using proxy = await start();
    expect(await look(proxy.url, [SELF_SIGNED.cert])).toEqual([]);
  });
});

describe.concurrent("tidings doctor --url, behind a proxy that is set up wrongly", () => {
  const BUFFERS = "proxy_ignore_headers X-Accel-Buffering;";
  it.each<[string, Start, string[]]>([
    ["nginx waits for the end", nginx(`PASS; ${BUFFERS}`), ["problem buffered"]],
    ["nginx compresses", nginx("PASS; proxy_http_version 1.1;", { http: GZIP }), ["warning compression"]],
    [
      "nginx compresses, and waits until there is more",
      nginx(`PASS; proxy_http_version 1.1; ${BUFFERS}`, { http: GZIP }),
      ["problem buffered"],
    ],
    ["nginx ends what is idle", nginx("PASS; proxy_http_version 1.1; proxy_read_timeout 1s;"), ["problem idle-timeout"]],
    [
      "nginx lets caches keep it",
      nginx("PASS; proxy_hide_header Cache-Control; add_header Cache-Control 'public, max-age=60';"),
      ["problem cache"],
    ],
    [
      "nginx caches all the same",
      nginx("PASS; proxy_cache pages; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control;", { http: CACHE }),
      // What was answered to somebody is given to strangers.
      ["problem cache", "warning guard"],
    ],
    [
      "nginx caches all the same, and does not tell a page from a stream",
      nginx("PASS; proxy_cache pages; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Vary;", { http: CACHE }),
      ["problem cache", "problem content-type", "warning guard"],
    ],
    [
      "nginx caches, and tells apart by the path alone",
      nginx(
        "PASS; proxy_cache pages; proxy_cache_key $uri; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Vary;",
        {
          http: CACHE,
        },
      ),
      ["problem content-type", "warning guard"],
    ],
    ["nginx drops Accept", nginx(`PASS; proxy_set_header Accept "";`), ["warning pages"]],
    [
      "nginx changes the type",
      nginx("PASS; proxy_hide_header Content-Type; add_header Content-Type text/plain;"),
      ["problem content-type"],
    ],
    ["nginx drops the cookie", nginx(`PASS; proxy_set_header Cookie "";`), ["problem guard"]],
    [
      "nginx leads elsewhere: a page",
      nginx("default_type text/html; return 200 '<!doctype html><title>My app</title>';"),
      ["problem content-type"],
    ],
    ["nginx leads elsewhere: nothing there", nginx("return 404;"), ["problem status"]],
    ["nginx refuses by itself", nginx("deny all;"), ["problem guard"]],
    [
      "nginx leads to a login",
      nginx(
        `if ($uri != /login) { return 302 /login; } default_type text/html; return 200 '<form><input type="password"></form>';`,
      ),
      ["warning redirect", "problem login"],
    ],
    ["nginx wants a slash at the end", nginx("rewrite ^(.*[^/])$ $1/ permanent; PASS;"), ["warning redirect"]],
    ["nginx leads on for ever", nginx("return 302 $uri;"), ["warning redirect", "problem redirect"]],
    ["nginx asks for a password", nginx(`auth_basic "staff"; auth_basic_user_file /dev/null; PASS;`), ["problem guard"]],
    ["nginx has no server behind it", async () => startNginxWith(await freePort(), { location: "PASS;" }), ["problem status"]],
    ["nginx speaks HTTP/1.1 by TLS", nginx("PASS;", { tls: "" }), ["warning http-version"]],
    [
      "haproxy waits for the end",
      haproxy(`${PATIENT}\n  option http-no-delay`, "http-response wait-for-body time 60s"),
      ["problem buffered"],
    ],
    ["haproxy gathers small pieces", haproxy(PATIENT), ["warning delay"]],
    [
      "haproxy ends what is idle",
      haproxy("timeout client 60s\n  timeout server 1s\n  option http-no-delay"),
      ["problem idle-timeout"],
    ],
    [
      "haproxy changes the type",
      haproxy(`${PATIENT}\n  option http-no-delay`, "http-response set-header content-type text/html"),
      ["problem content-type"],
    ],
    [
      "haproxy has no server behind it",
      async () => startHaproxyWith(await freePort(), { defaults: PATIENT }),
      ["problem status"],
    ],
  ])("%s", async (_name, start, expected) => {
    await using proxy = await start();
    expect(await look(proxy.url, [SELF_SIGNED.cert])).toEqual(expected);
  });

  it("the certificate is not trusted, or for another name, or there is none", async () => {
    await using proxy = await startNginxWith(portOf(server), { location: "PASS;", tls: "http2" });
    const { port } = new URL(proxy.url);
    expect(await look(proxy.url)).toEqual(["problem tls"]);
    expect(await look(`https://localhost:${port}/`, [SELF_SIGNED.cert])).toEqual(["problem tls"]);
    expect(await look(server.url.replace("http:", "https:"))).toEqual(["problem tls"]);
    expect(await look(`http://127.0.0.1:${port}/`)).toEqual(["problem status"]);
  });
});

it("docs/guides/doctor.md shows what is printed of an endpoint", async () => {
  await using proxy = await startNginxWith(portOf(server), {
    location: "PASS; proxy_ignore_headers X-Accel-Buffering;",
    tls: "http2",
  });
  const folder = mkdtempSync(path.join(tmpdir(), "tidings-doctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const ca = path.join(folder, "ca.pem");
  writeFileSync(ca, SELF_SIGNED.cert);
  const cookie = `Cookie: ${COOKIE.cookie}`;
  const shown = await printed(
    ["--url", proxy.url, "--header", cookie, "--ca", ca],
    [[new URL(proxy.url).origin, "https://app.example.com"]],
  );
  expect(shown).toBe(SHOWN[0]);
});
