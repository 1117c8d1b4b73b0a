import { room } from "$lib/server/realtime";

export async function load() {
  const cursor = await room.cursor(); // first: what comes later, the browser gets
  const messages = await room.history({ limit: 50 });
  return { messages: messages.map(({ id, data }) => ({ id, ...data })), after: messages.at(-1)?.id ?? cursor };
}

export const actions = {
  default: async ({ request }) => {
    const form = await request.formData();
    // The schema checks what a form sends.
    await room.emit("chat.message", { name: form.get("name") as string, text: form.get("text") as string });
  },
};
