import { describe, expect, it } from "vitest";
import { prefersPage } from "./accept.ts";

describe("prefersPage", () => {
  it.each([
    "application/json",
    "Application/JSON",
    " application/json ; charset=utf-8",
    "application/json, text/html",
    "application/json;q=0.1",
    "application/*",
    "application/json, */*;q=0.9",
    "text/html, application/json;q=0.9, */*;q=0.8",
    "application/json, text/event-stream;q=0.5",
    "text/event-stream;q=0, */*",
    "text/*;q=0.2, */*;q=0.3",
    "application/json;q=0.2, application/json, text/event-stream;q=0.5",
  ])("a page for %s", (accept) => expect(prefersPage(accept)).toBe(true));

  it.each([
    ...[undefined, null, "", "*/*", "*/*;q=0.1", "text/event-stream", "text/*", "text/html", "text/plain, image/png"],
    // As a browser's address bar, axios and clients of other protocols ask.
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ...["application/json, text/plain, */*", "application/json, text/event-stream", "text/event-stream, application/json"],
    ...["application/json;q=0.5, text/event-stream", "application/json;q=0.5, */*", "application/json;q=0.5;x=y, text/*"],
    ...["application/json;q=0", "application/json;q=0.000", "application/jsonp", "application/json-seq", "json", ",;,=;"],
  ])("a stream for %s", (accept) => expect(prefersPage(accept)).toBe(false));

  it("what is no weight counts as if it were not there", () => {
    for (const weight of ["2", "-1", "x", "", "1.5", "0.5.5", "NaN"]) {
      expect([weight, prefersPage(`application/json;q=${weight}`)]).toEqual([weight, true]);
      expect([weight, prefersPage(`application/json;q=${weight}, text/event-stream`)]).toEqual([weight, false]);
    }
  });
});
