import { describe, expect, it } from "vitest";
import { nodeOfUrl } from "./server-address.ts";

describe("the server that a URL of a cluster's node names", () => {
  it.each([
    ["redis://db.example:7000", { host: "db.example", port: 7_000 }],
    ["rediss://user:pw@db.example", { host: "db.example", port: 6_379 }],
    ["redis://[::1]:7001", { host: "::1", port: 7_001 }],
  ])("%s", (url, node) => {
    expect(nodeOfUrl(url)).toEqual(node);
  });

  it("is refused, in words, when it is no URL", () => {
    expect(() => nodeOfUrl("redis://:")).toThrow(expect.objectContaining({ code: "bad_option" }));
    expect(() => nodeOfUrl("db.example 7000")).toThrow(/redis:\/\/host:6379/);
  });
});
