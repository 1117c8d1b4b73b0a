import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SELF_SIGNED } from "../../test/support/self-signed.ts";
import type * as Explain from "./explain.ts";

const failed = new TypeError("Failed to fetch");

/** As on a page that has just been loaded. */
let explain: typeof Explain;
beforeEach(async () => {
  vi.resetModules();
  explain = await import("./explain.ts");
});
afterEach(() => vi.unstubAllGlobals());

const openPage = (address: string): unknown => vi.stubGlobal("location", new URL(address));

describe("a request without an answer", () => {
  const api = { url: "http://localhost:3000/api/realtime" };

  it("says which line allows a page of another origin, and that the address may be wrong", () => {
    openPage("http://localhost:5173/chat");
    const said = explain.explainUnanswered(api, failed);
    expect(said).toContain('handle({ realtime, cors: { origin: "http://localhost:5173" } })');
    expect(said).toMatch(/Open the address in a tab.*\(a 404\), correct `api\.url`/);
    expect(explain.explainUnanswered({ ...api, withCredentials: true }, failed)).toContain(
      'cors: { origin: "http://localhost:5173", credentials: true }',
    );
  });

  it("says nothing of that to a page that streams have come through to", () => {
    openPage("http://localhost:5173/chat");
    explain.noteJoined();
    const said = explain.explainUnanswered(api, failed);
    expect(said).toMatch(/did not answer.*Streams came through before: does the server still run\?$/);
  });

  it("says of a process of Node that it does not trust the certificate, and what to do", async () => {
    const server = createServer(SELF_SIGNED, (_req, res) => void res.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const error: unknown = await fetch(url).catch((reason: unknown) => reason);
    await new Promise((resolve) => server.close(resolve));
    const said = explain.explainUnanswered({ url }, error);
    expect(said).toMatch(
      /\((DEPTH_ZERO_)?SELF_SIGNED_CERT[A-Z_]*\)\. Its certificate is not accepted here.*NODE_EXTRA_CA_CERTS=/,
    );
    expect(said).not.toContain("Does the server run?");
    expect(explain.explainUnanswered({ url: "http://127.0.0.1:1/" }, failed)).toContain("Does the server run?");
  });

  it("says that a page from https may not ask http", () => {
    openPage("https://app.example/");
    expect(explain.explainUnanswered({ url: "http://api.example/events" }, failed)).toMatch(
      /A page from https may not ask http/,
    );
  });

  it("does not speak of origins where there is but one, or none", () => {
    openPage("http://localhost:3000/");
    expect(explain.explainUnanswered({}, failed)).toMatch(
      /^http:\/\/localhost:3000\/api\/realtime did not answer.*Does the server run\?$/,
    );
    vi.unstubAllGlobals();
    expect(explain.explainUnanswered({ url: "http://localhost:3000/events" }, failed)).not.toContain("cors");
  });

  it("says that an address is none", () => {
    expect(explain.explainUnanswered({ url: "/api/realtime" }, failed)).toMatch(/is no URL here: \/api\/realtime/);
  });

  it("is explained once, and again when the reason is another or a stream came through meanwhile", () => {
    const ask = (error: Error, url = api.url): boolean => explain.explainUnanswered({ url }, error) !== "";
    expect([ask(failed), ask(failed), ask(failed, "http://localhost:4000/")]).toEqual([true, false, true]);
    expect([ask(new TypeError("terminated")), ask(new TypeError("terminated"))]).toEqual([true, false]);
    explain.noteJoined();
    expect([ask(failed), ask(failed)]).toEqual([true, false]);
  });
});

describe("an answer that is none", () => {
  const explainAnswer = (response: Response, at = "1-0"): Promise<string> =>
    explain.explainAnswer(`http://localhost:3000/api/realtime?channel=a&at=${at}`, response, "text/event-stream");
  const page = (): Response => new Response("<html>", { headers: { "content-type": "text/html" } });

  it("says of a server that closes that it closes, and does not send anybody to look for another one behind it", async () => {
    const body = JSON.stringify({ code: "closing", message: "The server is closing." });
    const closing = new Response(body, { status: 503, headers: { "content-type": "application/json" } });
    expect(await explain.explainAnswer("http://a/?channel=x", closing, "text/event-stream")).toBe(
      "http://a/ answered 503, and will be asked again: The server is closing. (closing)",
    );
  });

  it("of a server that failed, or of what stands before it, is a line, once", async () => {
    const bad = (status: number): Response => new Response("<html>", { status });
    expect(await explainAnswer(bad(502))).toBe(
      "http://localhost:3000/api/realtime answered 502, and will be asked again. Does the server behind it run?",
    );
    expect(await explainAnswer(bad(502), "2-0")).toBe("");
    expect(await explainAnswer(bad(500))).toContain(
      "answered 500, and will be asked again. What failed is in the server's log.",
    );
    expect(await explainAnswer(bad(504))).toContain("answered 504");
  });

  it("that is a page is explained once, whatever is asked for", async () => {
    expect(await explainAnswer(page())).toContain("answered with text/html");
    expect(await explainAnswer(page(), "2-0")).toBe("");
  });

  it("that says to come back later is none of those", async () => {
    expect(await explainAnswer(new Response("", { status: 429 }))).toBe("");
  });

  it("that is final is told each time: it is asked for by somebody", async () => {
    const refusal = (): Response => Response.json({ code: "forbidden", message: "Not yours." }, { status: 403 });
    for (const _ of [1, 2]) expect(await explainAnswer(refusal())).toContain("status 403, and is not asked again");
  });
});
