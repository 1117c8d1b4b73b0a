import { expect, it } from "vitest";
import { createUrlDriver } from "./url.ts";

it.each([
  ["localhost:6379", "one with no scheme: write `redis://` before it, or `rediss://` for TLS."],
  ["127.0.0.1:6379", "one with no scheme"],
  ["user:secret@host:6379", "one with no scheme"],
  ["https://eu1.upstash.io", "For Upstash over REST pass `new Redis({ url, token })`"],
  ["unix:///run/secret.sock", "it got another one."],
  ["redis://localhost/orders", "it got another one."],
])("%s is refused, with what is wrong and nothing of itself", (url, reason) => {
  const create = (): unknown => createUrlDriver(url);
  expect(create).toThrow(reason);
  expect(create).not.toThrow(/secret|upstash\.io/);
  expect(create).toThrow(expect.objectContaining({ code: "bad_option" }));
});

it("a URL says which server, account and database are meant", () => {
  expect(createUrlDriver("rediss://ada@host:1234/2")).toMatchObject({
    ...{ identity: "rediss://ada@host:1234/2", address: "host:1234/2", db: 2, password: "" },
  });
  expect(createUrlDriver("redis://localhost").identity).toBe("redis://localhost:6379/0");
});
