import { afterEach, expect, it, vi } from "vitest";
import { explainUnanswered } from "./explain.ts";

const failed = new TypeError("Failed to fetch");

afterEach(() => vi.unstubAllGlobals());

it("says which line allows a page of another origin", () => {
  vi.stubGlobal("location", new URL("http://localhost:5173/chat"));
  const api = { url: "http://localhost:3000/api/realtime" };
  expect(explainUnanswered(api, failed)).toContain('handle({ realtime, cors: { origin: "http://localhost:5173" } })');
  expect(explainUnanswered({ ...api, withCredentials: true }, failed)).toContain(
    'cors: { origin: "http://localhost:5173", credentials: true }',
  );
});

it("says that a page from https may not ask http", () => {
  vi.stubGlobal("location", new URL("https://app.example/"));
  expect(explainUnanswered({ url: "http://api.example/events" }, failed)).toMatch(/A page from https may not ask http/);
});

it("does not speak of origins where there is but one, or none", () => {
  vi.stubGlobal("location", new URL("http://localhost:3000/"));
  expect(explainUnanswered({}, failed)).toMatch(
    /^http:\/\/localhost:3000\/api\/realtime did not answer.*Does the server run\?$/,
  );
  vi.unstubAllGlobals();
  expect(explainUnanswered({ url: "http://localhost:3000/events" }, failed)).not.toContain("cors");
});

it("says that an address is none", () => {
  expect(explainUnanswered({ url: "/api/realtime" }, failed)).toMatch(/is no URL here: \/api\/realtime/);
});
