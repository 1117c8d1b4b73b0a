import { describe, expect, it } from "vitest";
import { runDrizzleApp } from "../support/drizzle-app.ts";

describe("resources over Drizzle", () => {
  it("P-1, P-15: the package compiles against its types, and writes through a real database, telling what was committed", async () => {
    expect(await runDrizzleApp("orders")).toEqual({
      made: { number: 1, status: "new", name: "tea" },
      status: "sent",
      missing: null,
      failed: "planted",
      toldBefore: 2,
      total: 1,
      told: [
        { action: "create", id: "1" },
        { action: "update", id: "1" },
        { action: "create", id: "2" },
        { action: "delete", id: "1" },
        { action: "update" },
      ],
      keys: ["payouts.id", "users.email", "orders.number"],
      wrong: "function",
    });
  });

  it("P-15: a driver whose transactions are synchronous is refused before anything runs in one; single writes work", async () => {
    expect(await runDrizzleApp("orders-sync")).toEqual({
      made: { number: 1, status: "new" },
      refused: { code: "bad_option", message: expect.stringContaining("libsql") },
      didRun: false,
      left: [{ number: 1, status: "new" }],
      told: [{ action: "create", id: "1" }],
    });
  });
});
