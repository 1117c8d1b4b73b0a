import { createClient } from "@libsql/client";
import { count, desc } from "drizzle-orm";
import { drizzle } from "drizzle-orm/libsql";
import { orders, STATUSES, type Order } from "./schema";

const client = createClient({ url: `file:${process.env.DB_FILE ?? "orders.db"}` });

export const db = drizzle(client);

const PEOPLE = ["Ada Byron", "Grace Murray", "Edsger Wybe", "Barbara Jane", "Alan Mathison", "Radia Joy"];
const ITEMS = ["Oolong, 250 g", "Teapot, cast iron", "Matcha, 30 g", "Cups, set of four", "Rooibos, 500 g"];

/** The table, with something in it the first time. Who reads or writes waits for it. */
export const ready = (async () => {
  // Readers and a writer do not wait for each other, also in another process.
  await client.execute("PRAGMA journal_mode = WAL");
  await client.execute("PRAGMA busy_timeout = 5000");
  await client.execute(
    "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL, item TEXT NOT NULL, total INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'new')",
  );
  const rows = Array.from({ length: 24 }, (_, n) => ({
    id: n + 1,
    customer: PEOPLE[n % PEOPLE.length] ?? "",
    item: ITEMS[n % ITEMS.length] ?? "",
    total: 900 + ((n * 1370) % 8100),
    status: STATUSES[Math.max(0, 3 - Math.floor(n / 6))] as Order["status"],
  }));
  await db.insert(orders).values(rows).onConflictDoNothing();
})();

/** A page of orders, the newest first. */
export async function readOrders(page: number, pageSize: number): Promise<{ rows: Order[]; total: number }> {
  await ready;
  const [rows, [all]] = await Promise.all([
    db
      .select()
      .from(orders)
      .orderBy(desc(orders.id))
      .limit(pageSize)
      .offset((page - 1) * pageSize),
    db.select({ total: count() }).from(orders),
  ]);
  return { rows, total: all?.total ?? 0 };
}
