"use server";

import { room } from "@/lib/realtime";

export async function send(form: FormData) {
  // The schema checks what a form sends.
  await room.emit("chat.message", { name: form.get("name") as string, text: form.get("text") as string });
}
