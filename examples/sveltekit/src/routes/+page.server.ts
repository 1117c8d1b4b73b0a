import { fail } from "@sveltejs/kit";
import { isTidingsError } from "tidings";
import { room } from "$lib/server/realtime";

export async function load() {
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const messages = await room.history({ limit: 50 });
  return { messages: messages.map(({ id, data }) => ({ id, ...data })), after: messages.at(-1)?.id ?? cursor };
}

export const actions = {
  default: async ({ request }) => {
    const form = await request.formData();
    try {
      // The schema checks what a form sends.
      await room.emit("chat.message", { name: form.get("name") as string, text: form.get("text") as string });
    } catch (error) {
      if (!isTidingsError(error) || !error.issues) throw error;
      return fail(400, { problem: error.issues.map(({ message }) => message).join(" ") });
    }
  },
};
