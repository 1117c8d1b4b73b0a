import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeClock } from "../../testing/fake-clock.ts";
import { createRealtimeClient } from "../client.ts";
import type { HeadersAsked } from "../options.ts";
import { request } from "./request.ts";
import type { Link, TransportOptions } from "./transport.ts";
// Loaded by now, so that it takes no time.
import "../explain.ts";

const warned = vi.spyOn(console, "warn");

beforeEach(() => void warned.mockReset().mockReturnValue());
afterEach(() => vi.unstubAllGlobals());

/** Asks with the answers that are to come; says what was asked. */
async function ask(answers: readonly Response[], api: TransportOptions["api"] = {}) {
  const left = [...answers];
  const asked: Headers[] = [];
  const fetch: typeof globalThis.fetch = async (_input, init) => {
    asked.push(init?.headers as Headers);
    return left.shift() as Response;
  };
  const link: Link = {
    asked: new Map([["room:1", ""]]),
    options: {
      api: { url: "http://api.test/events", ...api },
      fetch,
      clock: fakeClock(),
      route: { cuts: 0 },
      createClient: createRealtimeClient as never,
    },
    signal: new AbortController().signal,
    alive() {},
    hear() {},
  };
  const outcome = await request(link, "text/event-stream", "");
  return { outcome, tokens: asked.map((headers) => headers.get("authorization")) };
}

const answer = (status: number, body = "{}", headers: Record<string, string> = {}): Response =>
  new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
const stream = (): Response => answer(200, ":", { "content-type": "text/event-stream; charset=utf-8" });

describe("a 401", () => {
  it("is asked once more, with headers that are asked for anew and told why", async () => {
    const asks: HeadersAsked[] = [];
    const headers = (why: HeadersAsked) => ({ authorization: `token ${asks.push(why)}` });
    const { outcome, tokens } = await ask([answer(401), stream()], { headers });
    expect(outcome).toBeInstanceOf(Response);
    expect(tokens).toEqual(["token 1", "token 2"]);
    expect(asks).toEqual([{ isRetry: false }, { isRetry: true }]);
  });

  it("is final the second time", async () => {
    const { outcome, tokens } = await ask([answer(401), answer(401), stream()], { headers: () => ({ authorization: "old" }) });
    expect(outcome).toBe(Infinity);
    expect(tokens).toEqual(["old", "old"]);
  });

  it("is final where headers are always the same", async () => {
    expect(await ask([answer(401)], { headers: { authorization: "fixed" } })).toEqual({ outcome: Infinity, tokens: ["fixed"] });
    expect((await ask([answer(401)])).outcome).toBe(Infinity);
  });

  it("is asked once more at each connect anew", async () => {
    const headers = async ({ isRetry }: HeadersAsked) => ({ authorization: isRetry ? "fresh" : "old" });
    for (let connect = 0; connect < 3; connect++) {
      expect((await ask([answer(401), stream()], { headers })).tokens).toEqual(["old", "fresh"]);
    }
  });
});

describe("what is tried again", () => {
  it.each([408, 425, 429, 500, 502, 503, 504])("status %d is", async (status) => {
    expect((await ask([answer(status)])).outcome).toBe(0);
    expect((await ask([answer(status, "", { "retry-after": "7" })])).outcome).toBe(7_000);
  });

  it.each([400, 403, 404, 405, 410, 413, 414])("status %d is not", async (status) => {
    expect((await ask([answer(status)])).outcome).toBe(Infinity);
  });

  it("status 204 is not: there is nothing to come", async () => {
    expect((await ask([new Response(null, { status: 204 })])).outcome).toBe(Infinity);
  });
});

describe("what the console says in development", () => {
  const said = async (): Promise<string> => {
    await vi.waitFor(() => expect(warned).toHaveBeenCalled());
    return String(warned.mock.calls[0]);
  };

  it("a page instead of a stream", async () => {
    await ask([answer(200, "<html>", { "content-type": "text/html" })]);
    expect(await said()).toMatch(/http:\/\/api\.test\/events\S* answered with text\/html.*is `handle` at this address/);
  });

  it("a refusal, in the server's words", async () => {
    await ask([answer(400, JSON.stringify({ code: "unsupported_version", message: "Reload the page." }))]);
    expect(await said()).toMatch(/refused the stream with status 400.*Reload the page\. \(unsupported_version\)/);
  });

  it("a wrong address", async () => {
    await ask([answer(404, "Not Found", { "content-type": "text/plain" })]);
    expect(await said()).toMatch(/status 404.*Not Found Is `handle` at this address, exported as GET/);
  });
});
