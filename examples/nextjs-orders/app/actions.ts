"use server";

import { realtime } from "@/lib/realtime";

export async function placeOrder(form: FormData) {
  // The schema checks and converts what a form sends.
  await realtime.emit("order.placed", { item: form.get("item") as string, quantity: form.get("quantity") });
}
