"use server";

import { isTidingsError } from "tidings";
import { room } from "@/lib/realtime";

/** Returns what is wrong with the message; `undefined` when it was sent. */
export async function send(form: FormData) {
  try {
    // The schema checks what a form sends.
    await room.emit("chat.message", { name: form.get("name") as string, text: form.get("text") as string });
  } catch (error) {
    if (isTidingsError(error) && error.issues) return error.issues.map(({ message }) => message).join(" ");
    throw error;
  }
}
