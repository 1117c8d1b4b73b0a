import { expect, it } from "vitest";
import { runDrizzleApp } from "../support/drizzle-app.ts";
import { startMariaDb } from "../support/mariadb.ts";

it("P-1, P-15: over Drizzle and MySQL, whose statements answer no rows, the row and what is told are the same as elsewhere", async () => {
  await using database = await startMariaDb();
  expect(await runDrizzleApp("orders-mysql", { MYSQL_URL: database.url })).toEqual({
    made: { number: 1, status: "new", item: "tea" },
    status: "new",
    sent: { number: 1, status: "sent", item: "tea" },
    // Nothing has changed, but there is such a row.
    same: { number: 1, status: "sent", item: "tea" },
    moved: { number: 7, status: "sent", item: "tea" },
    // `undefined` in a list.
    missing: [null, null],
    gone: { number: 7, status: "sent", item: "tea" },
    failed: "planted",
    inside: true,
    left: ["milk"],
    ada: { email: "ada@example.org", name: "Ada" },
    own: { email: "made@here", name: "Tom" },
    // Made by the database: not known.
    token: { name: "one" },
    told: {
      orders: [
        { action: "create", id: "1" },
        { action: "update", id: "1" },
        { action: "update", id: "1" },
        { action: "update", id: "1" },
        { action: "delete", id: "7" },
        // After 7; 8 was rolled back.
        { action: "create", id: "9" },
      ],
      users: [{ action: "create", id: "ada@example.org" }],
      tokens: [{ action: "create" }],
    },
  });
});
