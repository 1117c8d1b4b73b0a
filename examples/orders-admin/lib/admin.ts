import { eq } from "drizzle-orm";
import { defineAdmin, drizzleAdapter, resource } from "tidings/resources";
import { db } from "./db";
import { orders } from "./schema";

const url = process.env.REDIS_URL;

// It has no `auth`: whoever reaches the page may see and change every order. An admin of yours says who asks, for the stream here
// (`auth: { session(request) { … } }`), and in the routes and actions as you do elsewhere.
// One variable: with it, what one instance changes is seen in the browsers of all others.
export const admin = defineAdmin({
  adapter: drizzleAdapter(db, { eq }),
  resources: [resource(orders, { columns: ["id", "customer", "item", "total", "status"], realtime: true })],
  realtime: url ? { driver: "redis", url, keyPrefix: "orders-admin" } : { driver: "memory" },
});
