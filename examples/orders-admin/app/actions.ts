"use server";

import { eq } from "drizzle-orm";
import { publishResource } from "tidings/resources";
import { db, ready } from "@/lib/db";
import { orders, STATUSES, type Status } from "@/lib/schema";

/** A write of your own, and a word about it. */
export async function setStatus(id: number, status: Status): Promise<void> {
  if (!STATUSES.includes(status)) throw new Error("There is no such status.");
  await ready;
  const [order] = await db.select().from(orders).where(eq(orders.id, id));
  if (order?.status === "delivered") throw new Error("A delivered order stays delivered.");
  await db.update(orders).set({ status }).where(eq(orders.id, id));
  await publishResource("orders", { action: "update", id });
}
