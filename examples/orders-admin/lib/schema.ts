import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const STATUSES = ["new", "packed", "shipped", "delivered"] as const;
export type Status = (typeof STATUSES)[number];

export const orders = sqliteTable("orders", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  customer: text("customer").notNull(),
  item: text("item").notNull(),
  /** In cents. */
  total: integer("total").notNull(),
  status: text("status", { enum: STATUSES }).notNull().default("new"),
});

export type Order = typeof orders.$inferSelect;
