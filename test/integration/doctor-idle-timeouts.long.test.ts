import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { complaints, serveWell } from "../support/doctor.ts";
import type { TestServer } from "../support/http-server.ts";
import { startHaproxyWith, startNginxWith, type RunningProxy } from "../support/proxies.ts";

let server: TestServer;
beforeAll(async () => {
  server = await serveWell();
});
afterAll(() => server[Symbol.asyncDispose]());

const port = (): number => Number(new URL(server.url).port);
const nginx = (location: string) => () => startNginxWith(port(), { location });
const haproxy = (server: string) => () =>
  startHaproxyWith(port(), { defaults: `timeout client 60s\n  timeout server ${server}\n  option http-no-delay` });

/** With the heartbeat that everybody has: each takes half a minute. Its other findings are in doctor-proxies.long.test.ts. */
describe.concurrent("tidings doctor --url, and an idle timeout", () => {
  it.each<[string, () => Promise<RunningProxy>, string[]]>([
    ["nginx as it comes", nginx("PASS;"), []],
    ["nginx, above the heartbeat", nginx("PASS; proxy_read_timeout 17s;"), []],
    ["nginx, below the heartbeat", nginx("PASS; proxy_read_timeout 12s;"), ["problem idle-timeout"]],
    ["haproxy, above the heartbeat", haproxy("17s"), []],
    ["haproxy, below the heartbeat", haproxy("12s"), ["problem idle-timeout"]],
  ])("%s", async (_name, start, expected) => {
    await using proxy = await start();
    expect(await complaints(proxy.url)).toEqual(expected);
  });
});
