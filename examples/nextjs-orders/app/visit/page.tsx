import { connection } from "next/server";
import { realtime } from "@/lib/realtime";

/** A page that emits while it renders. */
export default async function Page() {
  await connection();
  await realtime.emit("order.placed", { item: "visit", quantity: 1 });
  return <p>You were counted.</p>;
}
