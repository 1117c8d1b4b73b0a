import { describe, expect, it } from "vitest";
import { run } from "./run.ts";

async function outcome(...args: readonly string[]): Promise<{ code: number; printed: string; complained: string }> {
  const said = { printed: "", complained: "" };
  const code = await run(args, {
    version: "1.2.3",
    print: (text) => void (said.printed += `${text}\n`),
    complain: (text) => void (said.complained += `${text}\n`),
    folder: "/nowhere",
    whenEnded: () => AbortSignal.abort(),
  });
  return { code, ...said };
}

describe("npx tidings", () => {
  it("tells its version and its commands when it is asked", async () => {
    expect(await outcome("--version")).toEqual({ code: 0, printed: "1.2.3\n", complained: "" });
    for (const ask of ["--help", "-h", "help"]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await outcome(ask)).toMatchObject({
        code: 0,
        printed: expect.stringMatching(/^ {2}doctor {2}\w/m),
        complained: "",
      });
    }
    expect(await outcome("doctor", "--help")).toMatchObject({ code: 0, printed: expect.stringContaining("--redis <url>") });
  });

  it("says what it can do, and fails, when it is called without a command that it has", async () => {
    for (const args of [[], ["doktor"], ["toString"]]) {
      // oxlint-disable-next-line no-await-in-loop
      expect(await outcome(...args)).toMatchObject({ code: 2, printed: "", complained: expect.stringContaining("doctor") });
    }
  });

  it("names the command that it does not have, and nothing that could be a secret", async () => {
    const { complained } = await outcome("intit");
    expect(complained).toMatch(/^There is no command "intit"\.\n\nUsage: tidings <command>/);
    for (const name of ["redis://:s3cret@host", "--redis=s3cret"]) {
      // oxlint-disable-next-line no-await-in-loop
      expect((await outcome(name)).complained).toMatch(/^There is no such command\.\n\nUsage: (?!.*s3cret)/s);
    }
    expect((await outcome()).complained).toMatch(/^Usage: tidings <command>/);
  });
});

describe("npx tidings doctor", () => {
  it.each<[what: string, args: string[], says: string]>([
    ["nothing to look at", [], "--redis <url>, --url <endpoint>, or both"],
    ["a value without its option", ["redis://:s3cret@host"], "needs the name of an option"],
    ["an option that it does not have", ["--host=s3cret"], "--host"],
    ["an option without its value", ["--url"], "--url"],
    ["a header without a colon", ["--url", "http://localhost", "--header", "s3cret"], `"Name: text"`],
    ["a header whose name is none", ["--url", "http://localhost", "--header", "Bearer s3cret: x"], `"Name: text"`],
    ["a header that cannot be sent", ["--url", "http://localhost", "--header", "Cookie: s3cret=€"], "encoded"],
    ["a channel that is none", ["--url", "http://localhost", "--channel", "a b"], "--channel"],
    ["an origin with a path", ["--url", "http://localhost", "--origin", "https://a.example/b"], "--origin"],
    ["a time that is none", ["--url", "http://localhost", "--watch-secs", "long"], "--watch-secs"],
    ["a certificate that is not there", ["--url", "http://localhost", "--ca", "/nowhere.pem"], "--ca"],
    ["a Redis from a variable that is not set", ["--redis", ""], "--redis is empty"],
    ["an endpoint from a variable that is not set", ["--redis", "redis://:s3cret@host", "--url", ""], "--url is empty"],
    ["a prefix with braces", ["--redis", "redis://:s3cret@host", "--key-prefix", "{a}"], "brace"],
  ])("called with %s says how it is called, looks at nothing, and repeats no secret", async (_what, args, says) => {
    const { code, printed, complained } = await outcome("doctor", ...args);
    expect([code, printed]).toEqual([2, ""]);
    expect(complained).toContain(says);
    expect(complained).toContain("Usage: tidings doctor");
    expect(complained).not.toContain("s3cret");
  });

  it("fails with 1 when there is a problem, in words and in JSON", async () => {
    const words = await outcome("doctor", "--url", "localhost:3000");
    expect(words).toEqual({
      code: 1,
      printed:
        "PROBLEM That is no address of HTTP. [url]\n        Write it as the browser has it: https://example.com/api/realtime.\n\n1 problem.\n",
      complained: "",
    });
    const { code, printed } = await outcome("doctor", "--redis", "https://:s3cret@host", "--url", "localhost:3000", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(printed)).toMatchObject({
      ok: false,
      findings: [{ id: "redis-url", severity: "problem" }, { id: "url" }],
    });
    expect(printed).not.toContain("s3cret");
  });
});

describe("npx tidings tail", () => {
  it.each<[what: string, args: string[], says: string]>([
    ["no channel", ["--redis", "redis://:s3cret@host"], "name of a channel"],
    ["a URL in the place of a channel", ["redis://:s3cret@host{}"], "name of a channel"],
    ["no place", ["room"], "--redis <url>, or --url <endpoint>"],
    [
      "two places",
      ["room", "--redis", "redis://:s3cret@host", "--url", "http://localhost"],
      "--redis <url>, or --url <endpoint>",
    ],
    ["a Redis from a variable that is not set", ["room", "--redis", ""], "--redis is empty"],
    ["a Redis that is none", ["room", "--redis", "https://:s3cret@host"], "redis://"],
    ["an endpoint that is none", ["room", "--url", "localhost:3000"], "--url takes"],
    ["a password in the endpoint", ["room", "--url", "http://ada:s3cret@localhost"], "--header"],
    ["a header without a colon", ["room", "--url", "http://localhost", "--header", "s3cret"], `"Name: text"`],
    ["a header that cannot be sent", ["room", "--url", "http://localhost", "--header", "Cookie: s3cret=€"], "encoded"],
    ["a header of two lines", ["room", "--url", "http://localhost", "--header", "Cookie: s3cret\nhost: a"], "encoded"],
    ["a header for Redis", ["room", "--redis", "redis://:s3cret@host", "--header", "a: s3cret"], "--url"],
    ["a prefix for an endpoint", ["room", "--url", "http://localhost", "--key-prefix", "a"], "--redis"],
    ["a prefix with braces", ["room", "--redis", "redis://:s3cret@host", "--key-prefix", "{a}"], "brace"],
    ["a history that is none", ["room", "--url", "http://localhost", "--history", "0"], "1 to 1000"],
    ["a position that is none", ["room", "--url", "http://localhost", "--after", "s3cret"], "--after"],
    ["one position for two channels", ["a", "b", "--url", "http://localhost", "--after", "1-0"], "one channel"],
    ["two beginnings", ["a", "--url", "http://localhost", "--after", "1-0", "--history", "all"], "both"],
    ["an event that is none", ["a", "--url", "http://localhost", "--events", "a.b,c d"], "--events"],
    ["an option that it does not have", ["a", "--host=s3cret"], "--host"],
  ])("called with %s says how it is called, watches nothing, and repeats no secret", async (_what, args, says) => {
    const { code, printed, complained } = await outcome("tail", ...args);
    expect([code, printed]).toEqual([2, ""]);
    expect(complained).toContain(says);
    expect(complained).toContain("Usage: tidings tail");
    expect(complained).not.toContain("s3cret");
  });
});
